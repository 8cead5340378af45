"""A die put together: blocks, memories, interrupt lines, clocks and resets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Protocol, TypeVar

from .blocks.backup import BackupSram
from .blocks.base import RegisterBlock
from .blocks.bitband import bit_bands
from .blocks.catalogue import build_block
from .blocks.exti import Exti
from .blocks.flash import Flash
from .blocks.gpio import Gpio
from .blocks.pwr import Pwr
from .blocks.rcc import Rcc
from .blocks.rtc import Rtc
from .blocks.syscfg import Syscfg
from .blocks.watchdogs import Iwdg
from .chip import Chip
from .clock import Clock
from .cpu.memory import Block
from .external import ExternalMemory
from .fetch_stall import FetchStall, Watcher
from .memory_map import ALIAS, SYSTEM_MODE, MemoryMap, MemoryMapper

T = TypeVar("T", bound=RegisterBlock)

OVERDRIVE_HZ = 168_000_000  # above, the regulator must be in over-drive (RM0090 5.1.4)
KEPT_BY_RESET = ("DBGMCU", "RCC")  # reset at power-on only; RCC has a reset of its own kind
PORTS = "ABCDEFGHIJK"


class Cpu(MemoryMapper, Watcher, Protocol):
    """The part of `core.Core` that a chip needs."""

    def map_block(self, block: Block) -> None: ...

    def set_irq(self, number: int, level: bool) -> None: ...

    def pend_nmi(self) -> None: ...

    def wait(self, cycles: Callable[[], int]) -> None: ...

    def reset(self, vector_table: int) -> None: ...


class Soc:
    """One chip. Implements `blocks.base.System` for its blocks.

    Args:
        chip: the die.
        cpu: its core, with nothing mapped yet.
        clock: the core's clock; HCLK is set here.
        externals: memories of the board behind FMC or QUADSPI.
        pc: where the program is.

    Attributes:
        boot0: the level of the BOOT0 pin, read at each reset (BOOT1 is low: system memory).
        unmodelled: sentences; what the program used that the bench does not have.
        violations: sentences; what the program did that a real chip may not survive.
        on_reset: called at the end of each system reset with its cause.
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
        self.unmodelled: list[str] = []
        self.violations: list[str] = []
        self.on_reset: Callable[[str], None] = lambda cause: None
        self._pc = pc
        self._irq_sources: defaultdict[int, set[str]] = defaultdict(set)
        self._remapping = False
        self._build_blocks()
        self.map = MemoryMap(chip, cpu, self.blocks, externals)
        self.backup_srams = [BackupSram(r, self) for r in chip.memory if r.kind == "backup"]
        self._fetch_stall = FetchStall(cpu, clock, self.map, self.flash)
        self._connect()
        for block in self.blocks.values():
            cpu.map_block(block)
        for alias in bit_bands(self.blocks.values()):
            cpu.map_block(alias)
        for sram in self.backup_srams:
            cpu.map_block(sram)

    # --- putting it together -------------------------------------------------------------------

    def _build_blocks(self) -> None:
        self.blocks: dict[str, RegisterBlock] = {}
        for facts in self.chip.peripherals:
            self.blocks[facts.name] = build_block(facts, self)
        self.rcc = self._the("RCC", Rcc)
        self.flash = self._the("FLASH", Flash)
        self.pwr = self._the("PWR", Pwr)
        self.syscfg = self._the("SYSCFG", Syscfg)
        self.exti = self._the("EXTI", Exti)
        self.iwdg = self._the("IWDG", Iwdg)
        self.rtc = self._the("RTC", Rtc)

    def _the(self, name: str, kind: type[T]) -> T:
        block = self.blocks[name]
        assert isinstance(block, kind)
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
        for region, sram in zip(
            (r for r in self.chip.memory if r.kind == "backup"), self.backup_srams, strict=True
        ):
            if region.enable:
                self.rcc.connect(region.enable.register, region.enable.mask, sram.set_clock)
        for number, letter in enumerate(PORTS):
            port = self.blocks.get(f"GPIO{letter}")
            if isinstance(port, Gpio):
                port.on_input = lambda pin, level, n=number: self.exti.pin_changed(n, pin, level)

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

    def doze(self) -> None:
        self.cpu.wait(lambda: self.clock.cycles_to_next() or 0)

    def request_reset(self, cause: str) -> None:
        self.after_instruction(lambda: self.reset(cause))

    def block(self, name: str) -> RegisterBlock:
        return self.blocks[name]

    def frequency(self, bus: str) -> int:
        clocks = self.rcc.clocks
        if bus == "HCLK":
            return clocks.hclk
        pclk = clocks.pclk1 if bus in ("APB1", "TIM1") else clocks.pclk2
        # timers run twice as fast as their bus if it is divided (RM0090 6.2)
        return pclk * 2 if bus.startswith("TIM") and pclk != clocks.hclk else pclk

    def report(self, sentence: str) -> None:
        sentence = f"{sentence} (PC 0x{self._pc():08X})"
        if sentence not in self.unmodelled:
            self.unmodelled.append(sentence)

    def violation(self, sentence: str) -> None:
        if sentence not in self.violations:
            self.violations.append(sentence)

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
        self.clock.hclk = self.rcc.clocks.hclk
        for block in self.blocks.values():
            block.clock_changed()
        self.check_speed()

    def check_speed(self) -> None:
        hclk = self.rcc.clocks.hclk
        if hclk > OVERDRIVE_HZ and self.pwr.has_overdrive and not self.pwr.overdrive:
            self.violation(
                f"HCLK is {hclk} Hz while the regulator is not in over-drive (RM0090 5.1.4)"
            )
        limits, waits = self.chip.clocks["wait_states_hz"], self.flash.wait_states
        if hclk > limits[min(waits, len(limits) - 1)] and self.runs_from_flash():
            self.violation(
                f"code runs from flash with HCLK at {hclk} Hz and {waits} wait states: more are "
                f"needed (RM0090 3.5.1)"
            )

    def runs_from_flash(self) -> bool:
        return self.map.is_flash(self._pc())

    # --- reset ---------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Everything as after the supply has come up, then boot."""
        for block in self.blocks.values():
            if block is not self.rcc:
                block.reset()
        self.rtc.backup_reset()
        self.rcc.power_on()
        self._boot("POR")

    def reset(self, cause: str) -> None:
        """A system reset: `cause` is "PIN" (NRST), "SFT" (SYSRESETREQ), "IWDG" or "WWDG"."""
        for name, block in self.blocks.items():
            if name not in KEPT_BY_RESET:
                block.reset()
        self._fetch_stall.reset()
        self.rcc.system_reset(cause)
        self._boot(cause)

    def _boot(self, cause: str) -> None:
        self.syscfg.boot_mode = SYSTEM_MODE if self.boot0 else 0
        self.syscfg.reset()
        self._remap_now()
        if self.flash.hardware_watchdog:
            self.iwdg.start()
        self.cpu.reset(ALIAS)
        self.on_reset(cause)
