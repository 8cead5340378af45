"""Whatever an application was doing, the ROM finds a reset chip. See tools/fuzz."""

from __future__ import annotations

import pytest

from host_tests.conftest import EVERY_BOARD
from tools.bench import boardfile, chip
from tools.fuzz import stuck
from tools.fuzz.__main__ import SEED, replay, try_states
from tools.fuzz.families import FAMILIES, of
from tools.fuzz.run import End
from tools.fuzz.subject import at_prompt

CHUNK = 100
STATES = {"f4": 500, "l0": 100, "h7": 100}
FUZZED = [b for b in EVERY_BOARD if chip.load(boardfile.load(b).chip).family in FAMILIES]


def chunks() -> list[tuple[str, int]]:
    """Boards and the first of each hundred states."""
    families = {board: chip.load(boardfile.load(board).chip).family for board in FUZZED}
    return [(b, first) for b, f in families.items() for first in range(0, STATES[f], CHUNK)]


@pytest.mark.parametrize(("board", "first"), chunks())
def test_states(board: str, first: int) -> None:
    subject = at_prompt(board)
    counted, ends = 0, {"jump": set(), "reset": set()}
    for number, outcome in try_states(subject, SEED, range(first, first + CHUNK)):
        assert not outcome.wrong, f"{outcome.wrong}; {replay(board, SEED, number)}"
        counted += outcome.counted
        ends[outcome.way].add(outcome.end)
    assert counted or subject.copied, "in no state were the fetches from flash counted"
    assert End.ARRIVED in ends["jump"]
    # With its heap in external memory a board cannot be entered through a reset, see reset.py.
    if of(chip.load(subject.board.chip)).by_reset:
        assert (End.REFUSED if subject.heap_chip else End.ARRIVED) in ends["reset"]


@pytest.mark.parametrize("handlers", [[], [16 + 28, 16 + 29]], ids=["thread", "nested"])
@pytest.mark.parametrize("board", FUZZED)
def test_a_poll_that_never_comes_true_ends_in_a_reset(board: str, handlers: list[int]) -> None:
    subject = at_prompt(board)
    waits = stuck.waits(subject)
    assert waits
    for line in waits:
        assert not stuck.run(subject, line, handlers).wrong, f"wait for 0x{line.address:08X}"
