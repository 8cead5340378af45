"""Code in SDRAM runs only where a region of the MPU says so (ARM DDI 0403E B3.5), in CCM never."""

from __future__ import annotations

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import CPUID

TYPE, CTRL, RNR, RBAR, RASR = (0xE000ED90 + 4 * n for n in range(5))
CORTEX_M33 = 0x410FD213
SDRAM = 0xD0000000
CODE = SDRAM + 0x12340
ENABLE, HFNMIENA = 1, 2
XN = 1 << 28
NOTHING, FULL, READ_ONLY = 0 << 24, 3 << 24, 6 << 24  # AP
SELECTED = 3


def size(bits: int) -> int:
    """Of a region, as a power of 2; and the region is enabled."""
    return bits - 1 << 1 | 1


def without(eighth: int) -> int:
    return 1 << 8 + eighth


def have(board: Board, regions: dict[int, tuple[int, int]], control: int = ENABLE) -> None:
    """A chip whose helper is in SDRAM, with an MPU; regions: number -> RBAR's base and RASR."""
    board.fake.helper.code_address = CODE
    registers = board.registers

    def select(address: int, before: int, value: int) -> None:
        if address == RNR:
            base, rasr = regions.get(value, (0, 0))
            registers.poke(RBAR, base | value)
            registers.poke(RASR, rasr)

    registers.react = select
    registers.poke(TYPE, 8 << 8)
    registers.poke(CTRL, control)
    registers.poke(RNR, SELECTED)


RUNS = {
    "a region of the very size": {5: (SDRAM, FULL | size(23))},
    "read-only": {0: (SDRAM, READ_ONLY | size(23))},
    "all of memory": {2: (0, FULL | size(32))},
    "a small one": {0: (CODE & ~0xFF, FULL | size(8))},
    "a smaller one has no eighths": {0: (CODE & ~0x7F, FULL | size(7) | 0xFF00)},
    "above one that forbids it": {
        4: (SDRAM, NOTHING | XN | size(29)),
        5: (SDRAM, FULL | size(23)),
    },
    "another eighth is left out": {0: (SDRAM, FULL | size(23) | without(1))},
}
DOES_NOT = {
    "no region": {},
    "one that is off": {5: (SDRAM, FULL | size(23) & ~1)},
    "one elsewhere": {5: (0xC0000000, FULL | size(23))},
    "one beside it": {5: (CODE & ~0xFF ^ 0x100, FULL | size(8))},
    "execute never": {5: (SDRAM, FULL | XN | size(23))},
    "no access": {5: (SDRAM, NOTHING | size(23))},
    "below one that forbids it": {4: (SDRAM, FULL | size(23)), 5: (SDRAM, FULL | XN | size(23))},
    "its eighth is left out": {0: (SDRAM, FULL | size(23) | without(0))},
    "the one that romboot needs": {7: (SDRAM, FULL | size(23))},
}


@pytest.mark.parametrize("regions", RUNS.values(), ids=RUNS)
def test_it_runs(regions: dict[int, tuple[int, int]], board: Board) -> None:
    have(board, regions)
    assert board.romboot.plan()
    assert board.registers.peek(RNR) == SELECTED


@pytest.mark.parametrize("regions", DOES_NOT.values(), ids=DOES_NOT)
def test_it_does_not_run(regions: dict[int, tuple[int, int]], board: Board) -> None:
    have(board, regions)
    with pytest.raises(board.errors.CodeError, match="0xD0012340"):
        board.romboot.enter_bootloader()
    assert board.registers.peek(RNR) == SELECTED
    assert {address for address, _, _ in board.fake.written} <= {RNR}
    assert board.fake.events == []


@pytest.mark.parametrize(("control", "runs"), [(0, False), (HFNMIENA, False), (ENABLE, True)])
def test_the_mpu_must_be_on(control: int, runs: bool, board: Board) -> None:
    have(board, RUNS["all of memory"], control)
    if runs:
        assert board.romboot.plan()
        return
    with pytest.raises(board.errors.CodeError):
        board.romboot.plan()
    assert board.fake.written == []


@pytest.mark.parametrize("address", [0x10000000, 0x1000FFFF])
def test_no_region_makes_ccm_executable(address: int, board: Board) -> None:
    """It hangs on the data bus only (RM0090 2.3.1)."""
    have(board, RUNS["all of memory"])
    board.fake.helper.code_address = address
    with pytest.raises(board.errors.CodeError, match=f"0x{address:08X}, in CCM, "):
        board.romboot.enter_bootloader()
    assert board.fake.written == []


@pytest.mark.parametrize("address", [0x0803BD40, 0x20005000, 0x60001000, 0x90000000])
def test_elsewhere_nobody_asks_the_mpu(address: int, board: Board) -> None:
    """Flash, SRAM, and what FMC and QUADSPI show below 0xA0000000 is executable by itself."""
    board.fake.helper.code_address = address
    assert board.romboot.plan()
    assert board.fake.written == []


def test_the_mpu_of_armv8m_is_another(board: Board) -> None:
    """It has RLAR where RASR was, so what is there says nothing here."""
    have(board, RUNS["all of memory"])
    board.registers.poke(CPUID, CORTEX_M33)
    with pytest.raises(board.errors.CodeError):
        board.romboot.plan()
    assert board.fake.written == []
