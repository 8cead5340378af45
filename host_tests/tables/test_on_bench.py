"""The scripts, step by step, on the bench's model of the chip: what a reset clears is not left.

Without a CPU, so that many states can be tried; core registers are left out here. The whole way,
on the CPU and with firmware, is the fuzz's.
"""

from __future__ import annotations

from random import Random

import pytest

from host_tests.bench.fake_cpu import MS, Bench
from tools.bench.arrival import audit_peripherals
from tools.bench.blocks.base import RegisterBlock
from tools.tables import f4, h7, l0
from tools.tables.family import Family
from tools.tables.language import Kind, Step

CHIPS = {"STM32F429xx": f4.FAMILY, "STM32L073xx": l0.FAMILY, "STM32H743xx": h7.FAMILY}
STATES = 20
CORE = 0xE0000000
LOOKS = 5  # a wait looks so often, a millisecond apart; the flash may take longer

# Not written at random: what stops the chip or copies all over it, and what a reset keeps.
APART = {"RCC", "FLASH", "IWDG", "IWDG1", "WWDG", "WWDG1", "DMA1", "DMA2", "RTC", "DBGMCU"}
RCC_APART = {"CR", "CFGR", "CSR", "BDCR", "GCR", "CICR"}
# Clocks that only a reset takes away again, once they are on: WWDG (F4, L0), firewall, WWDG1.
SET_ONLY = {"APB1ENR": 1 << 11, "APB2ENR": 1 << 7, "APB3ENR": 1 << 6}

# The flash interface after an erase with interrupts: unlocked, set up, locked. (register, value)
KEYS = (0x45670123, 0xCDEF89AB)
FLASH_WRITES: dict[str, list[tuple[str, int]]] = {
    "f4": [*(("KEYR", key) for key in KEYS), ("CR", 0x03000300), ("CR", 0x83000300)],
    "l0": [
        *(("PEKEYR", key) for key in (0x89ABCDEF, 0x02030405)),
        *(("PRGKEYR", key) for key in (0x8C9DAEBF, 0x13141516)),
        *(("PECR", 0x30208), ("PECR", 0x30209)),
    ],
    "h7": [
        *((f"KEYR{bank}", key) for bank in (1, 2) for key in KEYS),
        *((f"CR{bank}", value) for bank in (1, 2) for value in (0x008F0000, 0x008F0001)),
        *(("OPTKEYR", key) for key in (0x08192A3B, 0x4C5D6E7F)),
        ("OPTCR", 1 << 30),
    ],
}


class Program:
    """Register writes of an application, then those of romboot."""

    def __init__(self, chip: str, seed: int) -> None:
        self.bench = Bench(chip)
        self.family: Family = CHIPS[chip]
        self.random = Random(f"{chip} {seed}")

    # --- the application -----------------------------------------------------------------------

    def spoil(self) -> None:
        chip, random = self.bench.soc.chip, self.random
        for name, register in self.bench.soc.rcc.by_name.items():
            if name.endswith("ENR"):
                self.bench.write(f"RCC.{name}", register.mask & ~SET_ONLY.get(name, 0))
        for block in self.bench.soc.blocks.values():
            for offset in self.places(block) if block.name not in APART else ():
                if random.random() < 0.5:
                    self.store(block.base + offset, random.getrandbits(32))
        self.start_clocks()
        for register, value in FLASH_WRITES[chip.family] if random.random() < 0.5 else ():
            self.bench.write(f"FLASH.{register}", value)
        self.bench.write("FLASH.ACR", random.getrandbits(32))
        for name in self.bench.soc.rcc.by_name.keys() - RCC_APART:
            if not name.endswith("RSTR"):
                self.bench.write(f"RCC.{name}", random.getrandbits(32) & ~SET_ONLY.get(name, 0))

    def places(self, block: RegisterBlock) -> list[int]:
        """Where no reset bit is, those that the table names."""
        if block.facts.reset or block.by_offset:
            return sorted({*block.by_offset, *range(0, min(block.size, 0x60), 4)})
        named = [each for each in self.family.blocks if each.name == block.name]
        return [register.address - block.base for each in named for register in each]

    def start_clocks(self) -> None:
        """Oscillators at random, SYSCLK from one that runs, prescalers at random."""
        for name, (register, on, *_) in self.bench.soc.chip.rcc["oscillators"].items():
            if name != "LSE" and self.random.random() < 0.6:
                self.bench.set(f"RCC.{register}", 1 << on)
        self.bench.pass_ns(20 * MS)
        switch = self.bench.soc.chip.rcc["switch"]
        name = f"RCC.{switch['register']}"
        self.bench.write(name, self.random.getrandbits(32) & ~switch["sw"])
        self.bench.set(name, self.random.randrange(4))

    # --- romboot -------------------------------------------------------------------------------

    def restore(self) -> None:
        die = self.family.die(self.bench.soc.chip.dev_id)
        for step in self.family.script(die):
            self.run(step)

    def run(self, step: Step) -> None:
        addresses = [register.address for register in step.registers]
        if addresses[0] >= CORE:
            return
        if step.kind is Kind.WAIT:
            self.wait(step)
        elif step.kind is Kind.CHANGE:
            clear, bits = step.values
            self.store(addresses[0], self.load(addresses[0]) & ~clear | bits)
        else:
            for i, address in enumerate(addresses):
                self.store(address, step.values[i if step.kind is Kind.ROW else 0])
                if step.pulsed:
                    self.store(address, 0)

    def wait(self, step: Step) -> None:
        mask, expected, _ = step.values
        for _ in range(LOOKS):
            if self.load(step.registers[0].address) & mask == expected:
                return
            self.bench.pass_ns(MS)
        pytest.fail(f"{step} never comes true")

    # --- the bus -------------------------------------------------------------------------------

    def store(self, address: int, value: int) -> None:
        block = self.block(address)
        block.write(address - block.base, 4, value)
        self.bench.cpu.finish_instruction()

    def load(self, address: int) -> int:
        block = self.block(address)
        value = block.read(address - block.base, 4)
        self.bench.cpu.finish_instruction()
        return value

    def block(self, address: int) -> RegisterBlock:
        (found,) = (
            block
            for block in self.bench.soc.blocks.values()
            if block.base <= address < block.base + block.size
        )
        return found


@pytest.mark.parametrize("seed", range(STATES))
@pytest.mark.parametrize("chip", CHIPS)
def test_nothing_is_left(chip: str, seed: int) -> None:
    program = Program(chip, seed)
    program.spoil()
    program.restore()
    assert [str(each) for each in audit_peripherals(program.bench.soc)] == []
