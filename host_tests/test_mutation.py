"""Each line of a script is missed by a state when it is left out, or its table says why not.

`python -m tools.fuzz BOARD --mutate` prints which state misses which line, and how.
"""

from __future__ import annotations

import pytest

from tools.fuzz import directed, mutation
from tools.fuzz.mutation import Mutant


@pytest.mark.parametrize("board", ["NUCLEO_F429ZI", "NUCLEO_L073RZ", "NUCLEO_H743ZI"])
def test_every_line_is_missed_or_says_why_not(board: str) -> None:
    findings = list(mutation.survey(mutation.subjects(board)))
    assert not [found.wrong for found in findings if found.wrong]
    assert len(findings) > 40


def test_a_line_that_nothing_misses_is_found_out() -> None:
    subject, *_ = mutation.subjects("NUCLEO_F429ZI")
    trials = [(0, state) for state in directed.states(subject)]
    needless = Mutant("a line that does nothing", "", "", subject)
    assert mutation.find((needless,), trials).wrong
    excused = Mutant("the same, with a reason", "", "it does nothing", subject)
    assert not mutation.find((excused,), trials).wrong


def test_a_reason_that_does_not_hold_is_found_out() -> None:
    subject, *_ = mutation.subjects("NUCLEO_F429ZI")
    needed = next(mutation.mutants(subject))
    excused = Mutant(needed.line, "", "so it is said", needed.subject)
    trials = [(0, state) for state in directed.states(subject)]
    assert mutation.find((excused,), trials).wrong
