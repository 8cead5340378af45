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
    sectors of one size and follow each other. far: the second bank starts here, however small the
    first one is.
    """

    kib: tuple[float, ...]
    bank_kib: int = 0
    far: int = 0

    def sectors(self, flash_kib: int) -> tuple[Sector, ...]:
        """Those of a flash of this size."""
        return tuple(self._sectors(flash_kib))

    def _sectors(self, flash_kib: int) -> Iterator[Sector]:
        if self.far and flash_kib > self.bank_kib // 2 and flash_kib > self.kib[0]:
            half = flash_kib // 2
            yield from self._bank(0, BASE, half)
            yield from self._bank(self.bank_kib // int(self.kib[0]), self.far, half)
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


F4 = (16, 16, 16, 16, 64, 128)
F7 = (32, 32, 32, 32, 128, 256)

GEOMETRY = {
    # F0: RM0091 3.2.1, RM0360 3.2.1
    0x440: Geometry((1,)),  # F05x, F030x8
    0x444: Geometry((1,)),  # F03x
    0x445: Geometry((1,)),  # F04x, F070x6
    0x448: Geometry((2,)),  # F07x, F070xB
    0x442: Geometry((2,)),  # F09x, F030xC
    # F4: RM0090 3.4, RM0368 3.3, RM0383 3.3, RM0390 3.3, RM0386 3.3, RM0402 3.3, RM0430 3.3. With
    # 1 MiB in two banks (DB1M), which is not how it is delivered, F42x, F43x and F469 have others.
    0x413: Geometry(F4),
    0x419: Geometry(F4, bank_kib=1024),
    0x421: Geometry(F4),
    0x423: Geometry(F4),
    0x431: Geometry(F4),
    0x433: Geometry(F4),
    0x434: Geometry(F4, bank_kib=1024),
    0x441: Geometry(F4),
    0x463: Geometry(F4),
    # F7: RM0385 3.3, RM0410 3.3 (one bank, nDBANK=1, as delivered), RM0431 3.3
    0x449: Geometry(F7),
    0x451: Geometry(F7),
    0x452: Geometry(F4),
    # G0: RM0444 3.3.1. G4: RM0440 3.3.1 (0x469 in two banks, DBANK=1, as delivered)
    0x466: Geometry((2,)),
    0x460: Geometry((2,)),
    0x456: Geometry((2,)),
    0x467: Geometry((2,)),
    0x468: Geometry((2,)),
    0x469: Geometry((2,)),
    0x479: Geometry((2,)),
    # H5: RM0481 7.3.1, RM0492 7.3.1
    0x484: Geometry((8,)),
    0x478: Geometry((8,)),
    0x474: Geometry((8,)),
    # H7: RM0433 4.3.4, RM0468 4.3.4, RM0455 4.3.4; FLASH_BANK2_BASE of the headers
    0x450: Geometry((128,), bank_kib=1024, far=0x08100000),
    0x483: Geometry((128,)),
    0x480: Geometry((8,), bank_kib=1024, far=0x08100000),
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
    0x470: Geometry((4,)),
    0x471: Geometry((4,)),
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
