"""Serial lines: bytes between a USART of the chip and the host.

A `Wire` has two ends. The chip's end is `from_host` and `to_host`; the host's end is `wire.host`,
which a test uses directly and `PtyEnd` ties to a pseudo terminal for mpremote, stm32loader and
stm32flash. There is no baud rate, parity, DTR or RTS: a pty has none of them. Clients must use
8N1: on a pty tcsetattr may answer EINVAL to parity.
"""

from __future__ import annotations

import contextlib
import os
import pty
import termios
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path

BACKLOG = 64 * 1024  # bytes kept for a client that does not read; a real cable keeps none


class HostEnd:
    """The host's end of a wire, in memory."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, data: bytes) -> None:
        """Put bytes on the chip's RX. May be called from any thread."""
        if data:
            self._wire._to_chip.append(bytes(data))
            self._wire.on_host_data()

    def read(self) -> bytes:
        """What the chip has sent since the last call, b"" if nothing. May be called from any
        thread, but by one reader only."""
        return _drain(self._wire._to_host)


class Wire:
    """One serial line: the chip's TX and RX, and the bytes that are on their way.

    Attributes:
        name, pins: to be shown, such as "console" and "PB10/PB11".
        host: the other end.
        on_host_data: called after the host has sent something, in the thread that sent it.
    """

    def __init__(self, name: str = "", pins: str = "") -> None:
        self.name = name
        self.pins = pins
        self.host = HostEnd(self)
        self.on_host_data: Callable[[], None] = lambda: None
        # deques of whole chunks: appending and taking one is atomic, so no lock is needed
        self._to_chip: deque[bytes] = deque()
        self._to_host: deque[bytes] = deque()

    @property
    def waiting(self) -> bool:
        """True if the host has sent something that `from_host` has not handed out yet."""
        return bool(self._to_chip)

    def from_host(self) -> bytes:
        """What the host has sent since the last call, b"" if nothing."""
        return _drain(self._to_chip)

    def to_host(self, data: bytes) -> None:
        """Bytes that the chip sends."""
        if data:
            self._to_host.append(bytes(data))

    def clear(self) -> None:
        """Lose what is on its way."""
        self._to_chip.clear()
        self._to_host.clear()


def _drain(chunks: deque[bytes]) -> bytes:
    taken = bytearray()
    while chunks:
        taken += chunks.popleft()
    return bytes(taken)


class PtyEnd:
    """Connects the host's end of a wire to a new pseudo terminal.

    The slave side is raw and stays open here, so that clients may come and go: the master never
    sees EIO, and what a client wrote before it closed arrives.

    Args:
        wire: whose host end to use. Nobody else may `read` it.
        links: also make symbolic links of these names to the terminal, in place of older links.

    Raises:
        FileExistsError: a link names something that is not a symbolic link.
    """

    def __init__(self, wire: Wire, *links: Path) -> None:
        self.wire = wire
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        self._links = links
        for link in links:
            _point(link, self.device)
        self.path = str(links[0]) if links else self.device
        self._backlog = bytearray()
        self.dropped = 0

    def fileno(self) -> int:
        """The master side, for selectors."""
        return self._master

    @property
    def backlogged(self) -> bool:
        """True while the terminal is full: no client reads it."""
        return bool(self._backlog)

    def pump(self) -> bool:
        """Move what can be moved, both ways, without waiting. True if anything moved."""
        return self._pump_out() | self._pump_in()

    def _pump_in(self) -> bool:
        moved = False
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._master, 4096):
                self.wire.host.send(data)
                moved = True
        return moved

    def _pump_out(self) -> bool:
        self._backlog += self.wire.host.read()
        if not self._backlog:
            return False
        try:
            sent = os.write(self._master, self._backlog)
        except BlockingIOError:
            self._drop_oldest()
            return False
        del self._backlog[:sent]
        return True

    def _drop_oldest(self) -> None:
        excess = len(self._backlog) - BACKLOG
        if excess > 0:
            del self._backlog[:excess]
            self.dropped += excess

    def close(self) -> None:
        """Close the terminal: clients read the end of the file. Removes the links."""
        for link in self._links:
            if link.is_symlink() and os.readlink(link) == self.device:
                link.unlink()
        os.close(self._slave)
        os.close(self._master)


def _point(link: Path, device: str) -> None:
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise FileExistsError(
            f"{link} exists and is not a symbolic link. Choose another name for the link to the "
            f"terminal, or remove that file."
        )
    link.symlink_to(device)
