"""Over USB: the whole way with unmodified mpremote and dfu-util."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from host_tests.target import MANIFEST
from host_tests.usb import usb_board
from tools.bench.image import flatten, load_image
from tools.firmware import build

FLASH = 0x0800_0000
BOARDS = ("NUCLEO_F429ZI", "PYBV11", "NUCLEO_H743ZI")


def binary(image: Path, folder: Path) -> tuple[Path, bytes]:
    """The image as a .bin in one piece."""
    _, data = flatten(load_image(image))
    path = folder / "firmware.bin"
    path.write_bytes(data)
    return path, data


@pytest.mark.parametrize("name", BOARDS)
def test_from_the_prompt_into_the_rom_to_new_firmware_and_its_prompt(
    name: str, tmp_path: Path
) -> None:
    """The firmware that is there has the library, the new one has not."""
    path, data = binary(build(name), tmp_path)
    with usb_board(name, build(name, frozen_manifest=MANIFEST)) as board:
        assert board.mpremote("exec", "import romboot").returncode == 0
        environment = board.environment()
        waiting = ["dfu-util", "-w", "-p", "1-2", "-a", "0", "-s", f"{FLASH:#x}:leave"]
        with subprocess.Popen(
            [*waiting, "-D", str(path)], env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            board.enter()
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert "File downloaded successfully" in output
        arrival = board.arrival()
        assert arrival and arrival.clean, str(arrival)
        assert board.flash(FLASH, len(data)) == data
        assert board.mpremote("exec", "print(6 * 7)").stdout == "42\n"
        assert "ImportError" in board.mpremote("exec", "import romboot").stdout
