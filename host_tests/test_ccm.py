"""A board whose heap is in CCM: on the data bus only, so nothing executes there (RM0090 2.3.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from host_tests import by_prompt
from host_tests.last_steps import CALLS, take_memory_away
from host_tests.target import (
    CLEAN,
    MANIFEST,
    TEST_BOARDS,
    how_it_arrives,
    manifest_without_assembler,
)
from host_tests.witness import ATTEMPT, QUIET, Witness
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt, PromptError
from tools.cli.hosted.calls import Hosted
from tools.cli.virtual.virtual_prompt import VirtualPrompt
from tools.firmware import build

BOARD = "CCM_F405"
HERE = "import uctypes; assert uctypes.addressof(bytearray(4)) >> 16 == 0x1000; import romboot; "

# What an application may do: 64 KiB of normal memory that the MPU lets execute, as region 5.
SIZE_64_KIB = 15 << 1 | 1
ALLOW = (
    "from machine import mem32; mem32[0xE000ED9C] = 0x10000015; "
    f"mem32[0xE000EDA0] = 0x03030000 | {SIZE_64_KIB}; "
)
REFUSED = "CodeError romboot's machine code is at 0x1000"


def at_prompt(variant: str = "standard", manifest: Path | None = MANIFEST) -> Prompt:
    image = build(BOARD, variant, frozen_manifest=manifest, boards=TEST_BOARDS)
    return Prompt(VirtualBoard.load(BOARD, image, boards=TEST_BOARDS))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_frozen_it_goes(call: str) -> None:
    prompt = at_prompt()
    prompt.run(HERE)
    gone = take_memory_away(prompt.board)
    prompt.start(call)
    assert how_it_arrives(prompt.board) == CLEAN
    assert len(gone) == 1
    assert prompt.board.core.faults == []


def test_nothing_could_run_there_after_a_reset() -> None:
    """So it is refused, and not chosen for the sake of a watchdog."""
    prompt = at_prompt()
    prompt.run(HERE)
    with pytest.raises(PromptError, match="HookError: via='reset': the heap is at 0x1000"):
        prompt.run("romboot.enter_bootloader(via='reset')")
    prompt.run("import machine, time; machine.WDT(timeout=10000); time.sleep_ms(5)")
    said = prompt.run("p = romboot.plan(); print(bool(p), p.via, p.why)")
    assert said.startswith("True jump the watchdog goes on, as the heap is at 0x1000")
    prompt.start("romboot.enter_bootloader()")
    assert how_it_arrives(prompt.board) == CLEAN


@pytest.fixture(scope="module")
def flash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in flash with the library as files."""
    prompt = at_prompt(manifest=None)
    by_prompt.install(prompt)
    path = tmp_path_factory.mktemp("flash") / "flash.bin"
    by_prompt.keep(prompt, path)
    return path


@pytest.mark.parametrize("before", ["", ALLOW], ids=["", "allowed by the MPU"])
@pytest.mark.parametrize("call", ["plan", "enter_bootloader, after_ms=5", "enter_bootloader"])
def test_from_files_it_says_that_its_code_cannot_run_there(
    call: str, before: str, flash_file: Path
) -> None:
    prompt = Prompt(VirtualBoard.load(BOARD, flash_file=flash_file, boards=TEST_BOARDS))
    prompt.run(f"{before}{HERE}\n{ATTEMPT}\n{QUIET}")
    refuses(prompt, f"attempt(romboot.{call})")


def test_without_the_inline_assembler_too(tmp_path: Path) -> None:
    """Even frozen: the code, the vector table that leads to it and its way in are on the heap."""
    prompt = at_prompt("noasm", manifest_without_assembler(tmp_path))
    prompt.run(f"{HERE}\n{ATTEMPT}\n{QUIET}")
    refuses(prompt, "attempt(romboot.enter_bootloader)")


@pytest.mark.parametrize("via", [pytest.param("jump", marks=pytest.mark.thorough), "reset"])
def test_what_the_host_sends_runs_in_sram(via: str) -> None:
    image = build(BOARD, boards=TEST_BOARDS)
    prompt = VirtualPrompt(VirtualBoard.load(BOARD, image, boards=TEST_BOARDS))
    Hosted(cast(Any, prompt)).enter(via=via)
    assert how_it_arrives(prompt.board) == CLEAN
    assert prompt.board.core.faults == []


def refuses(prompt: Prompt, call: str) -> None:
    witness = Witness(prompt.board)
    assert prompt.run(call).startswith(REFUSED)
    assert witness.changes == []
    assert prompt.board.core.faults == []
