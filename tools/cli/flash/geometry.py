"""The sectors of the flash of each die, by DEV_ID: what one erase takes.

Sizes are those of ST's reference manuals, in the section that each row names. Numbers are those of
the Erase and Extended Erase commands of the ROM (AN3155 3.7, 3.8).
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
    """kib: sizes of the sectors of a bank in KiB, the last one repeated to its end.

    bank_kib: size of a bank if there may be two of them; 0 if there is one, or if the banks have
    sectors of one size and follow each other. second: a flash of more than half a bank is in two
    halves, and this is the number of the first sector of the second one; far: which starts here,
    if not behind the first. other: what an option bit makes of it.
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

    register, bit: where software reads it. option, option_bit: the word of the option bytes, which
    the ROM reads. only_kib: the bit matters for a flash of this size alone; 0: for each.
    """

    geometry: Geometry
    value: int
    register: int
    bit: int
    option: int
    option_bit: int
    only_kib: int = 0


def layout(dev_id: int, flash_kib: int, word: int | None, *, in_rom: bool) -> tuple[Sector, ...]:
    """The sectors of a flash. word: what Other.register reads, or in_rom Other.option; None for
    the layout as delivered."""
    geometry = GEOMETRY[dev_id]
    other = geometry.other
    if other and word is not None and other.only_kib in (0, flash_kib):
        bit = other.option_bit if in_rom else other.bit
        geometry = other.geometry if word >> bit & 1 == other.value else geometry
    return geometry.sectors(flash_kib)


F4 = (16, 16, 16, 16, 64, 128)
F7 = (32, 32, 32, 32, 128, 256)

# RM0090 3.4, Table 7; 3.9.10 (OPTCR); 3.6.1 (option bytes)
DB1M = Other(Geometry(F4, second=12), 1, 0x40023C14, 30, 0x1FFFC008, 14, only_kib=1024)
# RM0410 3.3.2, Tables 4 and 6; 3.7.5 (OPTCR); 3.4.1 (option bytes)
NDBANK = Other(Geometry(F4, second=12), 0, 0x40023C14, 29, 0x1FFF0008, 13)
# RM0432 3.3.1, 3.7.8 (OPTR), 3.4.1: 128 bits are read at once, and pages are twice as large
L4_PLUS = Other(Geometry((8,)), 0, 0x40022020, 22, 0x1FF00000, 22)
# RM0440 3.3.1, 3.7.8 (OPTR), 3.4.1: the same
G4_DBANK = Other(Geometry((4,)), 0, 0x40022020, 22, 0x1FFF7800, 22)

GEOMETRY = {
    # F0: RM0091 3.2.1, RM0360 3.2.1
    0x440: Geometry((1,)),  # F05x, F030x8
    0x444: Geometry((1,)),  # F03x
    0x445: Geometry((1,)),  # F04x, F070x6
    0x448: Geometry((2,)),  # F07x, F070xB
    0x442: Geometry((2,)),  # F09x, F030xC
    # F4: RM0090 3.4; RM0368, RM0383, RM0390, RM0386, RM0402, RM0430 3.3
    0x413: Geometry(F4),
    0x419: Geometry(F4, bank_kib=1024, other=DB1M),
    0x421: Geometry(F4),
    0x423: Geometry(F4),
    0x431: Geometry(F4),
    0x433: Geometry(F4),
    0x434: Geometry(F4, bank_kib=1024, other=DB1M),
    0x441: Geometry(F4),
    0x463: Geometry(F4),
    # F7: RM0385 3.3, RM0410 3.3 (one bank, nDBANK=1, as delivered), RM0431 3.3
    0x449: Geometry(F7),
    0x451: Geometry(F7, other=NDBANK),
    0x452: Geometry(F4),
    # G0: RM0444 3.3.1. G4: RM0440 3.3.1 (0x469 in two banks, DBANK=1, as delivered)
    0x466: Geometry((2,)),
    0x460: Geometry((2,)),
    0x456: Geometry((2,)),
    0x467: Geometry((2,)),
    0x468: Geometry((2,)),
    0x469: Geometry((2,), other=G4_DBANK),
    0x479: Geometry((2,)),
    # H5: RM0481 7.3.1, RM0492 7.3.1
    0x484: Geometry((8,)),
    0x478: Geometry((8,)),
    0x474: Geometry((8,)),
    # H7: RM0433 4.3.4, RM0468 4.3.4, RM0455 4.3.4; FLASH_BANK2_BASE of the headers
    0x450: Geometry((128,), bank_kib=1024, second=8, far=0x08100000),
    0x483: Geometry((128,)),
    0x480: Geometry((8,), bank_kib=1024, second=128, far=0x08100000),
    # L0: RM0367 3.3.1, RM0377 3.3.1. L1: RM0038 3.2
    0x447: Geometry((0.125,)),
    0x417: Geometry((0.125,)),
    0x425: Geometry((0.125,)),
    0x457: Geometry((0.125,)),
    0x416: Geometry((0.25,)),
    0x429: Geometry((0.25,)),
    0x427: Geometry((0.25,)),
    0x436: Geometry((0.25,)),
    0x437: Geometry((0.25,)),
    # L4: RM0351 3.3.1, RM0394 3.3.1, RM0432 3.3.1 (two banks, DBANK=1, as delivered)
    0x415: Geometry((2,)),
    0x461: Geometry((2,)),
    0x435: Geometry((2,)),
    0x462: Geometry((2,)),
    0x464: Geometry((2,)),
    0x470: Geometry((4,), other=L4_PLUS),
    0x471: Geometry((4,), other=L4_PLUS),
    # U5: RM0456 7.3.1. WB: RM0434 3.3.1, RM0473 3.3.1. WL: RM0453 4.3.1
    0x482: Geometry((8,)),
    0x481: Geometry((8,)),
    0x476: Geometry((8,)),
    0x455: Geometry((8,)),
    0x495: Geometry((4,)),
    0x494: Geometry((2,)),
    0x497: Geometry((2,)),
}


def joined(sectors: list[Sector]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of sectors that follow each other."""
    start = end = 0
    for sector in sectors:
        if sector.base != end:
            if end:
                yield start, end
            start = sector.base
        end = sector.end
    if end:
        yield start, end
