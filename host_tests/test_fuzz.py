"""Whatever an application was doing, the ROM finds a reset chip. See tools/fuzz."""

from __future__ import annotations

import struct
from dataclasses import replace
from random import Random

import pytest
from _pytest.mark import ParameterSet

from host_tests.conftest import EVERY_BOARD, first_of_each
from host_tests.test_mutation import longest_scripts
from tools.bench import boardfile, chip
from tools.firmware.board import load_board
from tools.fuzz import alone, layout, stuck
from tools.fuzz.__main__ import SEED, main, replay, try_states
from tools.fuzz.application import Application
from tools.fuzz.run import LOOK, Call, End
from tools.fuzz.subject import at_prompt

STATES = range(18, 38)  # of which some of each board go through a reset
STATES_OF_EACH_DIE, EACH_DIE = range(100), ("F0", "G0", "G4", "L0", "L1", "L4", "WB", "WL")
THOROUGH_STATES = range(200)


def different() -> list[ParameterSet]:
    """Boards without those that have the same chip, the same memories and the same way in, and
    dies that no board has. Not thorough is the one with the longest script of its family; of the
    families EACH_DIE, one with each die."""
    found, longest = {}, longest_scripts()
    for name in (*longest, *EVERY_BOARD):
        board = boardfile.load(name)
        external = bool(board.external), str(board.external)
        found.setdefault((board.chip, *external, load_board(name).assembler), name)
    with_each_die = {chip: name for (chip, *_), name in reversed(found.items())}
    quick = {n for chip, n in with_each_die.items() if is_of_each_die(chip)} | {*longest}
    thorough = pytest.mark.thorough
    names = [*found.values(), *alone.chips()]
    return [pytest.param(n, marks=[] if n in quick else [thorough]) for n in names]


def is_of_each_die(die: str) -> bool:
    return die.removeprefix("STM32").startswith(EACH_DIE)


def core(name: str) -> str:
    return chip.load(boardfile.load(name).chip).core["model"]


@pytest.mark.parametrize("board", different())
def test_states(board: str, pytestconfig: pytest.Config) -> None:
    subject = at_prompt(board)
    states = STATES_OF_EACH_DIE if is_of_each_die(subject.board.chip) else STATES
    if pytestconfig.getoption("--thorough"):
        states = THOROUGH_STATES
    counted, ends = 0, {"jump": set(), "reset": set()}
    for number, outcome in try_states(subject, SEED, states):
        assert not outcome.wrong, f"{outcome.wrong}; {replay(board, SEED, number)}"
        counted += outcome.counted
        ends[outcome.way].add(outcome.end)
    assert counted or subject.copied, "in no state were the fetches from flash counted"
    assert End.ARRIVED in ends["jump"]
    # With its heap in external memory a board cannot be entered through a reset, see reset.py.
    assert (End.REFUSED if subject.heap_chip else End.ARRIVED) in ends["reset"]


@pytest.mark.parametrize("board", first_of_each(longest_scripts(), core))
def test_a_poll_that_never_comes_true_ends_in_a_reset(board: str) -> None:
    """In thread mode, and in nested handlers."""
    subject = at_prompt(board)
    waits = stuck.waits(subject)
    assert waits
    for line in waits:
        for handlers in ([], [16 + 20, 16 + 21]):
            assert not stuck.run(subject, line, handlers).wrong, f"wait for 0x{line.address:08X}"


@pytest.mark.parametrize("option", ["--states", "--seed", "--only"])
@pytest.mark.parametrize("number", ["-3", "all"])
def test_what_is_no_number(option: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["NUCLEO_F429ZI", option, number])
    assert ended.value.code == 2
    assert f"{option}: {number} is no number from 0 up" in capsys.readouterr().err


STR_R2, MOVS_R4_R2, NOP = 0x6012, 0x0014, 0x46C0


@pytest.mark.parametrize(
    ("instruction", "at", "difference"),
    [
        (STR_R2, "EXTI", "it wrote 0x40010400 to 0x40010400 (EXTI)"),
        (STR_R2, "the image", "SRAM has changed at 0x"),
        (MOVS_R4_R2, "EXTI", "r4 was 0x44440000, is 0x40010400"),
        (NOP, "EXTI", None),
    ],
)
def test_what_a_call_writes_is_seen(instruction: int, at: str, difference: str | None) -> None:
    """A helper that should only look: ldr r2, =address; the instruction; bx lr."""
    subject = at_prompt("NUCLEO_L073RZ")
    where = layout.plain(Random(0), subject)
    address = {"EXTI": 0x40010400, "the image": where.image}[at]
    code = struct.pack("<4HI", 0x4A01, instruction, 0x4770, NOP, address)
    call = Call(Application(replace(subject, code=code), where))
    before = call.witness.look()
    assert call.run(where.image, LOOK) is End.REFUSED
    found = call.witness.differences(before)
    assert len(found) == bool(difference) and "".join(found).startswith(difference or "")
