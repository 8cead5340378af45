"""Is the file for this board? And where are the boards?"""

from __future__ import annotations

import errno
import struct
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from tools import boards
from tools.cli import main
from tools.cli.device import suits
from tools.cli.errors import CliError, Code, command_line
from tools.cli.hosted.who import Who
from tools.cli.job.asked import AtPrompt
from tools.cli.port import places
from tools.cli.port import ports as ports_of
from tools.cli.rom import dfu_util, plan
from tools.cli.rom.image import Image
from tools.tables import dies, f4

BASE = 0x08000000
F405 = f4.FAMILY.die(0x413)
WHO = Who("pyboard", "v1.25.0 on 2025-04-15", (1, 25), 0, "PYBV11", "PYBv1.1 with STM32F405RG")
PYBV11 = AtPrompt(
    port="/dev/ttyACM0", who=WHO, family=f4.FAMILY, die=F405, idcode=0x413, flash_kib=1024,
    vectors_at_start=True, mboot=False, protection_level=0, protected=(), pcrop="",
    filesystem=(0x08004000, 112 * 1024),
)  # fmt: skip


def image(
    *machines: str, at: int = BASE, stack: int = 0x20020000, entry: int | None = None,
    mboot: bool = False,
) -> Image:  # fmt: skip
    data = struct.pack("<2I", stack, at + 9 if entry is None else entry) + bytes(1024)
    return Image(Path("firmware.dfu"), ((at, data),), machines, (), mboot)


def reasons(one: Image, board: AtPrompt = PYBV11) -> list[str]:
    return suits.against(one, board, plan.make(one, board.sectors, False))


def test_the_board_of_the_file_is_this_board() -> None:
    assert reasons(image(WHO.machine)) == []
    assert reasons(image("PYBv1.0 with STM32F405RG", WHO.machine)) == []
    assert reasons(image()) == []  # it names none


def test_another_board_is_refused_with_both_names() -> None:
    """Field reports, C4."""
    (reason,) = reasons(image("PYBv1.0 with STM32F405RG"))
    assert "PYBv1.0 with STM32F405RG" in reason and "PYBv1.1 with STM32F405RG" in reason


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (image(stack=0x20030000), "0x20030000, and the SRAM of STM32F405/407/415/417 ends at"),
        (image(stack=0x20010002), "stack begins at 0x20010002, which is no multiple of 4"),
        (image(stack=0x4A7C6A1B), "stack begins at 0x4A7C6A1B, which is no multiple of 4"),
        (image(entry=BASE + 0x10001), "0x08010001, which is not part of it"),
        (image(entry=BASE + 8), "0x08000008, which is not part of it"),
    ],
)
def test_vectors_of_another_chip(one: Image, why: str) -> None:
    (reason,) = reasons(one)
    assert why in reason


def test_a_stack_in_ccm_is_one_of_this_chip() -> None:
    assert reasons(image(stack=0x10010000)) == []


def test_a_piece_of_a_firmware_has_no_vectors() -> None:
    piece = Image(Path("x.bin"), ((0x08020000, b"\x4d\xf8\x04\xed" * 9),), (), (), False)
    assert reasons(piece, replace(PYBV11, vectors_at_start=False)) == []


def test_what_lies_below_the_application_stays() -> None:
    hub = replace(PYBV11, known=boards.load("LEGO_HUB_NO6"), mboot=True)
    assert reasons(image(at=0x08010000), hub) == []
    (reason,) = reasons(image(), hub)
    assert "below 0x08010000 would be erased, where LEGO_HUB_NO6 has LEGO's own boot" in reason
    everything = plan.make(image(at=0x08010000), hub.sectors, True)
    assert suits.against(image(at=0x08010000), hub, everything) == [reason]


def test_mboot() -> None:
    with_mboot = replace(PYBV11, mboot=True)
    behind = image(at=0x08008000)
    assert reasons(behind, with_mboot) == []
    (reason,) = reasons(behind, replace(PYBV11, vectors_at_start=False))
    assert "for a board with mboot" in reason
    (reason,) = reasons(image(WHO.machine), with_mboot)
    assert "where this board has mboot" in reason
    assert reasons(image(WHO.machine, mboot=True), with_mboot) == []
    (reason,) = reasons(image(mboot=True))
    assert "is mboot, a bootloader" in reason


def test_protection() -> None:
    one = image()
    (reason,) = reasons(one, replace(PYBV11, protected=((BASE, BASE + 0x4000),)))
    assert "1 of the 1 sectors" in reason and "0x08000000" in reason
    assert reasons(one, replace(PYBV11, protected=((BASE + 0x4000, BASE + 0x8000),))) == []
    (reason,) = reasons(one, replace(PYBV11, protection_level=1))
    assert "readout protection is at level 1" in reason
    assert reasons(one, replace(PYBV11, pcrop="PCROP is on")) == ["PCROP is on"]


