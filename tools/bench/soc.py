"""One die: its blocks, memories, interrupt lines, clocks and resets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Protocol, TypeVar

from .blocks.base import RegisterBlock
from .blocks.bitband import bit_bands
from .blocks.clocktree import Frequencies
from .blocks.exti import Exti
from .blocks.flash import Flash
from .blocks.gpio import Gpio
from .blocks.pwr import Pwr
from .blocks.ram import PeripheralRam
from .blocks.rcc import Rcc
from .blocks.rtc import Rtc
from .blocks.syscfg import Syscfg
from .blocks.watchdogs import Iwdg
from .catalogue import build_block
from .chip import Chip
from .clock import Clock
from .cpu.memory import Block
from .external import ExternalMemory
from .fetch_stall import FetchStall, Watcher
from .memory_map import ALIAS, MemoryMap, MemoryMapper

T = TypeVar("T", bound=RegisterBlock)

PORTS = "ABCDEFGHIJK"


class Cpu(MemoryMapper, Watcher, Protocol):
    """The part of `core.Core` that a chip needs."""

    def map_block(self, block: Block) -> None: ...

    def set_irq(self, number: int, level: bool) -> None: ...

    def pend_nmi(self) -> None: ...

    def wait(self, cycles: Callable[[], int]) -> None: ...

    def reset(self, vector_table: int, vtor: int = 0) -> None: ...


class Soc:
    """One chip. Implements `blocks.base.System` for its blocks.

    Args:
        chip: the die.
        cpu: its core, with nothing mapped yet.
        clock: the core's clock; HCLK is set here.
        externals: memories of the board behind FMC or QUADSPI.
        pc: returns the program counter.

    Attributes:
        boot0: the level of the BOOT0 pin, read at each reset (BOOT1 is low: system memory).
        booted: what the last reset started, "FLASH", "BANK2" or "SYSTEM".
        unmodelled: sentences: what the program used that the bench does not have.
        violations: sentences: what the program did that a real chip may not survive.
        accepted: those that are not held against anybody, see `accept_violations`.
        on_reset: called with the cause at the end of each reset.
    """

    def __init__(
        self,
        chip: Chip,
        cpu: Cpu,
        clock: Clock,
        externals: tuple[ExternalMemory, ...] = (),
        pc: Callable[[], int] = lambda: 0,
    ) -> None:
        self.chip = chip
        self.cpu = cpu
        self.clock = clock
        self.boot0 = False
        self.booted = "FLASH"
        self.unmodelled: list[str] = []
        self.violations: list[str] = []
        self.accepted: list[str] = []
        self.on_reset: Callable[[str], None] = lambda cause: None
        self._pc = pc
        self._irq_sources: defaultdict[int, set[str]] = defaultdict(set)
        self._remapping = False
        self._clocks: Frequencies | None = None
        self._build_blocks()
        self.map = MemoryMap(chip, cpu, self.blocks, self.flash, self.syscfg, externals)
        regions = [r for r in chip.memory if r.kind in ("backup", "buffer")]
        self.peripheral_rams = [PeripheralRam(region, self) for region in regions]
        self._fetch_stall = FetchStall(cpu, clock, self.map, self.flash)
        self._connect()
        for block in self.blocks.values():
            cpu.map_block(block)
        if chip.core["bit_band"]:
            for alias in bit_bands(self.blocks.values()):
                cpu.map_block(alias)
        for ram in self.peripheral_rams:
            cpu.map_block(ram)

    # --- building it ---------------------------------------------------------------------------

    def _build_blocks(self) -> None:
        self.blocks: dict[str, RegisterBlock] = {}
        for facts in self.chip.peripherals:
            self.blocks[facts.name] = build_block(facts, self)
        self.rcc, self.flash = self._the(Rcc), self._the(Flash)
        self.pwr, self.syscfg = self._the(Pwr), self._the(Syscfg)
        self.exti, self.iwdg, self.rtc = self._the(Exti), self._the(Iwdg), self._the(Rtc)

    def _the(self, kind: type[T]) -> T:
        """The only block of this class."""
        (block,) = (block for block in self.blocks.values() if isinstance(block, kind))
        return block

    def _connect(self) -> None:
        self.rcc.on_clocks = self._clocks_changed
        self.rcc.on_backup_reset = self.rtc.backup_reset
        for facts in self.chip.peripherals:
            block = self.blocks[facts.name]
            if facts.enable:
                self.rcc.connect(facts.enable.register, facts.enable.mask, block.set_clock)
                block.clocked = bool(self.rcc.get(facts.enable.register) & facts.enable.mask)
            if facts.reset:
                self.rcc.connect(facts.reset.register, facts.reset.mask, block.hold)
        rams = [(ram.region, ram.set_clock) for ram in self.peripheral_rams]
        for region, set_clock in [*rams, *self.map.ram_with_a_clock()]:
            if region.enable:
                set_clock(bool(self.rcc.get(region.enable.register) & region.enable.mask))
                self.rcc.connect(region.enable.register, region.enable.mask, set_clock)
                self.rcc.connect(region.enable.register, region.enable.mask, self._ram_switched)
        for number, letter in enumerate(PORTS):
            port = self.blocks.get(f"GPIO{letter}")
            if isinstance(port, Gpio):
                port.on_input = lambda pin, level, n=number: self.exti.pin_changed(n, pin, level)

    def _ram_switched(self, _on: bool) -> None:
        self.remap()

    def gpio(self, pin: str) -> tuple[Gpio, int]:
        """The port and the number of a pin such as "PB10". Raises ValueError."""
        port = self.blocks.get(f"GPIO{pin[1:2]}")
        if pin[:1] != "P" or not pin[2:].isdigit() or not isinstance(port, Gpio):
            raise ValueError(f"{self.chip.name} has no pin {pin}; pins are named as PA0 or PB10")
        return port, int(pin[2:])

    # --- System: what blocks may do ------------------------------------------------------------

    def irq(self, source: str, number: int, level: bool) -> None:
        sources = self._irq_sources[number]
        before = bool(sources)
        if level:
            sources.add(source)
        else:
            sources.discard(source)
        if bool(sources) != before:
            self.cpu.set_irq(number, level)

    def nmi(self) -> None:
        self.cpu.pend_nmi()

    def after_instruction(self, fn: Callable[[], None]) -> None:
        self.cpu.after_instruction(fn)

    def stall(self, ns: int) -> None:
        self.cpu.wait(lambda: self.clock.cycles_in(ns))

    def stall_fetches(self, ns: int) -> None:
        self._fetch_stall.start(ns, self._pc())

    def skip_to_next_event(self) -> None:
        self.cpu.wait(lambda: self.clock.cycles_to_next() or 0)

    def request_reset(self, cause: str) -> None:
        self.after_instruction(lambda: self.reset(cause))

    def block(self, name: str) -> RegisterBlock:
        return self.blocks[name]

    def frequency(self, bus: str) -> int:
        clocks = self.rcc.clocks
        return clocks.buses.get(bus, clocks.hclk)

    def timer_frequency(self, bus: str) -> int:
        """Twice that of the bus if that is divided (RM0090 6.2, RM0367 7.2, RM0433 8.5.6)."""
        hz = self.frequency(bus)
        return hz if hz == self.rcc.clocks.hclk else 2 * hz

    def backup_writable(self) -> bool:
        return self.pwr.backup_writable

    def report(self, sentence: str) -> None:
        sentence = f"{sentence} (PC 0x{self._pc():08X})"
        if sentence not in self.unmodelled:
            self.unmodelled.append(sentence)

    def violation(self, sentence: str) -> None:
        if sentence not in self.violations and sentence not in self.accepted:
            self.violations.append(sentence)

    def accept_violations(self) -> None:
        """From now on those so far do not count: the firmware runs in spite of them."""
        self.accepted += self.violations
        self.violations.clear()

    def read_memory(self, address: int, size: int) -> int:
        memory, offset = self.map.find(address)
        return memory.load(offset, size)

    def write_memory(self, address: int, size: int, value: int) -> None:
        memory, offset = self.map.find(address)
        memory.store(offset, size, value)

    def remap(self) -> None:
        if not self._remapping:
            self._remapping = True
            self.after_instruction(self._remap_now)

    def _remap_now(self) -> None:
        self._remapping = False
        self.map.update()

    # --- clocks --------------------------------------------------------------------------------

    def _clocks_changed(self) -> None:
        clocks = self.rcc.clocks
        if clocks != self._clocks:
            self._clocks, self.clock.hclk = clocks, clocks.cpu
            for block in self.blocks.values():
                block.clock_changed()
        self.check_speed()

    def check_speed(self) -> None:
        hclk = self.rcc.clocks.hclk
        if problem := self.pwr.problem(hclk):
            self.violation(problem)
        limits, waits = self.pwr.wait_states_hz(), self.flash.wait_states
        if hclk > limits[min(waits, len(limits) - 1)] and self.runs_from_flash():
            self.violation(
                f"code runs from flash with HCLK at {hclk} Hz and {waits} wait states: more are "
                f"needed"
            )

    def runs_from_flash(self) -> bool:
        return self.map.is_flash(self._pc())

    # --- reset ---------------------------------------------------------------------------------

    def power_on(self) -> None:
        """A power-on reset, then boot."""
        for block in self.blocks.values():
            if block is not self.rcc:
                block.power_on()
        self.rcc.power_on()
        self._boot("POR")

    def reset(self, cause: str) -> None:
        """A system reset: `cause` is "PIN" (NRST), "SFT" (SYSRESETREQ), "IWDG" or "WWDG"."""
        for block in self.blocks.values():
            if block is not self.rcc:
                block.reset()
        self._fetch_stall.reset()
        self.rcc.system_reset(cause)
        self._boot(cause)

    def _boot(self, cause: str) -> None:
        """Start the core: from address 0, where the family maps flash or system memory there;
        otherwise from the vector table itself, which is then the reset value of VTOR."""
        remap, chosen = self.chip.remap, self.flash.boot(self.boot0)
        self.booted = chosen
        bank_2 = chosen == "BANK2"
        self.syscfg.boot_mode = remap.value("FLASH" if bank_2 else chosen) if remap else 0
        self.syscfg.reset()
        if bank_2 and remap and remap.banks:
            self.syscfg.swap_banks()
        self._remap_now()
        if self.flash.hardware_watchdog:
            self.iwdg.start()
        if bank_2:
            table = self.flash.start_of_bank(2)
            self.cpu.reset(table, vtor=table)
        elif remap:
            self.cpu.reset(ALIAS)
        else:
            rom = chosen == "SYSTEM"
            table = self.chip.rom["vector_table"] if rom else self.flash.base_address
            self.cpu.reset(table, vtor=table)
        self.on_reset(cause)
