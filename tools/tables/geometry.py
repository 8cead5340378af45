"""The sectors of a flash: what one erase takes.

Numbers are those of the Erase and Extended Erase commands of the ROM (AN3155 3.7, 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BASE = 0x08000000
KIB = 1024


@dataclass(frozen=True)
class Sector:
    """What one erase takes: a sector or page. Sizes in bytes."""

    number: int
    base: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.base + self.size

    def touches(self, start: int, end: int) -> bool:
        """It has an address from start on, before end."""
        return start < self.end and self.base < end


@dataclass(frozen=True)
class Geometry:
    """How a flash is divided.

    kib: sizes of the sectors of a bank in KiB; the last one is repeated to the end of the bank.
    bank_kib: size of a bank, after which the sizes start again; 0: there is one bank, or all
    sectors have one size.
    second: not 0 where a flash of more than half of bank_kib is in two halves: the number of the
    first sector of the second half. far: the address of that half; 0: right behind the first.
    other: the layout at another value of an option bit.
    """

    kib: tuple[float, ...]
    bank_kib: int = 0
    second: int = 0
    far: int = 0
    other: Other | None = None

    def sectors(self, flash_kib: int) -> tuple[Sector, ...]:
        """Those of a flash of this size."""
        return tuple(self._sectors(flash_kib))

    def _sectors(self, flash_kib: int) -> Iterator[Sector]:
        if self.second and flash_kib > self.bank_kib // 2:
            half = flash_kib // 2
            yield from self._bank(0, BASE, half)
            yield from self._bank(self.second, self.far or BASE + half * KIB, half)
            return
        bank, number, at = self.bank_kib or flash_kib, 0, BASE
        while at < BASE + flash_kib * KIB:
            sectors = tuple(self._bank(number, at, min(bank, flash_kib)))
            yield from sectors
            number, at = number + len(sectors), at + bank * KIB

    def _bank(self, number: int, at: int, bank_kib: float) -> Iterator[Sector]:
        end, sizes = at + int(bank_kib * KIB), list(self.kib)
        while at < end:
            size = int((sizes.pop(0) if len(sizes) > 1 else sizes[0]) * KIB)
            yield Sector(number, at, min(size, end - at))
            number, at = number + 1, at + size


@dataclass(frozen=True)
class Other:
    """Another layout, if an option bit has this value.

    register, bit: where software reads the bit. option, option_bit: where a host reads it through
    the ROM, in the option bytes. only_kib: the bit matters for a flash of this size alone; 0: for
    each.
    """

    geometry: Geometry
    value: int
    register: int
    bit: int
    option: int
    option_bit: int
    only_kib: int = 0
