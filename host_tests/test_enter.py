"""romboot enter: success is what was seen; a board that comes back is sent again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tests.flash import fields
from host_tests.target import ENTER, MANIFEST, ROOT, VirtualTarget
from host_tests.test_cli import ROMBOOT, romboot
from tools import cli
from tools.bench.board import VirtualBoard
from tools.bench.server import Server
from tools.cli.errors import Code
from tools.cli.job import arriving
from tools.cli.rom import dfu, dfu_util
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
WITH_ROM = [True, False]
OTHER_BOARD = pytest.param("PYBV11", marks=pytest.mark.thorough)
pytestmark = pytest.mark.boards(BOARD, OTHER_BOARD)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that comes back is waited for longer than two seconds: this machine may be busy."""
    monkeypatch.setattr(arriving, "BACK_S", 5)


def enter(virtual: VirtualTarget, rom: bool, *words: str) -> subprocess.CompletedProcess[str]:
    assert virtual.rom
    words = (*words, "--rom", virtual.rom) if rom else words
    return romboot("enter", "--installed", "--device", virtual.console, *words)


def rom_resets(virtual: VirtualTarget, starts: int) -> None:
    """So many of the next starts of the ROM end in a reset of the chip (field reports, A2)."""
    answers = iter([True] * starts)
    with virtual.server.paused() as board:
        board.in_system_memory.resets = lambda: next(answers, False)


def test_enter_and_identify(virtual: VirtualTarget) -> None:
    done = enter(virtual, True, "--json")
    assert done.returncode == 0, done.stderr
    application, left, rom = states = [*map(json.loads, done.stdout.splitlines())]
    fields.check(states, "enter")
    assert (application["state"], left["attempt"], rom["state"]) == ("application", 1, "ROM")
    assert rom["version"] == "3.1" and rom["dev_id"] == application["dev_id"]
    assert virtual.arrival().clean


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("rom", WITH_ROM)
def test_a_rom_that_resets_the_chip_is_entered_again(virtual: VirtualTarget, rom: bool) -> None:
    rom_resets(virtual, 2)
    done = enter(virtual, rom)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the prompt is back") == 2
    with virtual.server.paused() as board:
        assert board.rom_listens()
    assert virtual.identify()


@pytest.mark.usefixtures("patient")
def test_it_does_not_try_for_ever(virtual: VirtualTarget) -> None:
    rom_resets(virtual, 3)
    done = enter(virtual, True, "--tries", "2")
    assert done.returncode == Code.NOT_ENTERED
    assert "and its prompt came back, as often as it was tried (2)" in done.stderr
    reported = virtual.server.board.chip.name.startswith("STM32F405")
    sentence = "The ROM of an STM32F405" if reported else "Of the ROM of an STM32F42"
    assert sentence in done.stderr and "is at its prompt.\n" in done.stderr
    assert done.stderr.endswith(" --tries 4\n")
    assert virtual.ok("exec", "print(6 * 7)") == "42\n"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("rom", WITH_ROM)
def test_a_board_that_is_in_its_rom_already(virtual: VirtualTarget, rom: bool) -> None:
    """No command spoils what it should find: the ROM still answers after each."""
    virtual.ok("exec", ENTER)
    virtual.arrival()
    began = time.monotonic()
    again = enter(virtual, rom)
    assert time.monotonic() - began < 20
    if rom or virtual.console == virtual.rom:
        assert again.returncode == 0, again.stderr
        assert "the board is in it already" in again.stdout
        assert "protocol 3.1, DEV_ID 0x4" in again.stdout
    else:
        assert (
            again.returncode == Code.NOT_ENTERED
            and "no MicroPython prompt answers" in again.stderr
        )
    done = romboot("info", "--device", virtual.console)
    assert done.returncode == Code.NOT_ENTERED and "in its ROM bootloader" in done.stderr
    assert "romboot leave" in done.stderr
    assert virtual.console == virtual.rom or "--rom PORT" in done.stderr
    assert virtual.identify() == virtual.identify()


def test_one_cable_for_prompt_and_rom() -> None:
    """boards/ knows that: the ROM is asked where the prompt was."""
    with VirtualTarget.boot("PYBV11", build("PYBV11")) as target:
        done = romboot("enter", "--device", target.console)
        assert done.returncode == 0, done.stderr
        assert f"ROM          UART {target.console}, protocol 3" in done.stdout
        done = romboot("info", "--device", target.console)
        assert f"  romboot leave --device {target.console}\n" in done.stderr
        assert romboot("leave", "--device", target.console).returncode == 0


