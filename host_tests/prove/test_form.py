"""The report as a file: which one counts as silicon, and what none may have."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tests.target import ROOT
from tools.bench.lot import UID
from tools.cli.prove import evidence, form

SILICON = ROOT / "docs" / "silicon"
EXAMPLE = SILICON / "example.json"
REAL = bytes.fromhex("290030000B51383333323731")  # lot Q833271
Change = Callable[[dict[str, Any]], object]


def test_the_example_is_a_virtual_board_and_the_others_are_silicon() -> None:
    for path in SILICON.glob("*.json"):
        assert bool(form.read(path).virtual) == (path == EXAMPLE), path


def test_what_is_read_of_a_report() -> None:
    report = form.read(EXAMPLE)
    assert (report.build, report.dev_id) == ("PYBV11", 0x413)
    assert report.tries == report.arrived == 2
    text = EXAMPLE.read_text()
    assert form.write(json.loads(text)) == text


def in_step(number: int, **facts: object) -> Change:
    return lambda report: report["steps"][number].update(facts)


def in_report(**facts: object) -> Change:
    return lambda report: report.update(facts)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        # Without the list nobody has looked: that must not count as silicon.
        (lambda report: report.pop("virtual"), "should have"),
        (in_report(virtual=None), "virtual is no list"),
        (in_report(virtual="no"), "virtual is no list"),
        (in_report(form=2), "no form 1"),
        (in_report(host="desk"), "should have"),
        (in_report(date="27.11.2026"), "date is"),
        (in_report(steps=[]), "steps is no list"),
        (lambda report: report["chip"].update(rev_id="A"), "chip.rev_id is"),
        (lambda report: report["chip"].update(uid="1"), "chip has"),
        (in_step(0, outcome="perhaps"), "info has no outcome"),
        (in_step(0, step="flash"), "there is no step"),
        (in_step(1, reasons="none"), "reasons is no list"),
        (in_step(3, by="CAN"), "by is"),
        (in_step(3, rom={"version": "2200", "serial": "x"}), "rom has"),
        (in_step(4, how="luck"), "how is"),
        (in_step(4, seconds="1"), "seconds is no number"),
        (in_step(1, reasons=["UID 290030000b51383333323731"]), "looks like"),
        (in_step(1, reasons=["serial 3168325C3338"]), "looks like"),
        (in_step(1, reasons=["there is no /dev/ttyACM0"]), "looks like"),
        (in_step(1, reasons=["COM3 is busy"]), "looks like"),
        (in_step(1, reasons=["/home/jane/x"]), "looks like"),
        (in_step(1, reasons=["jane@desk.example"]), "looks like"),
    ],
)
def test_what_is_no_report(change: Change, why: str, tmp_path: Path) -> None:
    report = json.loads(EXAMPLE.read_text())
    before = copy.deepcopy(report)
    change(report)
    assert report != before
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    with pytest.raises(ValueError, match=why):
        form.read(path)


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json is no JSON"):
        form.read(tmp_path / "a.json")


def test_a_name_that_no_report_has_is_left_out() -> None:
    """A board may be called by any name."""
    report = json.loads(EXAMPLE.read_text())
    report["board"]["machine"] = "jane@desk.example with STM32F405RG"
    clean = form.without_private(report)
    assert clean["board"]["machine"] == "jane(left out)xample with STM32F405RG"
    assert not list(form.problems(clean))


# --- silicon, or not ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uid", "ports", "reasons"),
    [
        (REAL, ("/dev/ttyACM0", None), 0),
        (REAL, ("COM3", "COM4"), 0),
        (UID, ("/dev/ttyACM0", "/dev/ttyUSB0"), 1),
        (UID[:1] + b"\1" + UID[2:], ("/dev/ttyACM0", None), 1),  # of another virtual board
        (bytes(12), ("/dev/ttyACM0", None), 1),
        (b"\xff" * 12, ("/dev/ttyACM0", None), 1),
        (REAL, ("/dev/ttyACM0", "/dev/pts/3"), 1),
        (REAL, ("socket://localhost:4000", None), 1),
        (UID, ("/dev/pts/3", "/dev/pts/4"), 2),
    ],
)
def test_evidence(uid: bytes, ports: tuple[str | None, ...], reasons: int) -> None:
    assert len(evidence.virtual(uid, *ports)) == reasons


def test_a_link_to_a_pseudo_terminal(tmp_path: Path) -> None:
    (tmp_path / "console").symlink_to("/dev/pts/3")
    assert evidence.virtual(REAL, str(tmp_path / "console"))


def test_usb_of_umockdev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMOCKDEV_DIR", "/somewhere")
    assert evidence.virtual(REAL, "/dev/ttyACM0")
