"""Lets `rom.py` reach the memories and option bytes of a `Soc`, as the ROM's code would."""

from __future__ import annotations

from typing import cast

from .chip import Chip
from .cpu.memory import BusError
from .rom import Area, BusFault, OptionBytes, RomFacts, Sector
from .soc import Soc


def rom_facts(chip: Chip) -> RomFacts:
    """What the ROM of this die knows about its die."""
    taken = chip.rom["ram_base"] + chip.rom["ram_size"]

    def area(name: str) -> Area:
        region = chip.region(name)
        return Area(region.base, region.end)

    return RomFacts(
        dev_id=chip.dev_id,
        protocol=chip.rom["protocol"],
        sectors=tuple(Sector(s.base, s.size, s.bank) for s in chip.sectors()),
        ram=(Area(taken, chip.region("SRAM").end),),
        system=area("SYSTEM"),
        otp=area("OTP"),
        options=tuple(Area(r.base, r.end) for r in chip.memory if r.kind == "options"),
        startup_ns=round(chip.rom["startup_ms"] * 1_000_000),
    )


class SocOptionBytes:
    """The option bytes in flash: what the next reset will load (RM0090 3.7.1)."""

    def __init__(self, soc: Soc) -> None:
        self._flash = soc.flash

    @property
    def rdp(self) -> int:
        return self._flash.stored_options["OPTCR"] >> 8 & 0xFF

    @rdp.setter
    def rdp(self, value: int) -> None:
        self._flash.store_options("OPTCR", 0xFF00, value << 8)

    @property
    def user(self) -> int:
        return self._flash.stored_options["OPTCR"] & 0xFC

    @user.setter
    def user(self, value: int) -> None:
        self._flash.store_options("OPTCR", 0xFC, value)

    @property
    def nwrp(self) -> int:
        stored = self._flash.stored_options
        return stored["OPTCR"] >> 16 & 0xFFF | (stored.get("OPTCR1", 0) >> 16 & 0xFFF) << 12

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        self._flash.store_options("OPTCR", 0x0FFF0000, value << 16)
        self._flash.store_options("OPTCR1", 0x0FFF0000, value >> 12 << 16)


class SocMemory:
    """Implements `rom.RomMemory`."""

    def __init__(self, soc: Soc) -> None:
        self._soc = soc
        self.options = cast(OptionBytes, SocOptionBytes(soc))  # properties, not attributes

    def read(self, address: int, length: int) -> bytes:
        try:
            memory, offset = self._soc.map.find(address)
            return memory.read(offset, length)
        except (BusError, IndexError) as error:
            raise BusFault(str(error)) from error

    def write(self, address: int, data: bytes) -> None:
        try:
            self._soc.map.write(address, data)
        except (BusError, IndexError) as error:
            raise BusFault(str(error)) from error

    def clear_ram(self) -> None:
        for region in self._soc.chip.memory:
            if region.kind in ("sram", "ccm"):
                memory = self._soc.map.at[region.base]
                memory.fill(0, memory.size, 0)
        for sram in self._soc.backup_srams:
            sram.bytes[:] = bytes(sram.size)
