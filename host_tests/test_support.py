"""The tables of support are what boards/, the last run of the matrix and docs/silicon say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_tests import record, support
from host_tests.conftest import EVERY_BOARD
from host_tests.record import ARRIVED, REFUSED, Run
from host_tests.support import Silicon
from tools import boards

AGAIN = "`python -m host_tests.support` writes it again"


def test_each_board_has_its_line() -> None:
    """Which way is refused stands in its file; that it is so, test_matrix.py sees."""
    runs = record.read()
    assert sorted(runs) == list(runs) == sorted(EVERY_BOARD), AGAIN
    for name, run in runs.items():
        refused = boards.read(boards.BOARDS / f"{name}.toml").get("romboot", {})
        for way in support.WAYS:
            assert getattr(run, way) == (REFUSED if way in refused else ARRIVED), (name, AGAIN)


def test_the_tables_are_not_stale() -> None:
    assert support.PAGE.read_text() == support.page(), AGAIN
    readme = support.README.read_text()
    assert readme == support.in_readme(readme), AGAIN


def test_what_silicon_counts_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reports of one board, one of a board without a file, one that is virtual."""
    virtual = json.loads((support.SILICON / "example.json").read_text())
    real = {**virtual, "virtual": []}
    other = {**real, "board": {**real["board"], "build": "MINE", "machine": "Mine with X"}}
    old = {**real, "board": {**real["board"], "build": ""}}
    old["steps"] = [
        {**s, "outcome": "no ROM was found"} if "rom" in s else s for s in old["steps"]
    ]
    for step in old["steps"]:
        step.pop("rom", None)
    for name, report in {"a": virtual, "b": real, "c": other, "d": old}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    monkeypatch.setattr(support, "SILICON", tmp_path)
    assert support.silicon() == {"PYBV11": Silicon(2, 2, 4), "Mine with X": Silicon(1, 2, 2)}
    page = support.page()
    assert "silicon 2 of 4 |\n" in page
    assert "| Mine with X |  | no file in boards/ | silicon 2 of 2 |\n" in page
    assert "silicon (1 board)" in support.families()
    assert "\nOn silicon: 3 reports, of 2 boards. If you" in support.families()


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (Run(ARRIVED, ARRIVED), "jump, reset"),
        (Run(ARRIVED, REFUSED), "jump, reset refused: the heap is in SDRAM"),
        (None, "not tried"),
    ],
)
def test_how_a_board_is_entered(run: Run | None, text: str) -> None:
    assert support.entered(boards.load("STM32F429DISC"), run).startswith(text)
