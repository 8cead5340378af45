"""Connects `rom/` to the memories and option bytes of a `Soc`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from typing import Any, cast

from .blocks.base import RegisterBlock
from .chip import KIB, Chip, FlashSector
from .cpu.memory import BusError
from .rom import Area, BusFault, FlashTiming, OptionBytes, RomFacts, Sector, UsbFacts
from .soc import Soc

US, MS = 1_000, 1_000_000  # ns


@cache
def rom_facts(chip: Chip, *, two_banks: bool = False) -> RomFacts:
    """The part of a chip file that the ROM model needs."""
    sectors = chip.sectors(two_banks=two_banks)
    rom, flash = chip.rom, chip.flash
    taken = rom["ram_base"] + rom["ram_size"]
    areas = {region.name: Area(region.base, region.end) for region in chip.memory}
    options = [areas[r.name] for r in chip.memory if r.kind == "options"]
    return RomFacts(
        dev_id=chip.dev_id,
        protocol=rom["protocol"],
        sectors=tuple(Sector(s.base, s.size, s.bank) for s in sectors),
        ram=(Area(taken, rom.get("ram_end", chip.region("SRAM").end)),),
        system=areas["SYSTEM"],
        timing=_timing(rom["timing"]),
        readable=tuple(areas[name] for name in rom["readable"]) + _registers(rom),
        eeprom=tuple(areas[r.name] for r in chip.memory if r.kind == "eeprom"),
        otp=areas.get("OTP"),
        options=tuple(options) if rom["f4_commands"] else (),
        startup_ns=round(rom["startup_ms"] * MS),
        erased=flash["erased"],
        unit=flash.get("unit", 0),
        protect=flash.get("protect_kib", 0) * KIB,
        voltage_ranges=rom["f4_commands"],
        usb=_usb(sectors, rom["usb"]) if "usb" in rom else None,
    )


def _registers(rom: Mapping[str, Any]) -> tuple[Area, ...]:
    """Option bytes that are seen in registers only."""
    return tuple(Area(base, base + size) for base, size in rom.get("registers", ()))


def _usb(sectors: tuple[FlashSector, ...], data: Mapping[str, Any]) -> UsbFacts:
    flash_map, names = _sector_map(sectors, data["sector"]), [data["flash"], *data["alternates"]]
    return UsbFacts(
        version=data["version"],
        product=data["product"],
        serial=data.get("serial", ""),
        serial_changes=data.get("serial_changes", False),
        transfer=data["transfer"],
        alternates=tuple(name.format(flash_map) for name in names),
        connect_ns=round(data["connect_ms"] * MS),
        starts_in_error=data["starts_in_error"],
        answers_leave=data["answers_leave"],
    )


def _sector_map(sectors: tuple[FlashSector, ...], pattern: str) -> str:
    """Runs of sectors of one size in one bank where a bank has several sizes, as the ROM writes
    them, such as 04*016Kg,01*064Kg. A pattern may use count, kib and bytes."""
    several = len({sector.size for sector in sectors}) > 1
    runs = groupby(sectors, key=lambda s: (s.bank if several else 0, s.size))
    found = [(size, len(list(run))) for (_, size), run in runs]
    return ",".join(pattern.format(count=n, kib=size // KIB, bytes=size) for size, n in found)


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
            if block := self._block(address):
                words = range(address - block.facts.base, address - block.facts.base + length, 4)
                data = b"".join(block.read(at, 4).to_bytes(4, "little") for at in words)
                return data[:length]
            memory, offset = self._soc.map.find(address)
            return memory.read(offset, length)
        except (BusError, IndexError) as error:
            raise BusFault(str(error)) from error

    def _block(self, address: int) -> RegisterBlock | None:
        """The peripheral at an address of its registers."""
        for block in self._soc.blocks.values():
            if block.facts.base <= address < block.facts.base + block.facts.size:
                return block
        return None

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
