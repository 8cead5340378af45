"""A firmware whose code, romboot's own among it, is in flash outside of the chip.

romboot resets the FMC and the QUADSPI on its way, and with them goes everything that it came from.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.last_steps import CALLS, main_stack, take_memory_away
from host_tests.target import (
    CLEAN,
    MANIFEST,
    TEST_BOARDS,
    how_it_arrives,
    manifest_without_assembler,
)
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build

BOARDS = {"QSPI_F469": 0x90000000, "QSPI_F767": 0x90000000, "NOR_F429": 0x60000000}
# Timers that interrupt anything are of the F4's bench firmware alone.
BOARD_AND_CALL = [
    pytest.param(name, call, id=f"{name}, {how}")
    for name in BOARDS
    for how, call in CALLS.items()
    if "F4" in name or "Timer" not in call
]
BY_RESET = "romboot.enter_bootloader(via='reset')"


def at_prompt(name: str, variant: str = "standard", manifest: Path = MANIFEST) -> Prompt:
    image = build(name, variant, frozen_manifest=manifest, boards=TEST_BOARDS)
    prompt = Prompt(VirtualBoard.load(name, image, boards=TEST_BOARDS))
    prompt.run("import romboot")
    return prompt


@pytest.mark.parametrize("name", BOARDS)
def test_the_code_is_there(name: str) -> None:
    """The machine code of the helper, and what runs it: from call to result next to nothing is
    fetched from internal flash. The caches of a Cortex-M7 are on, as in the official firmware."""
    prompt = at_prompt(name)
    caches = int(prompt.run("from machine import mem32; print(mem32[0xE000ED14] >> 16 & 3)"))
    assert caches == (3 if "F7" in name else 0)
    assert int(
        prompt.run("from romboot import jump; print(jump.code_address() & 0xFFFFFFFF)")
    ) >> 20 == (BOARDS[name] >> 20)
    core = prompt.board.core
    outside = core.count_fetches(BOARDS[name], BOARDS[name] + 0xFFFFF)
    inside = core.count_fetches(0x08000000, 0x081FFFFF)
    prompt.run("romboot.plan()")
    assert outside.count > 20 * inside.count


@pytest.mark.parametrize(("name", "call"), BOARD_AND_CALL)
def test_it_goes_and_needs_nothing_of_it_on_its_way(name: str, call: str) -> None:
    prompt = at_prompt(name)
    gone = take_memory_away(prompt.board)
    prompt.start(call)
    arrives(prompt.board, gone)


@pytest.mark.parametrize("name", BOARDS)
def test_no_fetch_is_counted_after_it(name: str) -> None:
    """With all of it left where it is: not one from there, and not one from internal flash."""
    prompt = at_prompt(name)
    core, counters = prompt.board.core, []

    def count(_address: int) -> None:
        unwatch()
        counters.extend(core.count_fetches(at, at + 0xFFFFFF) for at in (BOARDS[name], 0x08000000))

    unwatch = core.on_execute(*main_stack(prompt.board), count)
    prompt.start("romboot.enter_bootloader()")
    assert how_it_arrives(prompt.board) == CLEAN
    assert [counter.count for counter in counters] == [0, 0]


@pytest.mark.parametrize("name", BOARDS)
def test_through_a_reset_too(name: str) -> None:
    """The early-boot hook is in internal flash, and what it starts is in SRAM."""
    prompt = at_prompt(name)
    gone = take_memory_away(prompt.board, heap=True)
    prompt.start(BY_RESET)
    arrives(prompt.board, gone)
    assert prompt.board.soc.rcc.get("AHB3ENR") == 0


def test_without_the_inline_assembler(tmp_path: Path) -> None:
    """The code is text in flash then, and a copy on the heap when it runs."""
    prompt = at_prompt("QSPI_F469", "noasm", manifest_without_assembler(tmp_path))
    gone = take_memory_away(prompt.board)
    prompt.start("romboot.enter_bootloader()")
    arrives(prompt.board, gone)


@pytest.mark.parametrize("address", [0x08000000, 0x90000000])
def test_a_single_read_would_be_noticed(address: int) -> None:
    """Instead of the first line of the script, which fills SysTick: change no bit there."""
    prompt = at_prompt("QSPI_F469")
    take_memory_away(prompt.board)
    prompt.run("way = romboot.plan(); import struct")
    prompt.start(f"struct.pack_into('<3I', way.image, 20, {address + 2}, 0, 0); way.go()")
    prompt.board.run_to_rom(100)
    assert any(f"0x{address:08X}" in fault for fault in prompt.board.core.faults)


def arrives(board: VirtualBoard, gone: list[int]) -> None:
    assert how_it_arrives(board) == CLEAN
    assert len(gone) == 1
    assert board.core.faults == []
