"""HSEM: MicroPython of a WB takes semaphores before it sets its clocks."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import Bench
from tools.bench.blocks.hsem import Hsem

RLR = 0x80


@pytest.mark.parametrize(("chip", "core"), [("STM32WB55xx", 4), ("STM32WL55xx", 4)])
def test_semaphores(chip: str, core: int) -> None:
    """Taken in one step by a read, freed by a write of the same owner, or by a reset."""
    hsem = Bench(chip).soc.blocks["HSEM"]
    assert isinstance(hsem, Hsem)
    hsem.set_clock(False)
    assert hsem.read(RLR + 4 * 3, 4) == 0
    hsem.set_clock(True)
    mine = 1 << 31 | core << 8
    assert hsem.read(RLR + 4 * 3, 4) == hsem.read(4 * 3, 4) == mine
    hsem.write(4 * 3, 4, core << 8 | 1)  # another process
    assert hsem.read(4 * 3, 4) == mine
    hsem.write(4 * 3, 4, core << 8)
    assert hsem.read(4 * 3, 4) == 0
    hsem.write(4 * 5, 4, 1 << 31 | (core ^ 12) << 8)  # as the other core
    assert hsem.read(4 * 5, 4) == 0
    hsem.write(4 * 5, 4, mine | 7)
    assert hsem.read(4 * 5, 4) == mine | 7
    hsem.hold(True)
    hsem.hold(False)
    assert hsem.read(4 * 5, 4) == 0
