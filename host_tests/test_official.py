"""The official firmware of a board on the bench, from its first boot to the factory bootloader.

It is the better witness, but it is not built or kept here: download the .hex or .dfu of
MicroPython for your board and say

    make test FIRMWARE=path/to/firmware.hex BOARD=NUCLEO_F429ZI

or, for this file alone,

    pytest host_tests/test_official.py --firmware path/to/firmware.hex --board NUCLEO_F429ZI

BOARD is the name of a file in boards/, which says on which pins the prompt is. Boards whose prompt
is on USB only, such as PYBV11, cannot be driven this way: the bench has no USB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.target import ENTER, LIB, VirtualTarget
from tools.bench.rom import Bootloader

BOOT_SECONDS = 120  # real time; the first boot formats the file system


@pytest.fixture(scope="module")
def official(pytestconfig: pytest.Config) -> Iterator[VirtualTarget]:
    """A board at its prompt, formatted and idle."""
    image: Path | None = pytestconfig.getoption("--firmware")
    board: str | None = pytestconfig.getoption("--board")
    if not image or not board:
        pytest.skip("runs an official image: give --firmware FILE and --board NAME")
    with VirtualTarget.boot(board, image) as target:
        target.ok("exec", "pass", timeout=BOOT_SECONDS)
        yield target


def test_prompt_and_file_system(official: VirtualTarget, pytestconfig: pytest.Config) -> None:
    said = official.ok("exec", "import os, sys; print(sys.implementation._build, os.listdir())")
    build, _, files = said.partition(" ")
    assert build == pytestconfig.getoption("--board")
    assert "boot.py" in files


def test_copying_a_file(official: VirtualTarget, tmp_path: Path) -> None:
    content = bytes(range(256)) * 80
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(content)
    official.ok("cp", str(there), ":romboot_test.bin")
    official.ok("cp", ":romboot_test.bin", str(back), "+", "rm", ":romboot_test.bin")
    assert back.read_bytes() == content


def test_info_of_the_library(official: VirtualTarget) -> None:
    said = official.ok("mount", str(LIB), "exec", "import romboot; romboot.info()")
    assert "ROM" in said


def test_entering_the_bootloader(official: VirtualTarget) -> None:
    """The last test: the prompt is gone after it."""
    official.ok("mount", str(LIB), "exec", ENTER)
    arrival = official.arrival()
    assert arrival.clean, str(arrival)
    with official.server.paused() as board:
        assert isinstance(board.rom, Bootloader)
        dev_id = board.chip.dev_id
    assert official.identify() == dev_id