@pytest.mark.thorough
def test_no_rom_where_it_is_looked_for(virtual: VirtualTarget) -> None:
    """The console of a NUCLEO is on pins that the ROM does not listen on: that is known. What is
    at another port is not."""
    if virtual.console == virtual.rom:
        pytest.skip("one cable serves both on this board")
    words = ["enter", "--installed", "--device", virtual.console, "--rom"]
    done = romboot(*words, virtual.console)
    assert done.returncode == Code.REFUSED and "does not listen on the pins of" in done.stderr
    ours, theirs = os.openpty()
    done = romboot(*words, os.ttyname(theirs))
    assert done.returncode == Code.NO_ROM
    assert "no ROM bootloader answers" in done.stderr
    assert "its prompt is gone" in done.stderr
    os.close(ours)
    os.close(theirs)


def test_a_board_that_does_not_go_is_no_success(virtual: VirtualTarget) -> None:
    """The call succeeds, and nothing happens."""
    fake = "plan = RomBootError = None\ndef enter_bootloader(**_): pass"
    virtual.ok("exec", "import os; os.mkdir('/romboot')")
    virtual.ok("exec", f"open('/romboot/__init__.py', 'w').write({fake!r})")
    done = enter(virtual, False)
    assert done.returncode == Code.NOT_ENTERED and "still at its prompt" in done.stderr


# --- a board whose prompt is a USB device ------------------------------------------------------


def enter_and(port: Path, meanwhile: Callable[[], None]) -> tuple[int, str, str]:
    """`romboot enter` at a link to the console; when the ROM has started the port hangs up and
    its name goes, as those of USB do, and then `meanwhile` happens."""
    board = VirtualBoard.load(BOARD, build(BOARD, frozen_manifest=MANIFEST))
    server = Server(board)
    port.symlink_to(server.ports["console"])
    command = [*ROMBOOT, "enter", "--installed", "--device", str(port), "--tries", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        board.on_arrival = lambda _: server.stop()
        server.run()
        port.unlink()
        server.close()
        meanwhile()
        output, errors = process.communicate(timeout=250)
    return process.returncode, output, errors


def test_a_port_that_goes(tmp_path: Path) -> None:
    code, output, errors = enter_and(tmp_path / "ttyACM0", lambda: None)
    assert code == 0, errors
    assert "the prompt does not come back" in output


def test_a_port_that_comes_back(tmp_path: Path) -> None:
    code, _, errors = enter_and(tmp_path / "ttyACM0", (tmp_path / "ttyACM0").touch)
    assert code == Code.NOT_ENTERED and "ttyACM0 went, and is back" in errors


LISTED = (
    'Found DFU: [0483:df11] ver=2200, devnum=4, cfg=1, intf=0, path="1-2", alt=1, '
    'name="@Option Bytes  /0x1FFFC000/01*016 e", serial="3168"'
)


def plug_in(folder: Path) -> None:
    """A ROM on USB, as sysfs lists it."""
    folder.mkdir(parents=True)
    for name, text in (("idVendor", "0483"), ("idProduct", "df11"), ("product", "STM32  BOOT")):
        (folder / name).write_text(text + "\n")


@pytest.mark.parametrize("by", ["sysfs", "dfu-util"])
def test_a_dfu_device_where_the_port_is_gone(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no sysfs, dfu-util lists it."""
    monkeypatch.setattr(dfu, "SYSFS", tmp_path if by == "sysfs" else tmp_path / "none")
    monkeypatch.setattr(dfu_util, "PROGRAM", str(tmp_path / "dfu-util"))
    words = ["--device", "/dev/not-there"]
    assert cli.main(["enter", *words]) == Code.NO_BOARD
    assert "there is no port /dev/not-there" in capsys.readouterr().err
    if by == "sysfs":
        plug_in(tmp_path / "1-2")
    (tmp_path / "dfu-util").write_text(f"#!/bin/sh\necho '{LISTED}'\n")
    (tmp_path / "dfu-util").chmod(0o755)
    assert cli.main(["enter", *words]) == 0
    said = "the board is in it already: DFU, USB 1-2, serial number 3168"
    assert said in capsys.readouterr().out
    assert cli.main(["info", *words]) == Code.NOT_ENTERED
    assert "  romboot leave --device /dev/not-there\n" in capsys.readouterr().err
    twin = LISTED.replace("1-2", "1-3")
    (tmp_path / "dfu-util").write_text(f"#!/bin/sh\necho '{LISTED}'\necho '{twin}'\n")
    assert cli.main(["enter", *words]) == Code.NO_BOARD
    said = capsys.readouterr().err
    assert "no serial port /dev/not-there, but 2 boards are in the ROM" in said
    assert re.findall("  romboot .*", said) == [f"  romboot enter --usb 1-{n}" for n in (2, 3)]
