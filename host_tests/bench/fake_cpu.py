"""A CPU that only remembers what the chip asks of it: blocks are tested without Unicorn."""

from __future__ import annotations

from collections.abc import Callable

from tools.bench.chip import load
from tools.bench.clock import Clock
from tools.bench.cpu.bus import OnWrite
from tools.bench.cpu.memory import Block, Memory
from tools.bench.external import ExternalMemory
from tools.bench.soc import Soc

MS = 1_000_000
SWITCH_NS = 10_000  # more than a switch of the system clock takes


class FakeCpu:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.memories: dict[int, Memory] = {}
        self.executable: dict[int, bool] = {}
        self.writable: dict[int, bool] = {}
        self.on_write: dict[int, OnWrite | None] = {}
        self.blocks: list[Block] = []
        self.irqs: set[int] = set()
        self.nmis = 0
        self.handlers = 0
        self.resets: list[int] = []
        self.deferred: list[Callable[[], None]] = []
        self.watches: list[tuple[int, int, Callable[[int], None]]] = []

    def map_memory(
        self,
        base: int,
        memory: Memory,
        *,
        writable: bool = True,
        executable: bool = True,
        on_write: OnWrite | None = None,
        tcm: bool = False,
    ) -> None:
        assert base not in self.memories
        self.memories[base] = memory
        self.executable[base], self.writable[base] = executable, writable
        self.on_write[base] = on_write

    def unmap(self, base: int, size: int) -> None:
        assert self.memories.pop(base).size == size

    def map_block(self, block: Block) -> None:
        self.blocks.append(block)

    def set_irq(self, number: int, level: bool) -> None:
        (self.irqs.add if level else self.irqs.discard)(number)

    def pend_nmi(self) -> None:
        self.nmis += 1

    def after_instruction(self, fn: Callable[[], None]) -> None:
        self.deferred.append(fn)

    def wait(self, cycles: Callable[[], int]) -> None:
        self.deferred.append(lambda: self.clock.advance(cycles()))

    def on_execute(self, low: int, high: int, fn: Callable[[int], None]) -> Callable[[], None]:
        watch = (low, high, fn)
        self.watches.append(watch)
        return lambda: self.watches.remove(watch)

    def execute(self, address: int) -> None:
        """The program branches to `address`."""
        for low, high, fn in list(self.watches):
            if low <= address <= high:
                fn(address)
        self.finish_instruction()

    def reset(self, vector_table: int, vtor: int = 0) -> None:
        self.resets.append(vector_table)
        self.deferred.clear()

    def finish_instruction(self) -> None:
        while self.deferred:
            self.deferred.pop(0)()


class Bench:
    """A `Soc` that has been powered on, and register access by name, as software has it."""

    def __init__(
        self,
        chip: str = "STM32F429xx",
        externals: tuple[ExternalMemory, ...] = (),
        hse_hz: int = 8_000_000,
        pc: int = 0x20000000,
    ) -> None:
        self.clock = Clock()
        self.cpu = FakeCpu(self.clock)
        self.pc = pc
        self.soc = Soc(load(chip), self.cpu, self.clock, externals, lambda: self.pc)
        self.soc.rcc.hse_hz = hse_hz
        self.soc.power_on()

    def read(self, name: str, size: int = 4) -> int:
        block, offset = self._at(name)
        value = block.read(offset, size)
        self.cpu.finish_instruction()
        return value

    def write(self, name: str, value: int, size: int = 4) -> None:
        block, offset = self._at(name)
        try:
            block.write(offset, size, value)
        finally:
            self.cpu.finish_instruction()

    def set(self, name: str, bits: int) -> None:
        self.write(name, self.read(name) | bits)

    def clear(self, name: str, bits: int) -> None:
        self.write(name, self.read(name) & ~bits)

    def pass_ns(self, ns: int) -> None:
        """Virtual time passes; what it triggers is done."""
        self.clock.advance(self.clock.cycles_until(self.clock.now + ns))
        self.cpu.finish_instruction()

    def enable(self, *names: str) -> None:
        """Switch the clocks of these blocks on."""
        for name in names:
            gate = self.soc.chip.peripheral(name).enable
            assert gate
            self.set(f"RCC.{gate.register}", gate.mask)

    def pulse_reset(self, name: str) -> None:
        """RCC reset of a block, on and off."""
        bit = self.soc.chip.peripheral(name).reset
        assert bit
        self.write(f"RCC.{bit.register}", bit.mask)
        self.write(f"RCC.{bit.register}", 0)

    def start_pll(self) -> None:
        """HSE, PLL at 168 MHz, over-drive not needed; as MicroPython does it."""
        self.enable("PWR")
        self.set("RCC.CR", 1 << 16)
        self.pass_ns(3 * MS)
        self.write("RCC.PLLCFGR", 8 | 336 << 6 | 1 << 22 | 7 << 24)
        self.set("RCC.CR", 1 << 24)
        self.pass_ns(MS)
        self.write("FLASH.ACR", 5)
        self.write("RCC.CFGR", 2 | 5 << 10 | 4 << 13)
        self.pass_ns(SWITCH_NS)

    def _at(self, name: str):
        """ "RCC.CR", or "ADC1+0x04" where registers have no names."""
        if "+" in name:
            block_name, offset = name.split("+")
            return self.soc.blocks[block_name], int(offset, 16)
        block_name, register = name.split(".")
        block = self.soc.blocks[block_name]
        return block, block.by_name[register].offset
