"""Whatever a program writes wherever: no block fails, and power-on leaves no trace of it."""

from __future__ import annotations

import contextlib
import random

import pytest

from host_tests.bench.fake_cpu import Bench
from tools.bench.blocks.base import RegisterBlock
from tools.bench.blocks.usart import Line, Usart
from tools.bench.cpu.memory import BusError

CHIPS = ["STM32F401xE", "STM32F405xx", "STM32F429xx", "STM32F446xx"]
CHIPS += ["STM32L073xx", "STM32H743xx"]
STEPS = 2000


class Storm:
    """Accesses to a few blocks of a chip, characters from outside, resets, and time that passes.

    What it did is in `done`, the last at the end."""

    def __init__(self, chip: str, seed: int) -> None:
        self.random = random.Random(f"{chip} {seed}")
        self.bench = Bench(chip)
        self.done: list[str] = []
        blocks = list(self.bench.soc.blocks.values())
        self.usarts = [block for block in blocks if isinstance(block, Usart)]
        for usart in self.usarts:
            usart.lines.append(Line(115_200, lambda: True, lambda: True, lambda data: None))
        self.chosen = self.random.sample(blocks, 4)
        self.chosen += [self.bench.soc.blocks[name] for name in ("RCC", "PWR")]

    def run(self) -> None:
        names = [block.name for block in self.chosen]
        self.bench.enable(*(n for n in names if self.bench.soc.chip.peripheral(n).enable))
        kinds = (self.write, self.read, self.wait, self.receive, self.hold, self.reset)
        for kind in self.random.choices(kinds, (60, 15, 15, 6, 3, 1), k=STEPS):
            kind()
            self.bench.cpu.finish_instruction()

    def write(self) -> None:
        block, offset, size = self._place()
        bits = self.random.getrandbits
        value = self.random.choice([0, 0xFFFFFFFF, 1 << bits(5), bits(32), bits(32) & bits(32)])
        self.done.append(f"write {block.name}+{offset:X} {size} {value:#x}")
        with contextlib.suppress(BusError):
            block.write(offset, size, value & (1 << 8 * size) - 1)

    def read(self) -> None:
        block, offset, size = self._place()
        self.done.append(f"read {block.name}+{offset:X} {size}")
        value = block.read(offset, size)
        assert 0 <= value < 1 << 8 * size

    def wait(self) -> None:
        ns = int(10 ** self.random.uniform(0, 8))
        self.done.append(f"wait {ns}")
        self.bench.pass_ns(ns)

    def receive(self) -> None:
        usart = self.random.choice(self.usarts)
        self.done.append(f"receive {usart.name}")
        usart.receive(usart.lines[0], self.random.randbytes(5))

    def hold(self) -> None:
        block = self.random.choice(self.chosen)
        self.done.append(f"hold {block.name}")
        block.hold(True)
        block.hold(False)

    def reset(self) -> None:
        self.done.append("reset")
        self.bench.soc.reset("PIN")

    def _place(self) -> tuple[RegisterBlock, int, int]:
        block = self.random.choice(self.chosen)
        size = self.random.choice([4, 4, 2, 1])
        described = list(block.by_offset)
        if not described or self.random.random() < 0.3:
            return block, self.random.randrange(0, min(block.size, 0x400), size), size
        return block, self.random.choice(described) + self.random.randrange(0, 4, size), size


def contents(bench: Bench) -> dict[tuple[str, str], int]:
    """Every register, as power-on leaves it."""
    bench.soc.power_on()
    bench.cpu.finish_instruction()
    assert not any(block.written for block in bench.soc.blocks.values())
    return {
        (block.name, register.name): block.peek(register.offset)
        for block in bench.soc.blocks.values()
        for register in block.by_offset.values()
    }


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(16))
def test_nothing_fails_and_power_on_leaves_no_trace(chip: str, seed: int) -> None:
    storm = Storm(chip, seed)
    try:
        storm.run()
    except Exception:
        print("\n".join(storm.done[-20:]))
        raise
    fresh = Bench(chip)
    fresh.soc.flash.stored_options.update(storm.bench.soc.flash.stored_options)
    assert contents(storm.bench) == contents(fresh)
