"""A board whose heap is in external SDRAM, which the ROM's first step would find gone.

STM32F429DISC: the memory map forbids to execute there, and romboot resets the FMC on its way.
STM32F7DISC: its firmware opens that SDRAM to instructions and to the D-cache, which has lines of
it that are not in memory yet when the call comes.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from host_tests import by_prompt
from host_tests.last_steps import CALLS, take_memory_away
from host_tests.on_board import TO_PSP
from host_tests.target import CLEAN, LIB, MANIFEST, how_it_arrives
from host_tests.witness import ATTEMPT, QUIET, Witness
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt, PromptError
from tools.cli.hosted import sram
from tools.cli.hosted.calls import Hosted, RefusedError
from tools.cli.virtual.virtual_prompt import VirtualPrompt
from tools.firmware import build

BOARD = "STM32F429DISC"

# What an application may do: 8 MiB of normal memory that can be executed, as region 5.
ALLOW = "from machine import mem32; mem32[0xE000ED9C] = 0xD0000015; mem32[0xE000EDA0] = 0x03030000"
SIZE_8_MIB = 22 << 1 | 1
HERE = "import uctypes; assert uctypes.addressof(bytearray(4)) >> 28 == 13; import romboot; "


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_frozen_it_goes_and_needs_nothing_of_the_heap_on_its_way(call: str) -> None:
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(HERE)
    gone = take_memory_away(board)
    prompt.start(call)
    assert how_it_arrives(board) == CLEAN
    assert len(gone) == 1
    assert board.core.faults == []


def test_with_the_main_stack_there_too_it_is_refused() -> None:
    """As from a thread of MicroPython, whose stack is on the heap."""
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(f"{HERE}{ALLOW} | {SIZE_8_MIB}\n{TO_PSP}")
    prompt.run("stack = bytearray(4096); to_psp(uctypes.addressof(stack) + len(stack))")
    for call in CALLS["now"], CALLS["later"]:
        with pytest.raises(PromptError, match="StackError: MSP is 0xD0"):
            prompt.run(call)
    assert board.core.faults == []


@pytest.fixture(scope="module")
def flash(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is in flash with the library as files: compiled, or with the helper as source."""
    folder = tmp_path_factory.mktemp("flash")
    board = VirtualBoard.load(BOARD, firmware=build(BOARD), flash_file=folder / "mpy")
    prompt = Prompt(board)
    by_prompt.install(prompt)
    by_prompt.keep(prompt, folder / "mpy")
    by_prompt.copy(prompt, LIB / "romboot" / "jump.py")  # which goes before jump.mpy
    by_prompt.keep(prompt, folder / "py")
    return {kind: folder / kind for kind in ("mpy", "py")}


@pytest.fixture(params=["mpy", "py"])
def installed(request: pytest.FixtureRequest, flash: dict[str, Path]) -> Prompt:
    """A board that has the library as files."""
    return Prompt(VirtualBoard.load(BOARD, flash_file=flash[request.param]))


@pytest.mark.parametrize("call", ["plan", "enter_bootloader, after_ms=5", "enter_bootloader"])
def test_from_files_it_says_that_its_code_cannot_run_there(call: str, installed: Prompt) -> None:
    """The MPU of the bench firmware is on, so it looks at all regions, and selects the old one."""
    installed.run(f"{HERE}\n{ATTEMPT}\n{QUIET}")
    witness = Witness(installed.board)
    said = installed.run(f"attempt(romboot.{call})")
    assert said.startswith("CodeError romboot's machine code is at 0xD0")
    assert witness.changes == []
    assert installed.board.core.faults == []


def test_from_files_it_goes_where_the_mpu_allows_to_execute(installed: Prompt) -> None:
    installed.run(f"{ALLOW} | {SIZE_8_MIB}; {HERE}")
    gone = take_memory_away(installed.board)
    installed.start("romboot.enter_bootloader()")
    assert how_it_arrives(installed.board) == CLEAN
    assert len(gone) == 1
    assert installed.board.core.faults == []


DIRTY = "filled = bytearray(200_000); filled[:] = bytes(range(200)) * 1000; "
CACHED = "STM32F7DISC"


def dirty(prompt: Prompt | VirtualPrompt) -> None:
    """The heap is in SDRAM, both caches and the MPU are on, the D-cache is full of writes."""
    prompt.run(f"from machine import mem32; assert mem32[0xE000ED14] >> 16 & 3 == 3; {DIRTY}")
    where = "import uctypes; print(hex(uctypes.addressof(filled)), mem32[0xE000ED94])"
    assert prompt.run(where).startswith("0xc00") and prompt.run(where).strip().endswith(" 5")


