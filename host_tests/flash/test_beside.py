"""romboot leave, read and boards."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from host_tests.flash import fields
from host_tests.target import MANIFEST, VirtualTarget
from host_tests.test_cli import ROMBOOT, romboot
from host_tests.usb import UsbTarget, bus, usb_board
from tools.bench.image import load_image
from tools.cli import made, main
from tools.cli.device import beside
from tools.cli.errors import Code, GoneError
from tools.cli.job import back
from tools.cli.job.job import Job
from tools.cli.job.where import Where
from tools.cli.port.places import Place
from tools.cli.rom import serial_rom
from tools.cli.rom.geometry import Sector
from tools.firmware import build

BOARD = "PYBV11"
BASE, KIB = 0x08000000, 1024


def run(board: UsbTarget, *words: str):
    return board.run(*ROMBOOT, *words, privileged=False)


def test_leave_and_read_over_a_uart(tmp_path: Path) -> None:
    """A backup of part of the flash; then the board is at its prompt, and left there."""
    path = tmp_path / "backup.bin"
    with VirtualTarget.boot("NUCLEO_F429ZI", build("NUCLEO_F429ZI")) as target:
        ports = ["--device", target.console, "--rom", target.rom_port]
        done = romboot("read", str(path), *ports, "--length", "0x4000", "--baud", "230400")
        assert done.returncode == 0, done.stderr
        with target.server.paused() as board:
            assert path.read_bytes() == board.soc.flash.array.read(0, 0x4000)
        beyond = tmp_path / "beyond.bin"
        done = romboot("read", str(beyond), *ports, "--address", "0x081FFFFC", "--length", "8")
        assert done.returncode == Code.COMMAND_LINE and not beyond.exists()
        assert "not in the flash of this chip, 0x08000000 to 0x081FFFFF" in done.stderr
        done = romboot("read", str(beyond), *ports, "--address", "0x081FFFFC")
        assert done.returncode == 0 and len(beyond.read_bytes()) == 4, done.stderr
        done = romboot("read", str(path), *ports)
        assert done.returncode == Code.OTHER and "is there already" in done.stderr
        done = romboot("leave", *ports)
        assert done.returncode == 0 and "application " in done.stdout, done.stderr
        assert "nothing to leave" in done.stdout
        assert target.ok("exec", "print(6 * 7)") == "42\n"


def test_leave_and_read_over_usb(tmp_path: Path) -> None:
    """What has been read can be written: the .dfu has the whole flash."""
    path = tmp_path / "backup.dfu"
    with usb_board(BOARD, build(BOARD, frozen_manifest=MANIFEST)) as board:
        board.until_application()
        done = run(board, "read", str(path), "--json")
        assert done.returncode == 0, done.stderr
        ((at, data),) = load_image(path)
        assert (at, data) == (BASE, board.flash(BASE, 1024 * KIB))
        states = [json.loads(line) for line in done.stdout.splitlines()]
        names = "application left ROM read file leave prompt"
        assert [state["state"] for state in states] == names.split()
        fields.check(states, "read")
        board.enter()
        done = run(board, "leave", "--json")
        assert done.returncode == 0, done.stderr
        states = [json.loads(line) for line in done.stdout.splitlines()]
        assert [state["state"] for state in states] == ["ROM", "leave", "prompt"]
        fields.check(states, "leave")


@pytest.mark.parametrize("name", ["a.bin", "a.dfu"])
def test_a_disk_that_is_full(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """That is no failure of the port, and leaves no part of a file."""

    def full(path: Path, data: bytes) -> int:
        path.open("wb").close()
        raise OSError(28, "No space left")

    def work(job: Job, stack: contextlib.ExitStack) -> None:
        job.where = Where.IN_ROM
        with serial_rom.connected(os.ttyname(theirs)):
            made.write(tmp_path / name, b"1234")

    ours, theirs = os.openpty()
    monkeypatch.setattr(serial_rom, "_synchronise", Mock())
    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(beside.Read, "work", work)
    assert main(["read", str(tmp_path / name)]) == Code.OTHER
    os.close(ours)
    os.close(theirs)
    said = capsys.readouterr().err
    assert f"{name} cannot be written: No space left. Nothing was erased; the board is in" in said
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("words", [["read"], ["prove", "--report"]])
def test_a_file_that_cannot_be_made_is_said_before_the_work(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*words, str(tmp_path / "none" / "a.bin")]) == Code.OTHER
    said = capsys.readouterr().err
    assert "cannot be written: No such file or directory. Nothing was touched." in said


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (Where.FOUND, "Nothing was erased: with power, or after a reset, the board starts"),
        (Where.HALF, "The ROM bootloader cannot be erased, but the firmware is not whole"),
        (Where.WRITTEN, "The file is in the flash, but was not read back and compared.\n"),
        (Where.VERIFIED, "The new firmware is in the flash, read back and compared.\n"),
    ],
)
def test_a_board_that_goes(
    before: Where, sentence: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    """What is said then depends on what had been done to it."""

    def work(job: Job, stack: object) -> None:
        job.where = before
        raise GoneError("it has gone")

    monkeypatch.setattr(beside.Read, "work", work)
    assert main(["read", str(tmp_path / "a.dfu")]) == Code.BROKEN_OFF
    assert f"it has gone. {sentence}" in capsys.readouterr().err


@pytest.mark.parametrize("by", [[], ["SIGTERM"]])
@pytest.mark.parametrize("where", ["tools.cli.commands.main", "tools.cli.job.job.Job.find"])
def test_ctrl_c_is_an_object_with_json(
    where: str, by: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(where, Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr("tools.cli.said.ended_by", by)
    assert main(["leave", "--json"]) == 130
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["exit_code"]) == ("error", 130)
    assert said["text"].startswith("ended by SIGTERM" if by else "Ctrl-C")


@pytest.mark.parametrize("before", [Where.VERIFIED, Where.READ, Where.FOUND])
def test_ctrl_c_while_the_firmware_starts(
    before: Where, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ROM is left already."""

    def work(job: Job, stack: object) -> None:
        job.where = before
        job.leave(Mock(verb="Go to"), Place("/a"), BASE)

    monkeypatch.setattr(back, "wait", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(beside.Read, "work", work)
    assert main(["read", "a.bin", "--device", "/a", "--rom", "/b"]) == Code.INTERRUPTED
    said = capsys.readouterr().err
    assert ("new firmware is in the flash, read back and" in said) == (before is Where.VERIFIED)
    assert said.endswith(
        ". The ROM was told to start the firmware: its prompt comes, or press reset.\n"
        "To wait for its prompt:\n  romboot leave --device /a --rom /b\n"
    )


def test_ctrl_c_when_the_file_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The same command would be refused, as the file is there."""
    path = tmp_path / "a.bin"
    rom = Mock(read=lambda *_: b"1234", sectors=lambda: [Sector(0, BASE, KIB)])
    monkeypatch.setattr(Job, "find", lambda *_: (Place("/a"), rom))
    monkeypatch.setattr(beside.Read, "no_firmware", Mock(side_effect=KeyboardInterrupt))
    assert main(["read", str(path), "--device", "/a", "--rom", "/b"]) == Code.INTERRUPTED
    said = capsys.readouterr().err
    assert path.read_bytes() == b"1234"
    assert "Ctrl-C. The file was made; the board is in its ROM bootloader.\n" in said
    assert said.endswith("romboot leave --device /a --rom /b\n") and "romboot read" not in said


def test_the_boards_that_are_connected() -> None:
    with (
        bus() as where,
        usb_board(BOARD, build(BOARD), in_bus=where, port=2) as one,
        usb_board(BOARD, in_bus=where, port=3, unit=1) as two,
    ):
        one.until_application()
        two.until_rom()
        done = run(one, "boards")
        first, second = done.stdout.splitlines()
        assert first == "prompt       /dev/ttyACM0, USB 1-2"
        assert second.startswith("ROM          USB 1-3, serial number ")
        asked = run(one, "boards", "--ask", "--json").stdout
        assert "/dev/ttyACM0, USB 1-2: PYBv1.1 with STM32F405RG, MicroPython v1.25.0" in asked
        fields.check(map(json.loads, asked.splitlines()), "boards")
        assert one.arrival() is None


def test_nothing_is_connected() -> None:
    with usb_board(BOARD) as board:
        with board.server.paused():
            board.connector.pull_cable()
        for words in (["boards"], ["leave"]):
            assert run(board, *words).returncode == Code.NO_BOARD
