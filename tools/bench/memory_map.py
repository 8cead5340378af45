"""What is mapped where: flash, RAM, system memory, the alias at 0 and external memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from . import sysmem
from .blocks.base import RegisterBlock
from .blocks.flash import Flash
from .blocks.syscfg import Syscfg
from .chip import Chip, Region
from .cpu.memory import BusError, Memory
from .external import ExternalMemory

ALIAS = 0x00000000
POWER_ON_RAM = 0xA5  # SRAM is random after power-on; not 0, so that use of it shows
OnWrite = Callable[[int, int, int], bool]


class MemoryMapper(Protocol):
    """The part of `core.Core` that memories need."""

    def map_memory(
        self,
        base: int,
        memory: Memory,
        *,
        writable: bool = True,
        executable: bool = True,
        on_write: OnWrite | None = None,
        tcm: bool = False,
    ) -> None: ...

    def unmap(self, base: int, size: int) -> None: ...


@dataclass(eq=False)
class GatedRam:
    """RAM with a clock enable of its own."""

    region: Region
    memory: Memory
    clocked: bool = False
    there: bool = False

    def set_clock(self, on: bool) -> None:
        self.clocked = on


class MemoryMap:
    """Maps what is always present; `update` maps and unmaps the rest.

    Attributes:
        system: system memory, with the OTP area and the factory bytes if they are close behind it.
        at: the memories of the chip that can be reached now, by base address.
    """

    def __init__(
        self,
        chip: Chip,
        cpu: MemoryMapper,
        blocks: Mapping[str, RegisterBlock],
        flash: Flash,
        syscfg: Syscfg,
        externals: tuple[ExternalMemory, ...],
    ) -> None:
        self.chip = chip
        self.externals = externals
        self.at: dict[int, Memory] = {}
        self._cpu = cpu
        self._blocks, self._flash, self._syscfg = blocks, flash, syscfg
        self._gated: list[GatedRam] = []
        self._seen_at_zero: Memory | None = None
        self.at.update(sysmem.build(chip))
        for base, memory in self.at.items():
            cpu.map_memory(base, memory, writable=False)
        self.system = self.at[chip.region("SYSTEM").base]
        self.at[flash.base_address] = flash.array
        cpu.map_memory(flash.base_address, flash.array, writable=False, on_write=flash.program)
        for region in chip.memory:
            self._map_region(region)
        flash.on_options = self._show_options
        self._show_options()

    # --- always present ------------------------------------------------------------------------

    def _map_region(self, region: Region) -> None:
        if region.kind == "eeprom":
            memory = Memory(region.size, name=region.name)
            self.at[region.base] = memory
            on_write = self._eeprom(region, memory)
            self._cpu.map_memory(region.base, memory, writable=False, on_write=on_write)
        elif region.kind == "alias":
            of = self.chip.region(region.of)
            memory = self.at[of.base]
            self.at[region.base] = memory
            self._cpu.map_memory(region.base, memory, writable=of.kind == "sram")
        elif region.kind in ("sram", "ccm", "tcm"):
            ram = Memory(region.size, fill=POWER_ON_RAM, name=region.name)
            if region.enable:
                self._gated.append(GatedRam(region, ram))
            else:
                # CCM is on the data bus only: fetching from it fails (RM0090 2.3.1)
                executable, tcm = region.kind != "ccm", region.kind == "tcm"
                self.at[region.base] = ram
                self._cpu.map_memory(region.base, ram, executable=executable, tcm=tcm)

    def _eeprom(self, region: Region, memory: Memory) -> OnWrite:
        return lambda address, size, value: self._flash.program_eeprom(
            memory, address - region.base, size, value
        )

    def _show_options(self) -> None:
        for address, data in self._flash.option_memory():
            memory, offset = self.find(address)
            memory.write(offset, data)

    def ram_with_a_clock(self) -> Iterator[tuple[Region, Callable[[bool], None]]]:
        """RAM with a clock enable bit, and what to call with the level of that bit."""
        for ram in self._gated:
            yield ram.region, ram.set_clock

    # --- mapped and unmapped -------------------------------------------------------------------

    def update(self) -> None:
        """Map memories as SYSCFG, clock enables and external memory controllers select now. Not
        from a callback."""
        for external in self.externals:
            there = external.reachable(self._blocks)
            if there != external.there:
                external.there = there
                self._map_external(external)
        for ram in self._gated:
            if ram.clocked != ram.there:
                ram.there = ram.clocked
                self._map_gated(ram)
        if self._syscfg.banks_swapped != self._flash.swapped:
            self._flash.swap_banks()
        wanted = self._wanted_at_zero()
        if wanted is not self._seen_at_zero:
            if self._seen_at_zero:
                self._cpu.unmap(ALIAS, self._seen_at_zero.size)
            self._seen_at_zero = wanted
            if wanted:
                self._map_alias(wanted)

    def _map_external(self, external: ExternalMemory) -> None:
        if external.there:
            self._cpu.map_memory(external.base, external.memory, writable=external.writable)
        else:
            self._cpu.unmap(external.base, external.memory.size)

    def _map_gated(self, ram: GatedRam) -> None:
        if ram.there:
            self.at[ram.region.base] = ram.memory
            self._cpu.map_memory(ram.region.base, ram.memory)
        else:
            del self.at[ram.region.base]
            self._cpu.unmap(ram.region.base, ram.region.size)

    def _wanted_at_zero(self) -> Memory | None:
        name = self._syscfg.shown_at_zero
        if name in ("NOR", "SDRAM"):
            kind = name.lower()
            shown = (e.memory for e in self.externals if (e.kind, e.bank) == (kind, 1) and e.there)
            return next(shown, None)
        if name == "SRAM":
            return self.at[self.chip.region("SRAM").base]
        return {"FLASH": self._flash.array, "SYSTEM": self.system}.get(name or "")

    def _map_alias(self, memory: Memory) -> None:
        if memory is self._flash.array:
            self._cpu.map_memory(ALIAS, memory, writable=False, on_write=self._program_alias)
        else:
            self._cpu.map_memory(ALIAS, memory, writable=memory is not self.system)

    def _program_alias(self, address: int, size: int, value: int) -> bool:
        return self._flash.program(self._flash.base_address + address, size, value)

    # --- access from Python --------------------------------------------------------------------

    def find(self, address: int) -> tuple[Memory, int]:
        """The memory at `address` and the offset in it. Raises BusError."""
        for base, memory in self.at.items():
            if base <= address < base + memory.size:
                return memory, address - base
        for external in self.externals:
            if external.there and 0 <= address - external.base < external.size:
                return external.memory, address - external.base
        if self._seen_at_zero and ALIAS <= address < ALIAS + self._seen_at_zero.size:
            return self._seen_at_zero, address - ALIAS
        raise BusError(f"no memory is at 0x{address:08X}")

    def write(self, address: int, data: bytes) -> None:
        """Write as a debugger does, flash included. Raises BusError, and IndexError past the end
        of the memory."""
        memory, offset = self.find(address)
        memory.write(offset, data)

    def is_flash(self, address: int) -> bool:
        """Main flash or system memory, or their alias at 0."""
        try:
            return self.find(address)[0] in (self._flash.array, self.system)
        except BusError:
            return False
