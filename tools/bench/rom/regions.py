"""Which addresses the commands accept, and what reading and writing them does (AN2606 4.4)."""

from __future__ import annotations

from enum import Enum, auto

from .facts import Area, RomFacts
from .flash import Flash
from .memory import RomMemory

FEATURES = Area(0xFFFF_0000, 0xFFFF_0004)
"""Not memory: the voltage range of the F4 and three reserved bytes, 0xFF (AN2606 table 4)."""


class Region(Enum):
    FLASH = auto()
    RAM = auto()
    SYSTEM = auto()
    EEPROM = auto()
    OTP = auto()
    OPTIONS = auto()
    FEATURES = auto()


class Regions:
    """The memories that Read Memory, Write Memory and Go accept."""

    def __init__(self, facts: RomFacts, memory: RomMemory, flash: Flash) -> None:
        self._facts = facts
        self._memory = memory
        self._flash = flash

    def at(self, address: int) -> Region | None:
        """The region an address belongs to; None where every command answers NACK."""
        facts = self._facts
        if facts.sector_at(address) is not None:
            return Region.FLASH
        if any(address in area for area in facts.ram):
            return Region.RAM
        if address in facts.system or any(address in area for area in facts.readable):
            return Region.SYSTEM
        if any(address in area for area in facts.eeprom):
            return Region.EEPROM
        if facts.otp is not None and address in facts.otp:
            return Region.OTP
        if self._option_bank(address) is not None:
            return Region.OPTIONS
        return Region.FEATURES if facts.voltage_ranges and address in FEATURES else None

    def readable(self, address: int) -> bool:
        return self.at(address) is not None

    def startable(self, address: int) -> bool:
        return self.at(address) in (Region.FLASH, Region.RAM)

    def writable(self, address: int) -> bool:
        """Option bytes are written from their base only (AN3155 3.6)."""
        region = self.at(address)
        if region is Region.OPTIONS:
            return any(address == area.start for area in self._facts.options)
        return region not in (None, Region.SYSTEM)

    def _option_bank(self, address: int) -> int | None:
        for bank, area in enumerate(self._facts.options):
            if address in area:
                return bank
        return None

    # --- read ----------------------------------------------------------------------------------

    def read(self, address: int, length: int) -> bytes:
        """What the host gets; may raise `BusFault` at the end of a memory."""
        match self.at(address):
            case Region.OPTIONS:
                return self._read_options(address, length)
            case Region.FEATURES:
                block = bytes([self._flash.voltage_range]) + b"\xff" * 3
                return _window(block, address - FEATURES.start, length)
            case _:
                return self._memory.read(address, length)

    def _read_options(self, address: int, length: int) -> bytes:
        bank = self._option_bank(address)
        assert bank is not None  # `at` has found the region
        offset = address - self._facts.options[bank].start
        return _window(self._flash.read_options(bank), offset, length)

    # --- write ---------------------------------------------------------------------------------

    def write(self, address: int, data: bytes) -> bool:
        """True if the ROM would answer ACK; may raise `BusFault`."""
        match self.at(address):
            case Region.FLASH:
                return self._flash.program(address, data)
            case Region.OTP:
                return self._flash.program_otp(address, data)
            case Region.OPTIONS:
                return self._write_options(address, data)
            case Region.FEATURES:
                return self._write_features(address, data)
            case _:
                return self._write_ram(address, data)

    def write_ns(self, region: Region | None, length: int) -> int:
        """Typical time that `write` takes."""
        if region in (Region.FLASH, Region.OTP):
            return self._flash.program_ns(length)
        if region is Region.EEPROM:  # a word takes as long as half a page (DS10685)
            return -(-length // 4) * self._facts.timing.program
        return 0  # the manuals give no time for the option bytes

    def _write_ram(self, address: int, data: bytes) -> bool:
        if address % 4 or len(data) % 4:  # AN2606 4.4
            return False
        self._memory.write(address, data)
        return True

    def _write_options(self, address: int, data: bytes) -> bool:
        bank = self._option_bank(address)
        assert bank is not None
        self._flash.write_options(bank, data)
        return True

    def _write_features(self, address: int, data: bytes) -> bool:
        """Byte 0 takes voltage range 0 to 4; the others must stay 0xFF (AN2606 table 4)."""
        offset = address - FEATURES.start
        block = bytearray([self._flash.voltage_range, 0xFF, 0xFF, 0xFF])
        block[offset : offset + len(data)] = data
        if len(block) != 4 or block[0] > 4 or block[1:] != b"\xff\xff\xff":
            return False
        self._flash.voltage_range = block[0]
        return True


def _window(block: bytes, offset: int, length: int) -> bytes:
    """`length` bytes of a small block, erased beyond its end."""
    return block[offset : offset + length].ljust(length, b"\xff")
