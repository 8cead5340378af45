"""Memory that Python and the CPU share, and the protocol of everything else on the bus."""

from __future__ import annotations

import ctypes
import functools
import mmap
import tempfile
from collections.abc import Callable
from typing import IO, Protocol

#: The unit of mapping, in bytes; peripherals of an STM32 are at least this far apart.
PAGE = 0x400


class BusError(Exception):
    """Raised by a `Block` to make the CPU take a precise BusFault at this access."""


class Block(Protocol):
    """Anything memory-mapped. Offsets are in bytes from `base`, sizes are 1, 2 or 4 bytes."""

    name: str
    base: int
    size: int

    def read(self, offset: int, size: int) -> int: ...

    def write(self, offset: int, size: int, value: int) -> None: ...

    def reset(self) -> None: ...


class Memory:
    """A run of bytes. The same one may be mapped at several addresses.

    Its bytes are whole pages of the host at a fixed address: the CPU reads and writes them without
    Python.
    """

    def __init__(self, size: int, *, fill: int = 0, name: str = "memory") -> None:
        if size <= 0 or size % PAGE:
            raise ValueError(f"{name}: {size} bytes is not a multiple of {PAGE}")
        self.name = name
        self.size = size
        self._map = _filled(size, fill)
        self._anchor = ctypes.c_char.from_buffer(self._map)
        self.host_address = ctypes.addressof(self._anchor)
        #: The bytes. Read from it freely; write with `write()` so that the CPU sees new code.
        self.view = memoryview(self._map)
        self._words = self.view.cast("I")
        #: Called with (offset, length) after each write from Python.
        self.on_change: list[Callable[[int, int], None]] = []

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        return bytes(self.view[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._check(offset, len(data))
        self.view[offset : offset + len(data)] = data
        for fn in self.on_change:
            fn(offset, len(data))

    def fill(self, offset: int, length: int, byte: int) -> None:
        self.write(offset, bytes([byte]) * length)

    def load(self, offset: int, size: int) -> int:
        """Little-endian number of `size` bytes."""
        if size == 4 and not offset & 3:
            return self._words[offset >> 2]
        return int.from_bytes(self.view[offset : offset + size], "little")

    def store(self, offset: int, size: int, value: int) -> None:
        if size == 4 and not offset & 3:
            self._words[offset >> 2] = value
        else:
            self.view[offset : offset + size] = value.to_bytes(size, "little")
        for fn in self.on_change:
            fn(offset, size)

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or offset + length > self.size:
            raise IndexError(
                f"{self.name}: bytes {offset:#x} to {offset + length:#x} are outside its "
                f"{self.size:#x} bytes"
            )


def _filled(size: int, byte: int) -> mmap.mmap:
    """So much memory of the host, each byte of it this one. The host copies a page when it is
    written first: a chip has megabytes, and a program uses few of their pages."""
    if not byte:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    file = _file_of(byte)
    there = file.seek(0, 2)
    if there < size:
        file.write(bytes([byte]) * (size - there))
        file.flush()
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)


@functools.cache
def _file_of(byte: int) -> IO[bytes]:
    return tempfile.TemporaryFile()