@pytest.mark.parametrize(
    ("chip", "dev_id", "fits"),
    [
        ("STM32F405RG", 0x413, True),
        ("STM32F401xE", 0x433, True),
        ("STM32F429", 0x419, True),
        ("STM32F405RG", 0x419, False),
        ("STM32H743", 0x450, True),
        ("STM32L073RZT6", 0x447, True),
        ("STM32L072CZ", 0x447, True),
        ("STM32L072CZ", 0x417, False),
    ],
)
def test_the_chip_that_a_file_names(chip: str, dev_id: int, fits: bool) -> None:
    (die,) = (die for _, die in dies() if die.dev_id == dev_id)
    assert suits.is_of(chip, die) == fits
    one = image(f"A BOARD with {chip}", stack=die.rams[0].end)
    assert bool(suits.against_chip(one, die, BASE)) != fits


# --- where the boards are ----------------------------------------------------------------------


def port(device: str, vid: int | None, location: str | None = None) -> ListPortInfo:
    found = ListPortInfo(device)
    found.vid, found.location = vid, location
    return found


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    found: list[ListPortInfo] = []
    monkeypatch.setattr(places.list_ports, "comports", lambda: found)
    return found


def test_a_board_is_found_by_itself(ports: list[ListPortInfo]) -> None:
    ports += [port("/dev/ttyS0", None), port("/dev/ttyACM0", 0xF055, "1-2:1.1")]
    ports += [port("/dev/ttyUSB0", 0x0403)]
    assert places.find(None) == [places.Place("/dev/ttyACM0", "1-2")]
    del ports[1]
    assert places.find(None) == [places.Place("/dev/ttyUSB0")]
    assert places.find("/dev/ttyUSB0") == []
    assert places.place("COM7") == places.Place("COM7")


def run(tmp_path: Path, *words: str) -> int:
    path = tmp_path / "firmware.bin"
    path.write_bytes(bytes(64))
    return main(["flash", str(path), *words])


def test_no_board_and_several(
    ports: list[ListPortInfo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == Code.NO_BOARD
    assert "no board is connected" in capsys.readouterr().err
    ports += [port("COM3", 0xF055), port("COM4", 0xF055)]
    assert run(tmp_path) == Code.SEVERAL
    said = capsys.readouterr().err
    assert "there are 2 boards: name one. Nothing was touched" in said
    assert f"The one at COM4:\n  romboot flash {tmp_path}/firmware.bin --device COM4\n" in said


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOENT, Code.NO_BOARD), (errno.EACCES, Code.NO_RIGHT)]
)
def test_a_port_that_cannot_be_opened(
    number: int, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    """root may open anything, so the operating system's word is taken from its error."""
    error = serial.SerialException(number, "no")
    monkeypatch.setattr(serial, "serial_for_url", Mock(side_effect=error))
    monkeypatch.setattr(serial, "Serial", Mock(side_effect=error))
    with pytest.raises(CliError) as raised:
        ports_of.check("/dev/ttyACM0", "--device")
    assert raised.value.code == code
    if code == Code.NO_RIGHT:
        assert "dialout" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (
            "FileNotFoundError(2, 'The system cannot find the file specified.', None, 2)",
            Code.NO_BOARD,
            "there is no port COM5. --rom takes one of COM3 (",
        ),
        (
            "PermissionError(13, 'Access is denied.', None, 5)",
            Code.HELD,
            "COM5 is held by another program: end that",
        ),
        ("OSError(22, 'no such device', None, 433)", Code.OTHER, "COM5 cannot be opened"),
    ],
)
def test_a_port_of_windows(
    text: str, code: Code, said: str, ports: list[ListPortInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyserial has no errno there (serialwin32.py, open())."""
    ports.append(port("COM3", 0xF055))
    error = serial.SerialException(f"could not open port 'COM5': {text}")
    monkeypatch.setattr(serial, "serial_for_url", Mock(side_effect=error))
    monkeypatch.setattr(serial, "Serial", Mock(side_effect=error))
    monkeypatch.setattr(ports_of, "HELD_S", 0)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(CliError) as raised:
        ports_of.check("COM5", "--rom")
    assert raised.value.code == code and str(raised.value).startswith(said)


def test_what_is_said_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command to paste is quoted for its shell, and the driver has a name."""
    monkeypatch.setattr(sys, "platform", "win32")
    words = ("flash", r"C:\My Files\a.dfu", "--device", "COM5")
    assert command_line(*words) == r'romboot flash "C:\My Files\a.dfu" --device COM5'
    assert "WinUSB for it with Zadig" in str(dfu_util.closed_to_us("0483:df11"))
