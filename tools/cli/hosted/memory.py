"""The memory of a board at its prompt, as MicroPython's `machine` and `uctypes` have it there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from ..port.prompt import BoardError, Prompt, literal
from . import sram

READS = 16  # addresses in one command: with more, a small heap may have no room to compile it
BLOCK = 512  # bytes of a buffer in one line
SOURCE = 1024  # characters of several lines in one command
PIECE = re.compile(rb"[^\0](?:(?!\0{12}).)*", re.DOTALL)  # without many zeros, which are there
WORD = 0xFFFFFFFF
PAGE = 4096  # of the early-boot hook, see lib/romboot/reset.py

PREPARE = "from machine import mem8,mem16,mem32\nbuffers=[]"  # on the board, before all else
ALLOCATE = "import uctypes\nbuffers.append(bytearray({}))\nprint(uctypes.addressof(buffers[-1]))"
PLACE = "buffers.append(uctypes.bytearray_at({0},{1}))\nbuffers[-1][:]=bytes({1})"
ALIGNED = 16  # bytes, as what is on the heap

AIRCR = 0xE000ED0C  # ARM DDI 0403E B3.2.6. The library writes it to reset the chip


class GoneError(BaseException):
    """What was recorded ends in a reset: nothing comes after it."""


class Live(int):
    """What was read while recording. The board reads it again, if it is to be written as it is."""

    name = ""


class Memory:
    """Reads go to the board at once. So do writes; or, while `recording`, they become statements
    for the board, and what they change is read from them then."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._known: dict[int, int] = {}
        self._statements: list[str] | None = None
        self._then: dict[tuple[int, int], int] = {}
        self.machine = SimpleNamespace(
            mem8=_View(self, 1),
            mem16=_View(self, 2),
            mem32=_View(self, 4),
            disable_irq=lambda: self.later("disable_irq()"),
        )

    def fetch(self, addresses: Iterable[int]) -> None:
        """Read the words at these addresses now, all together, as they will be needed."""
        words = dict.fromkeys(address & WORD & ~3 for address in addresses)
        wanted = [word for word in words if word not in self._known]
        for at in range(0, len(wanted), READS):
            some = wanted[at : at + READS]
            said = self._prompt.run(f"print({','.join(f'mem32[{a}]' for a in some)})")
            self._known |= zip(some, (int(word) & WORD for word in said.split()), strict=True)

    def fetch_range(self, words: range) -> None:
        """The same for words that follow each other, below 0x40000000, where a range of
        MicroPython ends."""
        said = self._prompt.run(
            f"for a in range({words.start},{words.stop},{words.step}):print(mem32[a])"
        )
        self._known |= zip(words, (int(word) & WORD for word in said.split()), strict=True)

    def read(self, address: int, size: int) -> int:
        """Unsigned."""
        word = self._known.get(address & ~3)
        if word is None:
            word = int(self._prompt.run(f"print(mem{8 * size}[{address}])"))
        else:
            word >>= 8 * (address & 3)
        return word & (1 << 8 * size) - 1

    def read_later(self, address: int, size: int) -> int:
        """As it is then. Signed if it is a word."""
        assert self._statements is not None
        if (address, size) in self._then:
            return self._then[address, size]
        value = Live(signed(self.read(address, size), size))
        value.name = f"v{len(self._statements)}"
        self.later(f"{value.name} = mem{8 * size}[{signed(address)}]")
        return value

    def write(self, address: int, value: int, size: int) -> None:
        """Now."""
        self._known.pop(address & ~3, None)
        self._prompt.run(f"mem{8 * size}[{address}]={value}")

    def write_later(self, address: int, value: int, size: int) -> None:
        """GoneError if that is a reset."""
        text = value.name if isinstance(value, Live) else signed(value & WORD)
        self.later(f"mem{8 * size}[{signed(address)}] = {text}")
        self._then[address, size] = value
        if address == AIRCR:
            raise GoneError

    def later(self, statement: str) -> None:
        """Record a statement. Nothing comes after a reset."""
        assert self._statements is not None, "not while the board is at its prompt"
        if (AIRCR, 4) not in self._then:
            self._statements.append(statement)

    @property
    def is_recording(self) -> bool:
        """In the `with` block of recording()."""
        return self._statements is not None

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[str]]:
        """The statements of a `with` block. Nothing is written meanwhile."""
        self._statements, self._then = statements, _ = [], {}
        try:
            yield statements
        finally:
            self._statements = None
            needed = [text for text in statements if _is_needed(text, statements)]
            statements[:] = needed


