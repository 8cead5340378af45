"""Whatever an application was doing, the ROM finds a reset chip. See tools/fuzz."""

from __future__ import annotations

import pytest

from host_tests.conftest import BOARDS
from tools.fuzz import stuck
from tools.fuzz.__main__ import SEED, replay, try_states
from tools.fuzz.subject import at_prompt

STATES, CHUNK = 500, 50


@pytest.mark.parametrize("first", range(0, STATES, CHUNK))
@pytest.mark.parametrize("board", BOARDS)
def test_states(board: str, first: int) -> None:
    counted, ways = 0, set()
    for number, outcome in try_states(at_prompt(board), SEED, range(first, first + CHUNK)):
        assert not outcome.wrong, f"{outcome.wrong}; {replay(board, SEED, number)}"
        counted += outcome.counted
        ways.add(outcome.way)
    assert counted, "in no state were the fetches from flash counted"
    assert ways == {"jump", "reset"}


@pytest.mark.parametrize("handlers", [[], [16 + 28, 16 + 29]], ids=["thread", "nested"])
@pytest.mark.parametrize("board", BOARDS)
def test_a_poll_that_never_comes_true_ends_in_a_reset(board: str, handlers: list[int]) -> None:
    subject = at_prompt(board)
    waits = stuck.waits(subject)
    assert waits
    for line in waits:
        assert not stuck.run(subject, line, handlers).wrong, f"wait for 0x{line.address:08X}"
