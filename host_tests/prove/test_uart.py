"""romboot prove over a UART: each outcome that a board may have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.prove.proving import JANE, Done, prove
from host_tests.target import VirtualTarget
from tools.cli.errors import Code
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"


@pytest.fixture(scope="module")
def board() -> Iterator[VirtualTarget]:
    """At its prompt before each test and after it, and its flash is never written."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        target.ok("exec", "")  # it makes its file system first
        with target.server.paused() as board:
            before = bytes(board.soc.flash.array.view)
        yield target
        assert target.ok("exec", "print(6 * 7)") == "42\n"
        with target.server.paused() as board:
            assert bytes(board.soc.flash.array.view) == before


def run(target: VirtualTarget, folder: Path, *words: str, **how: object) -> Done:
    """At ports whose names have the name of a person; once by each way, unless told otherwise."""
    ports = folder / JANE
    ports.mkdir(exist_ok=True)
    for name, port in (("console", target.console), ("rom", target.rom_port)):
        if not (ports / name).exists():
            (ports / name).symlink_to(port)
    given = ["--device", str(ports / "console"), "--times", "1", *words]
    if "--rom" not in words:
        given += ["--rom", str(ports / "rom")]
    return prove(folder, given, os.environ, **how)  # type: ignore[arg-type]


def press_reset(target: VirtualTarget) -> None:
    with target.server.paused() as board:
        board.press_reset()


def test_each_way_there_and_back(board: VirtualTarget, tmp_path: Path) -> None:
    done = run(board, tmp_path)
    assert done.code == 0, done.errors
    assert [(s["step"], s.get("via")) for s in done.report["steps"]] == [
        ("info", None), ("plan", "jump"), ("plan", "reset"),
        ("enter", "jump"), ("return", None), ("enter", "reset"), ("return", None),
    ]  # fmt: skip
    assert done.outcomes("enter") == ["arrived"] * 2 and done.outcomes("return", "how") == [
        "leave", "leave",
    ]  # fmt: skip
    assert done.outcomes("enter", "rom") == [{"version": "3.1", "dev_id": "0x419"}] * 2
    assert done.report["board"]["build"] == BOARD and done.report["chip"]["rom_id"] == "0x91"
    assert "a virtual board, and no evidence" in done.output


@pytest.mark.thorough
def test_how_often_of_n(board: VirtualTarget, tmp_path: Path) -> None:
    """Field reports, A2: the ROM resets the chip at its start."""
    answers = iter([True])
    with board.server.paused() as virtual:
        virtual.in_system_memory.resets = lambda: next(answers, False)
    done = run(board, tmp_path, "--via", "jump", "--times", "2")
    assert done.code == 0, done.errors
    assert done.outcomes("enter") == ["the prompt was back", "arrived"]
    assert done.outcomes("return", "how") == ["itself", "leave"]
    assert "jump, UART: 1 of 2 arrived" in done.output


@pytest.mark.thorough
def test_a_rom_that_never_stays(board: VirtualTarget, tmp_path: Path) -> None:
    with board.server.paused() as virtual:
        before = virtual.in_system_memory.resets
        virtual.in_system_memory.resets = lambda: True
    done = run(board, tmp_path, "--via", "jump", "--times", "2")
    with board.server.paused() as virtual:
        virtual.in_system_memory.resets = before
    assert done.code == Code.NOT_ENTERED
    assert done.outcomes("enter") == ["the prompt was back"] * 2


@pytest.mark.thorough
def test_a_rom_that_go_does_not_leave(board: VirtualTarget, tmp_path: Path) -> None:
    """A reset does, by code in SRAM."""
    with board.server.paused() as virtual:
        rom, go = virtual.in_system_memory, virtual.in_system_memory._go
        rom._go = lambda address: go(address) if address >> 24 == 0x20 else rom._start()
    done = run(board, tmp_path, "--via", "jump")
    with board.server.paused() as virtual:
        virtual.in_system_memory._go = go
    assert done.code == 0, done.errors
    assert done.outcomes("return", "how") == ["reset"]


@pytest.fixture
def nowhere() -> Iterator[str]:
    """A port where no ROM answers."""
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.mark.thorough
def test_no_rom_where_it_is_looked_for(board: VirtualTarget, tmp_path: Path, nowhere: str) -> None:
    """Then only a person gets the prompt back. The second of the two is not tried."""
    words = ["--rom", nowhere, "--via", "jump", "--times", "2"]
    done = run(board, tmp_path, *words, on={"press": lambda: press_reset(board)})
    assert done.code == Code.NO_ROM
    assert done.outcomes("enter") == ["no ROM was found"]
    assert done.outcomes("return", "how") == ["button"]


def test_a_board_that_does_not_come_back(
    board: VirtualTarget, tmp_path: Path, nowhere: str
) -> None:
    done = run(board, tmp_path, "--rom", nowhere, "--wait", "1")
    press_reset(board)
    assert done.code == Code.NOT_BACK
    assert done.outcomes("return") == ["no prompt"] and done.outcomes("enter", "via") == ["jump"]
    assert "no prompt has come within 1 s" in done.errors and "reset button starts" in done.errors


def test_ctrl_c(board: VirtualTarget, tmp_path: Path, nowhere: str) -> None:
    """While the ROM is looked for. Where the board is then; and the command starts from there."""
    done = run(board, tmp_path, "--rom", nowhere, "--via", "jump", ctrl_c="left")
    assert done.code == 130 and not done.report
    assert "the board is in its ROM bootloader" in done.errors and "romboot prove " in done.errors
    again = run(board, tmp_path, "--via", "jump")
    assert again.code == 0, again.errors
    assert "the board is in it already" in again.output


def test_a_board_that_refuses(board: VirtualTarget, tmp_path: Path) -> None:
    """Readout protection at level 2, as option bytes have it. Nothing is tried twice."""
    with board.server.paused() as virtual:
        before = virtual.soc.flash.get("OPTCR")
        virtual.soc.flash.put("OPTCR", 0x0FFFCCED)
    done = run(board, tmp_path, "--times", "2")
    with board.server.paused() as virtual:
        virtual.soc.flash.put("OPTCR", before)
    assert done.code == Code.REFUSED
    assert done.outcomes("plan") == done.outcomes("enter") == ["refused"] * 2
    assert "readout protection is at level 2" in done.outcomes("plan", "reasons")[0][0]


def test_the_report_replaces_no_file(board: VirtualTarget, tmp_path: Path) -> None:
    (tmp_path / JANE).mkdir()
    (tmp_path / JANE / "report.json").write_text("{}")
    done = prove(tmp_path, ["--device", board.console], os.environ)
    assert done.code == Code.OTHER and "is there already: name another file" in done.errors
