"""Each line of a script is missed by a state when it is left out, or its table says why not.

In `make test-all`, for each family.
`python -m tools.fuzz BOARD --mutate` prints which state misses which line, and how, and tries the
lines that have a reason on more random states.
"""

from __future__ import annotations

import functools

import pytest

from host_tests.conftest import EVERY_BOARD
from tools import tables
from tools.bench import boardfile, chip
from tools.fuzz import directed, mutation
from tools.fuzz.mutation import Mutant
from tools.fuzz.subject import at_prompt


@functools.cache
def longest_scripts() -> tuple[str, ...]:
    """Of each family of the library the first board with the longest script; with external memory
    if a board has some, as code there needs more of the script."""
    families = {die.dev_id: (family, die) for family, die in tables.dies()}
    found: dict[str, tuple[tuple[bool, int], str]] = {}
    for name in EVERY_BOARD:
        board = boardfile.load(name)
        family, die = families[chip.load(board.chip).dev_id]
        rank = bool(board.external), sum(len(step.registers) for step in family.script(die))
        if family.name not in found or rank > found[family.name][0]:
            found[family.name] = rank, name
    return tuple(name for _, name in found.values())


@pytest.mark.thorough
@pytest.mark.parametrize("board", longest_scripts())
def test_every_line_is_missed_or_says_why_not(board: str) -> None:
    findings = list(mutation.survey(mutation.subjects(board), thorough=False))
    assert not [found.wrong for found in findings if found.wrong]
    assert len(findings) > 40


def test_a_line_that_nothing_misses_is_found_out() -> None:
    subject = at_prompt("NUCLEO_F429ZI")
    trials = [(0, state) for state in directed.states(subject)]
    needless = Mutant("a line that does nothing", "", "", subject, subject)
    assert mutation.find((needless,), trials).wrong
    excused = Mutant("the same, with a reason", "", "it does nothing", subject, subject)
    assert not mutation.find((excused,), trials).wrong


def test_a_reason_that_does_not_hold_is_found_out() -> None:
    subject = at_prompt("NUCLEO_F429ZI")
    needed = next(mutation.mutants(subject))
    excused = Mutant(needed.line, "", "so it is said", needed.subject, subject)
    trials = [(0, state) for state in directed.states(subject)]
    assert mutation.find((excused,), trials).wrong
