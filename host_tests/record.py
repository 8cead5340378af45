"""docs/matrix.txt: how each board went into its ROM on the bench, one line for each, sorted.

`python -m host_tests.support` writes it; the tests that run a board compare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from host_tests.target import ROOT

FILE = ROOT / "docs" / "matrix.txt"
ARRIVED, REFUSED = "arrived", "refused"
HEAD = """\
# `python -m host_tests.support` writes this: what host_tests/test_matrix.py saw of each board on
# the bench, by a jump and through a reset; and the version of the official image that arrived too.
"""
NONE = "-"  # no official image


@dataclass(frozen=True)
class Run:
    """Of one board. jump, reset: ARRIVED, clean and there and back; or REFUSED, as its file says.
    official: the version of the official image with which it arrived too, "" if none was tried."""

    jump: str
    reset: str
    official: str = ""


def read() -> dict[str, Run]:
    """By the name of the board."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {
        name: Run(jump, reset, "" if official == NONE else official)
        for name, jump, reset, official in rows
    }


def write(runs: dict[str, Run]) -> None:
    """All of them."""
    lines = [
        f"{name:<34} {run.jump} {run.reset} {run.official or NONE}\n"
        for name, run in sorted(runs.items())
    ]
    FILE.write_text(HEAD + "".join(lines))


def note_official(name: str, version: str) -> None:
    """An official image of this board has arrived by both ways."""
    runs = read()
    write({**runs, name: replace(runs[name], official=version)})