def test_what_the_data_cache_has_of_the_sdram_is_in_memory_before_that_goes() -> None:
    prompt = Prompt(VirtualBoard.load(CACHED, firmware=build(CACHED, frozen_manifest=MANIFEST)))
    dirty(prompt)
    (sdram,) = prompt.board.soc.map.externals
    caches = prompt.board.core.caches
    assert caches and any(at >= sdram.base for at in caches.dirty_lines())
    with pytest.raises(PromptError, match="HookError: via='reset': the heap is at 0xC0"):
        prompt.run("import romboot; romboot.enter_bootloader(via='reset')")
    prompt.start("romboot.enter_bootloader()")
    assert how_it_arrives(prompt.board) == CLEAN
    assert prompt.board.core.faults == [] and prompt.board.core.violations == []


def by_host(name: str = CACHED) -> tuple[VirtualPrompt, Hosted]:
    """A board that holds no library, and what the host knows of it."""
    prompt = VirtualPrompt(VirtualBoard.load(name, build(name)))
    return prompt, Hosted(cast(Any, prompt))


@pytest.mark.parametrize("via", ["jump", pytest.param("reset", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", [BOARD, CACHED])
def test_what_the_host_sends_runs_in_internal_sram(name: str, via: str) -> None:
    """Where a heap in SRAM would be: between the variables and the main stack. None runs in the
    heap, of which a D-cache has dirty lines."""
    prompt = VirtualPrompt(VirtualBoard.load(name, build(name)))
    if name == CACHED:
        dirty(prompt)
    (heap,) = prompt.board.soc.map.externals
    ran: list[int] = []
    prompt.board.core.on_execute(heap.base, heap.base + heap.size - 1, ran.append)
    Hosted(cast(Any, prompt)).enter(via=via)
    assert how_it_arrives(prompt.board) == CLEAN
    assert ran == []
    assert prompt.board.core.faults == [] and prompt.board.core.violations == []


def test_a_watchdog_takes_the_host_through_a_reset() -> None:
    prompt, board = by_host()
    prompt.run(WATCHDOG)
    assert board.plan().via == "reset"
    board.enter()
    assert how_it_arrives(prompt.board) == CLEAN


def test_where_no_sram_is_free_the_host_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to go from there, too."""
    monkeypatch.setattr(sram, "free", lambda prompt: range(0))
    prompt, board = by_host(BOARD)
    with pytest.raises(
        RefusedError, match=r"machine code is at 0xD0.*names no internal SRAM.*freeze romboot"
    ):
        board.enter()
    assert prompt.run("print(6 * 7)").strip() == "42"


def test_where_no_sram_is_free_the_mpu_may_let_it_run_in_the_heap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sram, "free", lambda prompt: range(0))
    prompt, board = by_host()
    dirty(prompt)
    board.enter()
    assert how_it_arrives(prompt.board) == CLEAN
    assert prompt.board.core.faults == [] and prompt.board.core.violations == []


SYMBOLS = "_ebss=20005000\n_heap_start=20005000\n_heap_end=2002c000\n"


@pytest.mark.parametrize(
    ("said", "free"),
    [
        (SYMBOLS + "GC memory layout; from d0020500:\n", range(0x20005000, 0x2002C000)),
        (
            SYMBOLS.replace("=", "=0x") + "GC memory layout; from 0x10000400:\n",
            range(0x20005000, 0x2002C000),
        ),
        (SYMBOLS, range(0)),  # it does not tell where the heap is
        (SYMBOLS + "GC memory layout; from 20005400:\n", range(0)),
        (
            SYMBOLS + "GC memory layout; from c0000400:\nGC memory layout; from 20005400:\n",
            range(0),
        ),
        ("GC memory layout; from d0020500:\n", range(0)),
    ],
)
def test_sram_is_free_if_the_heap_is_known_to_be_elsewhere(said: str, free: range) -> None:
    assert sram.free(cast(Any, SimpleNamespace(run=lambda code: said))) == free


WATCHDOG = "import machine, time; machine.WDT(timeout=10000); time.sleep_ms(5); "


def test_a_reset_would_take_the_heap_away() -> None:
    """So it is refused, and not chosen for the sake of a watchdog."""
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(HERE)
    with pytest.raises(PromptError, match="HookError: via='reset': the heap is at 0xD0"):
        prompt.run("romboot.enter_bootloader(via='reset')")
    said = prompt.run(WATCHDOG + "p = romboot.plan(); print(bool(p), p.via, p.why)")
    assert said.startswith("True jump the watchdog goes on, as the heap is at 0xD0")
    prompt.start("romboot.enter_bootloader()")
    assert how_it_arrives(board) == CLEAN
