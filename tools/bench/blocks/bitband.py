"""The bit-band alias of peripherals: each bit is a word of its own (PM0214 2.2.5).

ST's HAL switches oscillators this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..cpu.memory import BusError
from .base import RegisterBlock

PERIPHERALS = range(0x40000000, 0x40100000)
ALIAS = 0x42000000
GAP = 0x8000  # as between two buses


class BitBand:
    """The alias of neighbouring blocks: mapping one for each block takes too long."""

    def __init__(self, blocks: list[RegisterBlock]) -> None:
        self.name = f"bit-band of {blocks[0].name} to {blocks[-1].name}"
        self._first = blocks[0].base
        self._blocks = blocks
        self.base = ALIAS + (self._first - PERIPHERALS.start) * 32
        self.size = (_end(blocks[-1]) - self._first) * 32

    def read(self, offset: int, size: int) -> int:
        block, word, bit = self._find(offset)
        return block.read(word, 4) >> bit & 1

    def write(self, offset: int, size: int, value: int) -> None:
        block, word, bit = self._find(offset)
        old = block.read(word, 4)
        block.write(word, 4, old & ~(1 << bit) | (value & 1) << bit)

    def _find(self, offset: int) -> tuple[RegisterBlock, int, int]:
        """The block, the offset of the word in it, the bit. Raises BusError."""
        address, bit = self._first + (offset >> 7 << 2), offset >> 2 & 31
        for block in self._blocks:
            if block.base <= address < _end(block):
                return block, address - block.base, bit
        raise BusError(f"no block is behind the bit-band alias at 0x{self.base + offset:08X}")

    def reset(self) -> None:
        """The blocks themselves are reset."""


def bit_bands(blocks: Iterable[RegisterBlock]) -> Iterator[BitBand]:
    """The aliases of all blocks that have one."""
    group: list[RegisterBlock] = []
    for block in sorted((b for b in blocks if b.base in PERIPHERALS), key=lambda b: b.base):
        if group and block.base - _end(group[-1]) >= GAP:
            yield BitBand(group)
            group = []
        group.append(block)
    if group:
        yield BitBand(group)


def _end(block: RegisterBlock) -> int:
    return block.base + block.size