def _is_needed(statement: str, statements: list[str]) -> bool:
    """Not a read whose value nothing uses."""
    name = re.match(r"v\d+(?= = )", statement)
    return not name or any(text.endswith(f"= {name[0]}") for text in statements)


def signed(value: int, size: int = 4) -> int:
    """As MicroPython has words. An address in the upper quarter is a small integer then: as a big
    one it would be an object on the heap."""
    return value - (1 << 32) if size == 4 and value >> 31 else value


class _View:
    """mem8, mem16 or mem32. Addresses may be negative."""

    def __init__(self, memory: Memory, size: int) -> None:
        self._memory, self._size = memory, size

    def __getitem__(self, address: int) -> int:
        if self._memory.is_recording:
            return self._memory.read_later(address & WORD, self._size)
        return signed(self._memory.read(address & WORD, self._size), self._size)

    def __setitem__(self, address: int, value: int) -> None:
        if self._memory.is_recording:
            self._memory.write_later(address & WORD, value, self._size)
        else:
            self._memory.write(address & WORD, value & WORD, self._size)


class Buffers:
    """`uctypes`: what has an address is on the board too, at that address, but has there only
    zeros until it is sent. It is on the heap, or in free SRAM if no code can run there."""

    def __init__(self, prompt: Prompt, memory: Memory) -> None:
        self._prompt, self._memory = prompt, memory
        self._buffers: list[tuple[int, bytearray]] = []
        self._views: list[tuple[int, memoryview]] = []
        self._free = range(0)  # of internal SRAM; empty as long as the heap will do

    @property
    def in_sram(self) -> bool:
        """Not on the heap."""
        return bool(self._free)

    def clear(self) -> None:
        """Give their room on the heap back."""
        if self._buffers:
            self._buffers, self._views, self._free = [], [], range(0)
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

    def page(self, size: int) -> tuple[bytearray, int]:
        """A new one, and where so many bytes of it are on the board, at the begin of a page."""
        buffer = bytearray(size + PAGE)
        return buffer, (self.addressof(buffer) + PAGE - 1) & -PAGE

    def _allocate(self, size: int) -> int:
        if self._free:
            return self._place(size)
        try:
            address = int(self._prompt.run(ALLOCATE.format(size)))
        except BoardError as error:
            raise MemoryError(size) if error.kind == "MemoryError" else error from error
        if sram.can_run(address):
            return address
        self._free = sram.free(self._prompt)
        if not self._free:
            return address  # the library says that it cannot run there, or that the MPU allows it
        self._prompt.run("buffers.pop()")
        return self._place(size)

    def _place(self, size: int) -> int:
        start = -(-self._free.start // ALIGNED) * ALIGNED
        if start + size > self._free.stop:
            raise MemoryError(size)
        self._prompt.run(PLACE.format(start, size))
        self._free = range(start + size, self._free.stop)
        return start

    def bytearray_at(self, address: int, size: int) -> Any:
        """Part of a buffer, or a copy of what is elsewhere."""
        for start, buffer in self._buffers:
            if start <= address and address + size <= start + len(buffer):
                view = memoryview(buffer)[address - start :][:size]
                self._views.append((address, view))
                return view
        words = range(address, address + size, 4)
        assert address % 4 == size % 4 == 0
        self._memory.fetch_range(words)
        return b"".join(self._memory.read(word, 4).to_bytes(4, "little") for word in words)

    def send(self) -> None:
        """What is in them goes to the board."""
        code = b""
        for line in self._lines():
            if code and len(code) + len(line) > SOURCE:
                self._prompt.run(code)
                code = b""
            code += line + b"\n"
        if code:
            self._prompt.run(code)

    def _lines(self) -> Iterator[bytes]:
        """Source that fills them."""
        for number, (_, buffer) in enumerate(self._buffers):
            for piece in PIECE.finditer(buffer):
                for at in range(piece.start(), piece.end(), BLOCK):
                    block = bytes(buffer[at : min(at + BLOCK, piece.end())])
                    place = f"buffers[{number}][{at}:{at + len(block)}]="
                    yield place.encode() + literal(block)
