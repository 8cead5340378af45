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

from host_tests import record
from host_tests.target import ENTER, VirtualTarget
from tools.bench.rom import Bootloader
from tools.cli import library

SLOW = 250  # seconds of real time: to format a file system, to write much, to mount the library
BY_RESET = ENTER.replace("after_ms=100", "after_ms=100, via='reset'")
KEPT = "kept across runs"


@pytest.fixture(scope="module")
def flash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("official") / "flash.bin"


@pytest.fixture(scope="module")
def choice(pytestconfig: pytest.Config) -> tuple[str, Path]:
    """The name of the board, and its image."""
    image: Path | None = pytestconfig.getoption("--firmware")
    board: str | None = pytestconfig.getoption("--board")
    if not image or not board:
        pytest.skip("runs an official image: give --firmware FILE and --board NAME")
    return board, image


@pytest.fixture(scope="module")
def official(choice: tuple[str, Path], flash_file: Path) -> Iterator[VirtualTarget]:
    """The first run: a board at its prompt, formatted and idle."""
    with VirtualTarget.boot(*choice, flash_file) as target:
        target.ok("exec", f"with open('kept.txt', 'w') as f: f.write('{KEPT}')", timeout=SLOW)
        yield target


@pytest.fixture(scope="module")
def again(
    choice: tuple[str, Path], official: VirtualTarget, flash_file: Path
) -> Iterator[VirtualTarget]:
    """The second run, with the flash that the first one has left."""
    official.keep_flash()
    with VirtualTarget.boot(*choice, flash_file) as target:
        yield target


def test_prompt_and_file_system(official: VirtualTarget, choice: tuple[str, Path]) -> None:
    name, _image = choice
    said = official.ok("exec", "import os, sys; print(os.uname().machine, os.listdir())")
    machine, _, files = said.partition(" with ")
    with official.server.paused() as board:
        assert machine == board.name
    assert "boot.py" in files
    build = f"print(getattr(sys.implementation, '_build', {name!r}))"  # since 1.25
    assert official.ok("exec", f"import sys; {build}").strip() == name


def test_copying_a_file(official: VirtualTarget, tmp_path: Path) -> None:
    """More than the smallest sector of the flash, so that it is erased and written meanwhile."""
    content = bytes(range(256)) * 80
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(content)
    official.ok("cp", str(there), ":romboot_test.bin", timeout=SLOW)
    official.ok("cp", ":romboot_test.bin", str(back), "+", "rm", ":romboot_test.bin")
    assert back.read_bytes() == content


def test_info_of_the_library(official: VirtualTarget) -> None:
    code = "import romboot; romboot.info()"
    said = official.ok("mount", str(mounted(official)), "exec", code, timeout=SLOW)
    assert "ROM" in said


def test_entering_by_a_jump(official: VirtualTarget) -> None:
    """The last test of the first run: the prompt is gone after it."""
    official.ok("mount", str(mounted(official)), "exec", ENTER, timeout=SLOW)
    check_the_rom(official)


def test_the_file_system_is_kept(again: VirtualTarget) -> None:
    assert again.ok("exec", "print(open('kept.txt').read())", timeout=SLOW).strip() == KEPT


def test_entering_through_a_reset(
    again: VirtualTarget, choice: tuple[str, Path], request: pytest.FixtureRequest
) -> None:
    version = again.ok("exec", "import os; print(os.uname().version.split()[0])").strip()
    again.ok("mount", str(mounted(again)), "exec", BY_RESET, timeout=SLOW)
    check_the_rom(again)
    if request.config.getoption("--record") and not request.session.testsfailed:
        record.note_official(choice[0], version)


def mounted(target: VirtualTarget) -> Path:
    """The library as the `romboot` command mounts it: compiled if the board can load that. As .py
    files it needs more than the heap of a NUCLEO_F401RE."""
    return library.loadable(int(target.ok("exec", library.MPY_OF_THE_BOARD, timeout=SLOW)))


def check_the_rom(target: VirtualTarget) -> None:
    """It has found nothing off, and it answers."""
    arrival = target.arrival()
    assert arrival.clean, str(arrival)
    with target.server.paused() as board:
        assert isinstance(board.rom, Bootloader)
        dev_id = board.chip.dev_id
    assert target.identify() == dev_id
