"""The facts that the ROM of a die needs; `rom_adapter.py` takes them from the chip file."""

from __future__ import annotations

from bisect import bisect_right
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
    """The smallest unit that can be erased. Its number for the ROM is its index in
    `RomFacts.sectors`: 0 to 23 on a 2 MiB F42x, although FLASH_CR.SNB numbers bank 2 from 0b10000
    (RM0090 3.9.8)."""

    base: int
    size: int
    bank: int = 1

    @property
    def end(self) -> int:
        return self.base + self.size


@dataclass(frozen=True)
class FlashTiming:
    """Typical times in ns. Where the time depends on the voltage a tuple is for x8, x16, x32 and
    x64 parallelism, otherwise it has one item."""

    program: int
    """One program operation."""
    at_once: tuple[int, ...]
    """Bytes that one program operation takes."""
    sector: Mapping[int, tuple[int, ...]]
    """Sector size in bytes -> its erase time."""
    mass: tuple[int, ...]
    """Mass erase; banks are erased together. Empty: the ROM has no mass erase."""


@dataclass(frozen=True)
class UsbFacts:
    """What the ROM says of itself on USB."""

    version: int
    """bcdDevice of the device descriptor, 0x2200 for 2.2 (AN3156 1)."""
    product: str
    serial: str
    """"" if it follows from the unique ID."""
    serial_changes: bool
    """It is another one at each start."""
    transfer: int
    """wTransferSize: bytes of one block."""
    alternates: tuple[str, ...]
    """Names of the alternate settings, each a memory map in the format of DfuSe."""
    connect_ns: int
    """From the cable or the ROM, whichever comes last, until the host can use it (AN2606
    table 229)."""
    starts_in_error: bool
    """The host finds it in dfuERROR, with errFIRMWARE."""
    answers_leave: bool
    """It answers the GETSTATUS that makes it leave; else it is gone by then."""


@dataclass(frozen=True)
class RomFacts:
    """The part of a chip file that its bootloader needs. Addresses and sizes in bytes."""

    dev_id: int
    """12 bits: what Get ID answers (AN3155 3.3) and DBGMCU_IDCODE holds."""
    protocol: int
    """The version of the *protocol*, 0x31 for 3.1: what Get Version answers (AN3155 3.2)."""
    sectors: tuple[Sector, ...]
    """The smallest pieces that can be erased, of ascending address."""
    ram: tuple[Area, ...]
    """SRAM that the commands accept: what the ROM itself uses is cut off (AN2606, per device)."""
    system: Area
    """System memory: it can be read, nothing else (AN2606 table 5)."""
    timing: FlashTiming
    readable: tuple[Area, ...] = ()
    """More that can be read, nothing else."""
    eeprom: tuple[Area, ...] = ()
    """Data memory: it can be read and written, and needs no erase (AN2606 table 5)."""
    otp: Area | None = None
    """Blocks of 32 bytes, then one lock byte for each (RM0090 3.8)."""
    options: tuple[Area, ...] = ()
    """Option bytes in the layout of the F4, 16 for each bank (RM0090 3.7.1)."""
    startup_ns: int = 0
    """From the first instruction until the ROM listens (AN2606 table 227)."""
    erased: int = 0xFF
    """What an erased byte reads as."""
    unit: int = 0
    """Bytes that are programmed as one and only when they are erased; 0: bits go from erased to
    programmed one by one, at any time."""
    protect: int = 0
    """Bytes that one bit of the write protection stands for; 0: a sector."""
    usb: UsbFacts | None = None
    """None: the ROM has no USB."""
    voltage_ranges: bool = True
    """The host may write the voltage range (AN2606 4.4, F4)."""

    def sector_at(self, address: int) -> int | None:
        """Number of the sector that holds `address`, None outside flash."""
        number = bisect_right(self.sectors, address, key=lambda sector: sector.base) - 1
        return number if number >= 0 and address < self.sectors[number].end else None

    def part_of(self, number: int) -> int:
        """The bit of the write protection that stands for a sector."""
        if not self.protect:
            return number
        return (self.sectors[number].base - self.sectors[0].base) // self.protect

    @property
    def parts(self) -> int:
        """Number of these bits."""
        return self.part_of(len(self.sectors) - 1) + 1
