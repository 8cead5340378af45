"""Which cable, which tool, what to press: what `romboot info` and `romboot enter` say of it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from host_tests.target import MANIFEST, VirtualTarget
from host_tests.test_boards import die
from host_tests.test_cli import ROMBOOT, process, romboot
from host_tests.usb import linux, usb_board
from tools import boards
from tools.cli.commands import parser
from tools.cli.device import cables
from tools.cli.device.cables import Cables
from tools.firmware import build

LISTENS = ("USART1 PA9/PA10", "USART3 PB10/PB11 or PC10/PC11", "USB DFU PA11/PA12", "I2C1 PB6/PB9")
ENTERED = [board for board in map(boards.load, boards.names()) if not board.refused]


def of(name: str, usb: str | None = None) -> Cables:
    board = boards.load(name)
    listens = tuple(str(interface) for interface in die(board).interfaces)
    return Cables(board, name, listens, "/dev/ttyACM0", usb)


def lines(about: Cables) -> list[str]:
    return cables.table(about.about()).splitlines()


@pytest.mark.parametrize("board", ENTERED, ids=lambda board: board.build)
def test_every_board(board: boards.Board) -> None:
    """Each cable of the file is there, and the commands are some that romboot takes."""
    said = lines(of(board.build))
    for cable in board.cables:
        assert any(cable.at in line for line in said)
    commands = [line[12:] for line in said if line[12:].startswith("romboot")]
    assert commands and said[-1].startswith(f"no answer   {board.boot0}")
    for command in commands:
        assert parser().parse_args(shlex.split(command)[1:]).command.name == "flash"


def test_the_cable_of_the_prompt_may_be_the_one() -> None:
    """PYBv1.1 by its own USB; NUCLEO_F091RC, whose ST-LINK is on pins of the ROM."""
    said = lines(of("PYBV11", "1-2"))
    assert "cable       as it is now: USB, for USB DFU PA11/PA12" in said
    said = lines(of("NUCLEO_F091RC"))
    assert any(line.startswith("cable       as it is now: ST-LINK") for line in said)
    assert any("flash firmware.hex --device /dev/ttyACM0" in line for line in said)
    assert not any("--rom" in line for line in said)


def test_the_cable_of_the_prompt_may_be_another() -> None:
    said = lines(of("NUCLEO_F429ZI"))
    assert not any("as it is now" in line for line in said)
    assert "not         ST-LINK, CN1: it is on PD8/PD9, where the ROM does not listen" in said
    assert any("--rom PORT" in line for line in said)
    assert any("firmware.dfu --device /dev/ttyACM0 --usb PATH" in line for line in said)


def test_a_board_that_has_no_file() -> None:
    said = lines(Cables(None, "MINE", LISTENS, "/dev/ttyACM0", "1-2"))
    assert said[:5] == [
        "board       romboot has no file for MINE: what follows is true of the chip",
        "cable       PA9/PA10 (TX/RX) and a serial adapter, for USART1 PA9/PA10",
        "            PB10/PB11 (TX/RX) and a serial adapter, for USART3 PB10/PB11",
        "            PC10/PC11 (TX/RX) and a serial adapter, for USART3 PC10/PC11",
        "            USB at PA11/PA12, for USB DFU PA11/PA12",
    ]
    assert said[-1].startswith("no answer   the pin BOOT0 high, then reset")


def test_a_rom_that_no_cable_reaches() -> None:
    said = lines(Cables(None, "MINE", ("I2C1 PB6/PB9",), "/dev/ttyACM0", None))
    assert said[1] == "cable       none that a host has reaches the ROM of this board"
    assert not any("flash" in line for line in said)


def test_how_a_board_is_known() -> None:
    """A variant of a build, and firmware that has no build name yet."""
    for build_name, machine in (("PYBV11-THREAD", ""), ("", "PYBv1.1 with STM32F405RG")):
        board = boards.identify(build_name, machine)
        assert board and board.build == "PYBV11"
    assert boards.identify("MINE", "PYBv1.1 with STM32F405RG") is None


# --- as a user sees it -------------------------------------------------------------------------


def commands(said: str) -> list[list[str]]:
    """Those of romboot, without its name."""
    found = re.findall("^.{10,11}  romboot (.*)$", said, re.MULTILINE)
    return [shlex.split(words) for words in found]


@pytest.mark.thorough
def test_the_commands_that_are_named_do_it(tmp_path: Path) -> None:
    """Over a UART: `enter` names one for new firmware, and one for the way back."""
    name = "NUCLEO_F429ZI"
    image = build(name, frozen_manifest=MANIFEST)
    subprocess.run(["objcopy", "-O", "ihex", image, tmp_path / "firmware.hex"], check=True)
    with VirtualTarget.boot(name, build(name)) as target:
        done = romboot("info", "--device", target.console)
        assert "board       NUCLEO_F429ZI, NUCLEO-F429ZI" in done.stdout
        enter = ["enter", "--device", target.console, "--rom", target.rom_port]
        flash, leave = commands(romboot(*enter).stdout)
        done = romboot(*leave)
        assert done.returncode == 0, done.stderr
        assert commands(romboot(*enter).stdout) == [flash, leave]
        done = process(*flash, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert target.ok("exec", "import romboot; print('there')") == "there\n"


def test_info_says_first_why_entering_is_refused() -> None:
    """The Cortex-M4 of a dual core starts at each reset. The way out is in words of a shell."""
    name = "STM32H747I_DISCO"
    with VirtualTarget.boot(name, build(name)) as target:
        said = romboot("info", "--device", target.console).stdout
        done = romboot("enter", "--device", target.console)
    refused = said.index("\nrefused     ")
    assert refused < said.index("\nboard ") < said.index("\nto flash ")
    assert "Cortex-M4" in said[refused:].splitlines()[1]
    for text in (said, done.stderr):
        assert "--force ignores this" in text and "force=True" not in text


@linux
def test_over_usb() -> None:
    with usb_board("PYBV11", build("PYBV11")) as board:
        done = board.run(*ROMBOOT, "info", "--device", board.until_application())
        assert "as it is now: USB, for USB DFU PA11/PA12" in done.stdout
        done = board.run(*ROMBOOT, "enter", "--device", board.port())
        flash, leave = commands(done.stdout)
        assert flash == ["flash", "firmware.dfu", "--usb", board.path]
        assert f"dfu-util -p {board.path} -a 0 -D firmware.dfu" in done.stdout
        done = board.run(*ROMBOOT, *leave)
        assert done.returncode == 0, done.stderr
