"""romboot prove over USB: unmodified dfu-util, one USB path there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.prove.proving import Done, prove
from host_tests.usb import Faults, UsbTarget, linux, usb_board
from tools.bench.usb.faults import Leave
from tools.cli.errors import Code
from tools.firmware import build

BOARD = "PYBV11"
pytestmark = linux


def run(board: UsbTarget, folder: Path, *words: str, **how: object) -> Done:
    board.until_application()
    return prove(folder, ["--times", "1", *words], board.environment(), **how)  # type: ignore[arg-type]


def press_reset(board: UsbTarget) -> None:
    with board.server.paused() as virtual:
        virtual.press_reset()


def test_there_and_back(tmp_path: Path) -> None:
    """A ROM that resets the chip once, too; no option says where the board is. Each way is in
    test_uart.py."""
    with usb_board(BOARD, build(BOARD), Faults(rom_resets=1)) as board:
        done = run(board, tmp_path, "--via", "jump", "--times", "2")
    assert done.code == 0, done.errors
    assert done.outcomes("enter") == ["the prompt was back", "arrived"]
    assert done.outcomes("return", "how") == ["itself", "leave"]
    said = done.report["steps"][-2]["rom"]
    assert said["version"] == "2200" and said["alts"][-1].startswith("@Internal Flash")
    assert "USB is that of umockdev" in done.report["virtual"]


@pytest.mark.thorough
def test_a_rom_that_does_not_start_the_application(tmp_path: Path) -> None:
    with usb_board(BOARD, build(BOARD), Faults(leave=Leave.STAYS)) as board:
        press = {"press": lambda: press_reset(board)}
        done = run(board, tmp_path, "--via", "jump", on=press)
    assert done.code == Code.NOT_BACK
    assert done.outcomes("enter") == ["arrived"] and done.outcomes("return", "how") == ["button"]


@pytest.mark.thorough
def test_usb_speaks_before_the_uart(tmp_path: Path) -> None:
    """Both are wired. Then the ROM serves USB alone; it is left by that, and the rest goes on."""
    name = "NUCLEO_F429ZI"
    with usb_board(name, build(name)) as board:
        rom = board.server.ports["rom"]
        done = run(board, tmp_path, "--via", "jump", "--rom", rom)
    assert done.code == Code.NO_ROM
    assert done.outcomes("enter", "by") == ["UART", "USB"]
    assert done.outcomes("enter") == ["the ROM served USB", "arrived"]
    assert done.outcomes("return", "how") == ["leave", "leave"]
    assert "pull that cable" in done.errors
