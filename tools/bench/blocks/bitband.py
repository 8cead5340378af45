"""The bit-band alias of a block: each bit is a word of its own (PM0214 2.2.5).

ST's HAL switches oscillators this way.
"""

from __future__ import annotations

from .base import RegisterBlock

PERIPHERALS, ALIAS = 0x40000000, 0x42000000


class BitBand:
    def __init__(self, block: RegisterBlock) -> None:
        self.name = f"{block.name} bit-band"
        self.base = ALIAS + (block.base - PERIPHERALS) * 32
        self.size = block.size * 32
        self._block = block

    def read(self, offset: int, size: int) -> int:
        word, bit = offset >> 7 << 2, offset >> 2 & 31
        return self._block.read(word, 4) >> bit & 1

    def write(self, offset: int, size: int, value: int) -> None:
        word, bit = offset >> 7 << 2, offset >> 2 & 31
        old = self._block.read(word, 4)
        self._block.write(word, 4, old & ~(1 << bit) | (value & 1) << bit)

    def reset(self) -> None:
        """The block itself is reset."""
