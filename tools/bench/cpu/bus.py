"""The address map: memories and blocks, for the CPU and for Python."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .engine import Engine
from .memory import PAGE, Block, BusError, Memory

_PAGE_BITS = PAGE.bit_length() - 1
_MANY_PAGES = 256
_MASKS = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFFFFFF}

#: Called for a store to read-only memory with (address, size, value). Changes the memory as
#: hardware would; True if it now holds just these bytes. May raise BusError.
OnWrite = Callable[[int, int, int], bool]


@dataclass(eq=False, slots=True)
class Region:
    """A memory mapped somewhere."""

    base: int
    end: int
    memory: Memory
    writable: bool
    on_write: OnWrite | None


class Bus:
    """The address map. A bad access raises BusError, or calls `refuse` if the CPU made it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.refuse: Callable[[int], None] = lambda address: None
        self.regions: list[Region] = []  # mapped memories
        self._blocks: dict[int, tuple[Block, ...]] = {}  # by page number
        self._large: list[Block] = []  # those of many pages
        #: An access was refused: this instruction makes no other.
        self.blocked = False
        #: Python wrote code that the CPU has not translated yet.
        self.stale = False
        self._changes: dict[int, int] = {}  # end -> begin
        self._overwritten: list[tuple[Memory, int, bytes]] = []
        self._bases: dict[Memory, list[int]] = {}  # where each is mapped
        engine.on_protected_write = self._protected_write

    # -- the map ---------------------------------------------------------------------------

    def map_memory(
        self,
        base: int,
        memory: Memory,
        *,
        writable: bool = True,
        executable: bool = True,
        on_write: OnWrite | None = None,
    ) -> None:
        self._check_free(range(base // PAGE, (base + memory.size) // PAGE))
        self._engine.map_memory(base, memory, writable=writable, executable=executable)
        self.regions.append(Region(base, base + memory.size, memory, writable, on_write))
        if memory not in self._bases:
            self._bases[memory] = []
            memory.on_change.append(functools.partial(self._changed, memory))
        self._bases[memory].append(base)

    def map_block(self, block: Block) -> None:
        """Blocks may share a page; between them there is nothing (BusFault). One of many pages, as
        a bit-band alias, shares none."""
        pages = range(block.base // PAGE, (block.base + block.size - 1) // PAGE + 1)
        if len(pages) >= _MANY_PAGES:
            self._map_pages(pages)
            self._large.append(block)
            return
        if self._blocks.keys().isdisjoint(pages):
            self._map_pages(pages)
            self._blocks.update(dict.fromkeys(pages, (block,)))
            return
        for page in pages:
            if page not in self._blocks:
                self._map_pages(range(page, page + 1))
            self._blocks[page] = (*self._blocks.get(page, ()), block)

    def _check_free(self, pages: range) -> None:
        """Unicorn maps a block at its first access, and would find out only then."""
        low, high = pages.start * PAGE, pages.stop * PAGE
        there = [(r.base, r.end) for r in self.regions]
        there += [(block.base, block.base + block.size) for block in self._large]
        shared = any(begin < high and low < end for begin, end in there)
        if shared or not self._blocks.keys().isdisjoint(pages):
            raise ValueError(f"{low:#x} to {high:#x}: something is there already")

    def _map_pages(self, pages: range) -> None:
        self._check_free(pages)
        base, size = pages.start * PAGE, len(pages) * PAGE
        self._engine.map_mmio(base, size, self._mmio_read, self._mmio_write)

    def unmap(self, base: int, size: int) -> None:
        """Unmap what is at these addresses: whole memories and pages only."""
        for region in [r for r in self.regions if base < r.end and r.base < base + size]:
            if region.base < base or region.end > base + size:
                raise ValueError(
                    f"{region.memory.name} at {region.base:#x} cannot be unmapped in part"
                )
            self._engine.unmap(region.base, region.memory.size)
            self.regions.remove(region)
            self._bases[region.memory].remove(region.base)
        for page in range(base // PAGE, (base + size - 1) // PAGE + 1):
            if self._blocks.pop(page, None) is not None:
                self._engine.unmap(page * PAGE, PAGE)

    def region_at(self, address: int) -> Region | None:
        for region in self.regions:
            if region.base <= address < region.end:
                return region
        return None

    def block_at(self, address: int) -> Block | None:
        for block in self._blocks.get(address >> _PAGE_BITS, self._large):
            if 0 <= address - block.base < block.size:
                return block
        return None

    # -- access from Python ----------------------------------------------------------------

    def load(self, address: int, size: int = 4) -> int:
        """Read as the CPU would, side effects of blocks included. Raises BusError."""
        region = self.region_at(address)
        if region:
            return region.memory.load(address - region.base, size)
        block = self.block_at(address)
        if block is None:
            raise BusError(f"nothing is at {address:#010x}")
        return block.read(address - block.base, size)

    def peek(self, address: int) -> int:
        """The halfword there, if it is memory; else 0."""
        region = self.region_at(address)
        return region.memory.load(address - region.base, 2) if region else 0

    def code(self, address: int, length: int) -> bytes:
        """The bytes there, fewer where the memory ends."""
        region = self.region_at(address)
        if region is None:
            return b""
        offset = address - region.base
        return bytes(region.memory.view[offset : offset + length])

    def store(self, address: int, size: int, value: int) -> None:
        """Write as the CPU would. Raises BusError."""
        region = self.region_at(address)
        if region is None:
            block = self.block_at(address)
            if block is None:
                raise BusError(f"nothing is at {address:#010x}")
            block.write(address - block.base, size, value)
        elif region.writable:
            region.memory.store(address - region.base, size, value)
        elif region.on_write:
            region.on_write(address, size, value)
        else:
            raise BusError(f"{region.memory.name} at {address:#010x} cannot be written")

    def load_words(self, address: int, count: int) -> list[int]:
        """Consecutive words, as when a frame is unstacked."""
        region, size = self.region_at(address), 4 * count
        if region and address + size <= region.end:
            return list(_words(count).unpack_from(region.memory.view, address - region.base))
        return [self.load((address + 4 * n) & 0xFFFFFFFF) for n in range(count)]

    def store_words(self, address: int, words: list[int]) -> None:
        """Consecutive words, as when a frame is stacked; one step where it is all memory."""
        region, size = self.region_at(address), 4 * len(words)
        if region and region.writable and address + size <= region.end:
            offset = address - region.base
            _words(len(words)).pack_into(region.memory.view, offset, *words)
            for begin in self._bases[region.memory]:
                self._engine.forget_code(begin + offset, size)
            return
        for n, word in enumerate(words):
            self.store((address + 4 * n) & 0xFFFFFFFF, 4, word)

    # -- access from the CPU ---------------------------------------------------------------

    # Without `block_at`, for speed: programs read registers a million times a second.

    def _mmio_read(self, address: int, size: int) -> int:
        if self.blocked:
            return 0
        for block in self._blocks.get(address >> _PAGE_BITS, self._large):
            offset = address - block.base
            if 0 <= offset < block.size:
                try:
                    return block.read(offset, size)
                except BusError:
                    break
        self.refuse(address)
        return 0

    def _mmio_write(self, address: int, size: int, value: int) -> None:
        if self.blocked:
            return
        for block in self._blocks.get(address >> _PAGE_BITS, self._large):
            offset = address - block.base
            if 0 <= offset < block.size:
                try:
                    block.write(offset, size, value)
                    return
                except BusError:
                    break
        self.refuse(address)

    def _protected_write(self, address: int, size: int, value: int) -> bool:
        region = self.region_at(address)
        if region is None or region.on_write is None or self.blocked:
            return self.blocked
        value &= _MASKS[size]
        try:
            if region.on_write(address, size, value):
                return True
        except BusError:
            return False
        # Unicorn may now store the value all the same, so what `on_write` left is put back after.
        offset = address - region.base
        if region.memory.load(offset, size) != value:
            self._overwritten.append((region.memory, offset, region.memory.read(offset, size)))
            self.stale = True
            self._engine.stop_after_instruction()
        return True

    def restore_later(self, address: int, size: int) -> None:
        """From a callback: undo the store that the CPU is about to make."""
        region = self.region_at(address)
        if region:
            offset = address - region.base
            self._overwritten.append((region.memory, offset, region.memory.read(offset, size)))
            self.stale = True

    # -- code that Python changed ----------------------------------------------------------

    def _changed(self, memory: Memory, offset: int, length: int) -> None:
        # The translation in use cannot be thrown away while it runs.
        for base in self._bases[memory]:
            begin = base + offset
            self._changes[begin + length] = self._changes.pop(begin, begin)
        self.stale = True
        self._engine.stop_after_instruction()

    def refresh_code(self) -> None:
        """Between slices: translate code again that Python wrote."""
        self.stale = False
        overwritten, self._overwritten = self._overwritten, []
        for memory, offset, data in overwritten:
            memory.view[offset : offset + len(data)] = data
        changes, self._changes = self._changes, {}
        for end, begin in changes.items():
            self._engine.forget_code(begin, end - begin)


@functools.cache
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
