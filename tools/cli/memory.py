"""The memory of a board at its prompt, as MicroPython's `machine` and `uctypes` have it there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

from .prompt import BoardError, Prompt

READS = 16  # addresses in one command: with more, a small heap may have no room to compile it
BLOCK = 512  # bytes of a buffer in one command
WORD = 0xFFFFFFFF

PREPARE = "from machine import mem8,mem16,mem32\nbuffers=[]"  # on the board, before all else
ALLOCATE = "import uctypes\nbuffers.append(bytearray({}))\nprint(uctypes.addressof(buffers[-1]))"


class Step(NamedTuple):
    """What is to be done later: `value` into the word at `address`, or what the others are."""

    address: int
    value: int


SLEEP = 1  # no address of a word: milliseconds
DISABLE_IRQ = 2
ENABLE_IRQ = 3  # as they were before DISABLE_IRQ

AIRCR = 0xE000ED0C  # ARM DDI 0403E B3.2.6. The library writes it to reset the chip


class GoneError(BaseException):
    """What was recorded ends in a reset: nothing comes after it."""


class Memory:
    """Reads go to the board at once. So do writes, or while `recording` into a list of steps; what
    they have changed is read from there then."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._known: dict[int, int] = {}
        self._steps: list[Step] | None = None
        self.machine = SimpleNamespace(
            mem8=_View(self, 1),
            mem16=_View(self, 2),
            mem32=_View(self, 4),
            disable_irq=lambda: self.later(DISABLE_IRQ),
            enable_irq=lambda _: self.later(ENABLE_IRQ),
        )

    def fetch(self, addresses: Iterable[int]) -> None:
        """Read the words at these addresses now, all together, as they will be needed."""
        wanted = list(dict.fromkeys(address & WORD & ~3 for address in addresses))
        for at in range(0, len(wanted), READS):
            some = wanted[at : at + READS]
            said = self._prompt.run(f"print({','.join(f'mem32[{a}]' for a in some)})")
            self._known |= zip(some, (int(word) & WORD for word in said.split()), strict=True)

    def read(self, address: int, size: int) -> int:
        """Unsigned."""
        for step in reversed(self._steps or ()):
            if step.address == address and size == 4:
                return step.value
        word = self._known.get(address & ~3)
        if word is None:
            word = int(self._prompt.run(f"print(mem{8 * size}[{address}])"))
        else:
            word >>= 8 * (address & 3)
        return word & (1 << 8 * size) - 1

    def write(self, address: int, value: int, size: int) -> None:
        """Now, or later if that is recorded: then it must be a word."""
        if self._steps is None:
            self._known.pop(address & ~3, None)
            self._prompt.run(f"mem{8 * size}[{address}]={value}")
        else:
            assert size == 4 and address % 4 == 0, f"{size} bytes at 0x{address:08X}"
            self.later(address, value)
            if address == AIRCR:
                raise GoneError

    def later(self, address: int, value: int = 0) -> None:
        """Record a step."""
        assert self._steps is not None, "not while the board is at its prompt"
        if not self._steps or self._steps[-1].address != AIRCR:
            self._steps.append(Step(address, value))

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Step]]:
        """The steps of a `with` block. Nothing is written meanwhile."""
        before, self._steps = self._steps, []
        try:
            yield self._steps
        finally:
            self._steps = before


class _View:
    """mem8, mem16 or mem32. Words are signed, as MicroPython gives them, addresses may be."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._memory, self._size = memory, size

    def __getitem__(self, address: int) -> int:
        value = self._memory.read(address & WORD, self._size)
        return value - (1 << 32) if self._size == 4 and value >> 31 else value

    def __setitem__(self, address: int, value: int) -> None:
        value &= (1 << 8 * self._size) - 1
        self._memory.write(address & WORD, value, self._size)


class Buffers:
    """`uctypes`: what has an address is on the board too, at that address, but has there only
    zeros until it is sent."""

    def __init__(self, prompt: Prompt, memory: Memory) -> None:
        self._prompt, self._memory = prompt, memory
        self._buffers: list[tuple[int, bytearray]] = []
        self._views: list[tuple[int, memoryview]] = []

    def clear(self) -> None:
        """Give their room on the heap back."""
        if self._buffers:
            self._buffers, self._views = [], []
            self._prompt.run("buffers=[]\nimport gc\ngc.collect()")

    def addressof(self, buffer: bytearray | memoryview) -> int:
        """Where it is on the board. MemoryError if the heap has no room for it there."""
        for address, known in (*self._buffers, *self._views):
            if known is buffer:
                return address
        assert isinstance(buffer, bytearray)
        address = self._allocate(len(buffer))
        self._buffers.append((address, buffer))
        return address

    def _allocate(self, size: int) -> int:
        try:
            return int(self._prompt.run(ALLOCATE.format(size)))
        except BoardError as error:
            raise MemoryError(size) if error.kind == "MemoryError" else error from error

    def bytearray_at(self, address: int, size: int) -> Any:
        """Part of a buffer, or a copy of what is elsewhere."""
        for start, buffer in self._buffers:
            if start <= address and address + size <= start + len(buffer):
                view = memoryview(buffer)[address - start :][:size]
                self._views.append((address, view))
                return view
        words = range(address, address + size, 4)
        assert address % 4 == size % 4 == 0
        self._memory.fetch(words)
        return b"".join(self._memory.read(word, 4).to_bytes(4, "little") for word in words)

    def send(self) -> int:
        """What is in them goes to the board. How many bytes that are."""
        sent = 0
        for number, (_, buffer) in enumerate(self._buffers):
            for at in range(0, len(buffer), BLOCK):
                if block := bytes(buffer[at : at + BLOCK]).rstrip(b"\0"):
                    place = f"buffers[{number}][{at}:{at + len(block)}]="
                    self._prompt.run(place.encode() + literal(block))
                    sent += len(block)
        return sent


def literal(data: bytes) -> bytes:
    """Source of a bytes object, as short as it may be: nothing that a prompt takes for a command
    is in it."""
    out = bytearray(b"b'")
    for byte, following in zip(data, data[1:] + b"\0", strict=True):
        if byte in b"'\\":
            out += bytes([ord("\\"), byte])
        elif byte >= 0x20 and byte != 0x7F:
            out.append(byte)
        elif byte or following in b"01234567":
            out += b"\\x%02x" % byte
        else:
            out += b"\\0"
    return bytes(out + b"'")
