"""Commands as generators: by `yield` a command waits for bytes, or is busy for some time.

So a command reads like the device-side flow charts of AN3155, and bytes of the host may come in
any chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TypeVar

ACK = b"\x79"
NACK = b"\x1f"

T = TypeVar("T")


class Nack(Exception):
    """Answer NACK and wait for the next command. The message is for the user of the bench."""


@dataclass(frozen=True)
class Busy:
    """For `ns` of virtual time the ROM polls the flash, not its USART. Of the bytes that arrive in
    that time, the first `kept` stay in the data register and the others are lost by overrun."""

    ns: int
    kept: int = 1


Script = Generator[int | Busy, bytes, T]
"""Yields the number of bytes it needs next (and is sent them), or a `Busy`."""

After = Callable[[int, Callable[[], object]], object]
"""Call a function after so many ns of virtual time: `Clock.after`."""


def checksum(data: bytes) -> int:
    return reduce(xor, data, 0)


def take_checked(length: int, what: str, seen: bytes = b"") -> Script[bytes]:
    """`length` bytes whose XOR with the byte that follows, and with `seen`, is zero
    (AN3155 3, Communication safety)."""
    data = yield length + 1
    if checksum(seen + data):
        raise Nack(f"the checksum of {what} is wrong")
    return data[:-1]


def take_complemented(what: str) -> Script[int]:
    """A byte followed by its complement."""
    value, complement = yield 2
    if value ^ complement != 0xFF:
        raise Nack(f"{what} 0x{value:02X} came with 0x{complement:02X}, not its complement")
    return value


class Driver:
    """Runs a generator: gives it the bytes of the host, and waits while it is busy."""

    def __init__(self, script: Script[None], after: After | None) -> None:
        self._script: Script[None] | None = script
        self._after = after
        self._buffer = bytearray()
        self._wanted = 0
        self._busy: Busy | None = None
        self._resume(None)
        self._run()

    def receive(self, data: bytes) -> None:
        """Bytes from the host, any chunking."""
        self._buffer += data
        if self._busy:
            del self._buffer[self._busy.kept :]
        else:
            self._run()

    def stop(self) -> None:
        """Answer nothing any more."""
        self._script = None

    def _run(self) -> None:
        while self._script and not self._busy and len(self._buffer) >= self._wanted:
            data = bytes(self._buffer[: self._wanted])
            del self._buffer[: self._wanted]
            self._resume(data)

    def _resume(self, data: bytes | None) -> None:
        if self._script is None:
            return
        try:
            request = next(self._script) if data is None else self._script.send(data)
        except StopIteration:
            self._script = None
            return
        if isinstance(request, Busy):
            self._pause(request)
        else:
            self._wanted = request

    def _pause(self, busy: Busy) -> None:
        self._wanted = 0
        if self._after is None or busy.ns <= 0:
            return  # no clock: `_run` continues at once
        self._busy = busy
        del self._buffer[busy.kept :]  # what came in one chunk with the end of the command
        self._after(busy.ns, self._wake)

    def _wake(self) -> None:
        self._busy = None
        self._run()
