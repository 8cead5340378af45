"""The official firmware of a board on the bench, from its first boot to the factory bootloader.

It is the better witness, but it is not built or kept here: download the .hex or .dfu of
MicroPython for your board and say

    make test FIRMWARE=path/to/firmware.hex BOARD=NUCLEO_F429ZI

or, for this file alone,

    pytest host_tests/test_official.py --firmware path/to/firmware.hex --board NUCLEO_F429ZI

BOARD is the name of a file in boards/, which says on which pins the prompt is. The firmware needs
a prompt on a UART: what it has on USB is not seen on the bench. Without a file system it cannot
hold the library, and is entered from the host alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests import record
from host_tests.target import CLEAN, ENTER, VirtualTarget, how_it_arrives
from host_tests.test_cli import romboot
from host_tests.test_later import ARM, STATES
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.bench.rom import Bootloader
from tools.cli.device import library

SLOW = 900  # seconds of real time: to write much, to mount the library
BOOT_NS = 1_000_000_000  # virtual, from a reset to the prompt
BY_RESET = ENTER.replace("after_ms=100", "after_ms=100, via='reset'")
HAS_FILES = """
import os
try: print(os.stat('boot.py') and 'yes')
except (OSError, AttributeError): print('no')
"""
KEPT = """
with open('kept.txt', 'w') as f: f.write('kept')
os.sync()
"""
WRITE = """
import os
data = bytes(range(256)) * 80
with open('big', 'wb') as f: f.write(data)
with open('big', 'rb') as f: print(f.read() == data)
os.remove('big')
"""
BUILD = "print(getattr(sys.implementation, '_build', {!r}))"  # since 1.25

Choice = tuple[str, Path]

pytestmark = pytest.mark.timeout(2 * SLOW)


@pytest.fixture(scope="module")
def choice(pytestconfig: pytest.Config) -> Choice:
    """The name of the board, and its image."""
    image: Path | None = pytestconfig.getoption("--firmware")
    board: str | None = pytestconfig.getoption("--board")
    if not image or not board:
        pytest.skip("runs an official image: give --firmware FILE and --board NAME")
    return board, image


@pytest.fixture(scope="module")
def flash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("official") / "flash.bin"


@pytest.fixture(scope="module")
def has_files(choice: Choice, flash_file: Path) -> bool:
    """Boot it once, which makes its file system, if it has one; that is in `flash_file` then."""
    board = VirtualBoard.load(*choice, flash_file)
    prompt = Prompt(board)
    found = prompt.run(HAS_FILES).strip() == "yes"
    if found:
        prompt.run(KEPT)
        board.close()
    return found


@pytest.fixture(scope="module")
def official(choice: Choice, flash_file: Path, has_files: bool) -> Iterator[VirtualTarget]:
    """A board at its prompt, formatted and idle. What enters the ROM ends with a reset."""
    with VirtualTarget.boot(*choice, flash_file) as target:
        target.wait_for(lambda board: board.clock.now > BOOT_NS or None, SLOW)
        yield target


@pytest.fixture(scope="module")
def files(has_files: bool) -> None:
    """For a firmware with some."""
    if not has_files:
        pytest.skip("this firmware has no file system")


@pytest.fixture(scope="module")
def installed(official: VirtualTarget, files: None, flash_file: Path) -> Path:
    """The flash of the board, with the library in it."""
    done = romboot("install", "--device", official.console)
    assert done.returncode == 0, done.stderr
    official.keep_flash()
    return flash_file


def test_prompt(official: VirtualTarget, choice: Choice) -> None:
    name, _image = choice
    machine, _, _ = official.ok("exec", "import os; print(os.uname().machine)").partition(" with ")
    with official.server.paused() as board:
        assert machine == board.name
    assert official.ok("exec", f"import sys; {BUILD.format(name)}").strip() == name


@pytest.mark.usefixtures("files")
def test_writing_a_file(official: VirtualTarget) -> None:
    """More than the smallest sector of the flash, which is erased for it. Nothing is sent
    meanwhile: much firmware loses characters then (docs/library.md)."""
    assert official.ok("exec", WRITE, timeout=SLOW) == "True\n"


@pytest.mark.parametrize("words", [("info", "plan", "enter"), ("enter --via reset",)])
def test_a_board_without_the_library(official: VirtualTarget, words: tuple[str, ...]) -> None:
    """A reset needs more of the heap, which is whole after the last one."""
    for command in words:
        rom = ("--rom", official.rom_port) if command.startswith("enter") else ()
        done = romboot(*command.split(), "--device", official.console, *rom)
        assert done.returncode == 0, done.stdout + done.stderr
    check_the_rom(official)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("code", [ENTER, BY_RESET])
def test_the_library_mounted(official: VirtualTarget, code: str) -> None:
    """Compiled if the board can load that: as .py it needs more than the heap of an F401."""
    mpy = int(official.ok("exec", library.MPY_OF_THE_BOARD))
    mount = ("mount", str(library.loadable(mpy)), "exec")
    assert "ROM" in official.ok(*mount, "import romboot; romboot.info()", timeout=SLOW)
    official.ok(*mount, code, timeout=SLOW)
    check_the_rom(official)


@pytest.mark.parametrize("code", [ENTER, BY_RESET])
def test_the_library_installed(official: VirtualTarget, installed: Path, code: str) -> None:
    assert official.ok("exec", "print(open('kept.txt').read())") == "kept\n"
    official.ok("exec", code)
    check_the_rom(official)


@pytest.mark.parametrize("state", STATES)
def test_it_goes_whatever_the_heap_is(choice: Choice, installed: Path, state: str) -> None:
    board = VirtualBoard.load(*choice, installed)
    Prompt(board).start(ARM["after_ms"].format("") + "\n" + STATES[state])
    assert how_it_arrives(board) == CLEAN


def test_note_it(official: VirtualTarget, choice: Choice, request: pytest.FixtureRequest) -> None:
    """The last one."""
    version = official.ok("exec", "import os; print(os.uname().version.split()[0])").strip()
    if request.config.getoption("--record") and not request.session.testsfailed:
        record.note_official(choice[0], version)


def check_the_rom(target: VirtualTarget) -> None:
    """It has found nothing off, and it answers. Then the reset button."""
    arrival = target.wait_for(lambda board: board.arrival if board.rom_listens() else None)
    assert arrival.clean, str(arrival)
    with target.server.paused() as board:
        assert isinstance(board.rom, Bootloader)
        dev_id = board.chip.dev_id
    assert target.identify() == dev_id
    with target.server.paused() as board:
        board.press_reset()
        booted = board.clock.now + BOOT_NS
    target.wait_for(lambda board: board.clock.now > booted or None, SLOW)
