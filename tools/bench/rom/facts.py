"""What the ROM of one die knows about its die: numbers only, filled from `chips/*.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KIB = 1024
MS = 1_000_000  # ns


@dataclass(frozen=True)
class Area:
    """Addresses `start` (inclusive) to `end` (exclusive)."""

    start: int
    end: int

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end


@dataclass(frozen=True)
class Sector:
    """One erasable piece of flash. Its number for the ROM is its place in `RomFacts.sectors`:
    0 to 23 on a 2 MiB F42x, although FLASH_CR.SNB numbers bank 2 from 0b10000 (RM0090 3.9.8)."""

    base: int
    size: int
    bank: int = 1

    @property
    def end(self) -> int:
        return self.base + self.size


@dataclass(frozen=True)
class FlashTiming:
    """Typical times in ns. Each tuple is for x8, x16, x32 and x64 (with VPP) parallelism."""

    program: int
    """One program operation of any width."""
    sector: Mapping[int, tuple[int, int, int, int]]
    """Sector size in bytes -> its erase time."""
    mass: tuple[int, int, int, int]
    """Mass erase; the banks of an F42x take as long each and are erased together."""


# DS8626 (F405/F407) and DS9405 (F427/F429), tables "Flash memory programming" and "Flash memory
# programming with VPP": t_prog, t_ERASE16KB, t_ERASE64KB, t_ERASE128KB, t_ME, typical values.
F4_TIMING = FlashTiming(
    program=16_000,
    sector={
        16 * KIB: (400 * MS, 300 * MS, 250 * MS, 230 * MS),
        64 * KIB: (1200 * MS, 700 * MS, 550 * MS, 490 * MS),
        128 * KIB: (2000 * MS, 1300 * MS, 1000 * MS, 875 * MS),
    },
    mass=(16_000 * MS, 11_000 * MS, 8_000 * MS, 6_900 * MS),
)


@dataclass(frozen=True)
class RomFacts:
    """The part of a chip file that its bootloader needs. F4 family; addresses in bytes."""

    dev_id: int
    """12 bits: what Get ID answers (AN3155 3.3) and DBGMCU_IDCODE holds."""
    protocol: int
    """The version of the *protocol*, 0x31 for 3.1: what Get Version answers (AN3155 3.2)."""
    sectors: tuple[Sector, ...]
    ram: tuple[Area, ...]
    """SRAM that the commands accept: what the ROM itself uses is cut off (AN2606, per device)."""
    system: Area
    """System memory: it can be read, nothing else (AN2606 table 5)."""
    otp: Area | None = None
    """Blocks of 32 bytes, then one lock byte for each (RM0090 3.8)."""
    options: tuple[Area, ...] = ()
    """Option bytes, 16 for each bank (RM0090 3.7.1)."""
    timing: FlashTiming = F4_TIMING
    startup_ns: int = 0
    """From the first instruction until the ROM listens (AN2606 table 227)."""

    def sector_at(self, address: int) -> int | None:
        """Number of the sector that holds `address`, None outside flash."""
        for number, sector in enumerate(self.sectors):
            if sector.base <= address < sector.end:
                return number
        return None
