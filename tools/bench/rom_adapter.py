"""Connects `rom/` to the memories and option bytes of a `Soc`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .chip import KIB, Chip
from .cpu.memory import BusError
from .rom import Area, BusFault, FlashTiming, OptionBytes, RomFacts, Sector
from .soc import Soc

US, MS = 1_000, 1_000_000  # ns


def rom_facts(chip: Chip) -> RomFacts:
    """The part of a chip file that the ROM model needs."""
    rom, flash = chip.rom, chip.flash
    taken = rom["ram_base"] + rom["ram_size"]
    areas = {region.name: Area(region.base, region.end) for region in chip.memory}
    options = [areas[r.name] for r in chip.memory if r.kind == "options"]
    return RomFacts(
        dev_id=chip.dev_id,
        protocol=rom["protocol"],
        sectors=tuple(Sector(s.base, s.size, s.bank) for s in chip.sectors()),
        ram=(Area(taken, chip.region("SRAM").end),),
        system=areas["SYSTEM"],
        timing=_timing(rom["timing"]),
        readable=tuple(areas[name] for name in rom["readable"]),
        otp=areas.get("OTP"),
        options=tuple(options) if rom["f4_commands"] else (),
        startup_ns=round(rom["startup_ms"] * MS),
        erased=flash["erased"],
        unit=flash.get("unit", 0),
        protect=flash.get("protect_kib", 0) * KIB,
        voltage_ranges=rom["f4_commands"],
    )


def _timing(data: Mapping[str, Any]) -> FlashTiming:
    def ns(values: list[float]) -> tuple[int, ...]:
        return tuple(round(ms * MS) for ms in values)

    return FlashTiming(
        program=round(data["program_us"] * US),
        at_once=tuple(data["at_once"]),
        sector={int(float(kib) * KIB): ns(ms) for kib, ms in data["sector_ms"].items()},
        mass=ns(data["mass_ms"]),
    )


class SocMemory:
    """Implements `rom.RomMemory`."""

    def __init__(self, soc: Soc) -> None:
        self._soc = soc
        self.options = cast(OptionBytes, soc.flash)  # properties, not attributes

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
            if region.kind in ("sram", "ccm", "tcm"):
                memory = self._soc.map.at.get(region.base)  # None: its clock is off
                if memory:
                    memory.fill(0, memory.size, 0)
        for ram in self._soc.peripheral_rams:
            if ram.region.kind == "backup":
                ram.bytes[:] = bytes(ram.size)
