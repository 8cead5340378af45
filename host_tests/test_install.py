"""romboot install, on the board with the smallest file system: 64 KiB less what FAT takes."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from host_tests.conftest import EVERY_BOARD
from host_tests.target import LIB, MANIFEST, ROOT, VirtualTarget
from host_tests.test_cli import ROMBOOT, romboot
from tools import packages, tables
from tools.cli.device import install, library
from tools.cli.errors import CliError, Code
from tools.cli.hosted.who import Who, who
from tools.cli.job import asked
from tools.cli.port.prompt import Prompt
from tools.cli.virtual import firmware, sizes
from tools.firmware import build
from tools.firmware.board import load_board
from tools.tables import f4
from tools.tables.family import Die, Family

BOARD = "NUCLEO_F401RE"
MOST = sizes.FILES  # bytes of a board's file system, for any die
BLOCK = 512  # bytes, of FAT in the internal flash of an STM32
ASSEMBLER, NO_ASSEMBLER, OLDER = 6 | 3 << 8 | 7 << 10, 6 | 3 << 8, 6 | 1 << 8 | 7 << 10

OLD = """
import os
for folder in ('/romboot', '/lib/romboot'):
    os.mkdir(folder)
    with open(folder + '/__init__.py', 'w') as f:
        f.write('__version__ = "old"')
"""
WHICH = "import romboot; print(romboot.__version__, romboot.__file__)"


@pytest.fixture
def target() -> Iterator[VirtualTarget]:
    """A board with an empty file system."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as board:
        board.ok("exec", "import os; os.mkdir('/lib')")
        yield board


def needed(family: Family, die: Die, mpy: int = ASSEMBLER) -> int:
    """Bytes of a FAT file system for the library as .mpy files, with their folder."""
    return install.needed(library.for_board(mpy, family, die), BLOCK)


def test_it_fits_and_enters(target: VirtualTarget) -> None:
    done = romboot("install", "--device", target.console)
    assert done.returncode == 0, done.stderr
    assert "is in /lib/romboot" in done.stdout
    taken = int(done.stdout.partition(" files, ")[2].partition(" bytes")[0].replace(",", ""))
    assert taken == needed(*firmware.die(BOARD)) <= MOST
    done = romboot("enter", "--installed", "--device", target.console)
    assert done.returncode == 0, done.stderr
    assert target.arrival().clean


@pytest.mark.thorough
def test_an_interrupted_copy_leaves_the_old_library_whole(target: VirtualTarget) -> None:
    """The cable is pulled in the middle; the next installation takes away what is left."""
    target.ok("exec", OLD)
    command = [*ROMBOOT, "install", "--device", target.console]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as installing:
        assert installing.stdout
        for line in installing.stdout:
            if "entry" in line:
                break
        installing.kill()
    target.ok("resume", "exec", "import os; os.sync()")
    with target.server.paused() as board:
        board.press_reset()
    assert target.ok("exec", WHICH).split() == ["old", "romboot/__init__.py"]
    assert install.PARTIAL in target.ok("exec", "import os; print(os.listdir('/lib'))")
    done = romboot("install", "--device", target.console, "--json")
    assert done.returncode == 0, done.stderr
    copied, installed = (
        json.loads(done.stdout.splitlines()[0]),
        json.loads(done.stdout.splitlines()[-1]),
    )
    assert copied["text"] in installed["files"] and installed["folder"] == "/lib/romboot"
    version, file = target.ok("exec", WHICH).split()
    assert version != "old" and file == "/lib/romboot/__init__.mpy"
    assert target.ok("exec", "import os; print(os.listdir('/lib'))") == "['romboot']\n"


def test_a_file_is_written_when_all_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many boards lose what is sent to them while their flash is erased. (ASCII, as only a
    MicroPython takes other bytes in the source of bytes.)"""
    path, data = tmp_path / "file", bytes(range(128)) * 10
    board: dict[str, object] = {}
    there: list[bool] = []

    def run(_prompt: Prompt, code: str) -> str:
        exec(code, board)
        there.append(path.exists())
        return ""

    monkeypatch.setattr(Prompt, "run", run)
    prompt = object.__new__(Prompt)
    prompt.port = "a port"
    prompt.write_file(str(path), data)
    assert path.read_bytes() == data
    assert len(there) > 5 and there.index(True) == len(there) - 1


def test_a_full_file_system_is_a_sentence(target: VirtualTarget) -> None:
    target.ok("exec", "f = open('/big', 'wb')\nfor i in range(60): f.write(bytes(512))\nf.close()")
    done = romboot("install", "--device", target.console)
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: the library needs "), done.stderr
    assert target.ok("exec", "import os; print(os.listdir('/lib'))") == "[]\n"


@pytest.mark.thorough
def test_from_sources_it_goes_on_a_small_heap(target: VirtualTarget) -> None:
    """They are compiled there, in less than 60 KB, and 5 KB in one piece are left."""
    said = target.ok("mount", str(LIB), "exec", "import romboot; print(romboot.plan())")
    assert "The way is free" in said
    go = "import romboot; romboot.enter_bootloader(via='reset', after_ms=100)"
    target.ok("mount", str(LIB), "exec", go)
    assert target.arrival().clean


@pytest.mark.parametrize(
    "last",
    ["__init__", *(pytest.param(n, marks=pytest.mark.thorough) for n in ("entry", "jump"))],
)
def test_a_copy_that_is_not_complete_says_so(last: str, target: VirtualTarget) -> None:
    """mip copies by name and ends where the file system is full."""
    names = packages.files("f4")
    with contextlib.closing(Prompt(target.console)) as prompt:
        prompt.run("import os\nos.mkdir('/lib/romboot')")
        for name in names[: names.index(f"{last}.py") + 1]:
            text = (LIB / "romboot" / name).read_text()
            if name == f"{last}.py" and last != "__init__":
                text = text[: text.rindex("def ")] + "def cut("
            prompt.write_file(f"/lib/romboot/{name}", text.encode())
    done = target.mpremote("exec", "import romboot")
    assert "RomBootError: romboot is not complete here (" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "said"),
    [("entry", "not complete here (incompat"), ("stm32f4", "stm32f4 is not installed here")],
)
def test_a_copy_for_other_firmware_says_so(old: str, said: str, target: VirtualTarget) -> None:
    """The version of one of its .mpy files is not that of the firmware. Those that are imported
    before it are there."""
    files = {file.stem: file for file in library.for_board(library.USUAL, f4.FAMILY)}
    names = ["__init__", "entry", "chip", "jump", "errors", "stm32f4"]
    with contextlib.closing(Prompt(target.console)) as prompt:
        prompt.run("import os\nos.mkdir('/lib/romboot')")
        for name in names[: names.index(old) + 1]:
            data = files[name].read_bytes()
            if name == old:
                data = data[:1] + b"\x05" + data[2:]
            prompt.write_file(f"/lib/romboot/{name}.mpy", data)
    done = target.mpremote("exec", "import romboot; romboot.enter_bootloader()")
    assert said in done.stdout + done.stderr


def test_what_is_no_part_of_the_library_stays(target: VirtualTarget) -> None:
    """A file that would be imported in its place, and what is in a folder of its name."""
    with contextlib.closing(Prompt(target.console)) as prompt:
        prompt.run("import os\nos.mkdir('/romboot')")
        prompt.write_file("/romboot/my notes.txt", b"mine")
        prompt.write_file("/romboot.py", b"print('it ran')")
        done = prompt.run(install.LOOK).strip()
    assert ast.literal_eval(done)[-1] == ["/romboot/my notes.txt", "/romboot.py"]
    done = romboot("install", "--device", target.console)
    assert done.returncode == Code.REFUSED, done.stderr
    line = f"mpremote connect {target.console} rm -r ':/romboot/my notes.txt' :/romboot.py"
    assert f"To remove it:\n  {line}" in done.stderr


def test_a_firmware_that_has_it() -> None:
    with VirtualTarget.boot(BOARD, build(BOARD, frozen_manifest=MANIFEST)) as target:
        done = romboot("install", "--device", target.console)
    assert done.returncode == 0, done.stderr
    assert "frozen into this firmware: there is nothing to install" in done.stdout


def test_an_unknown_family() -> None:
    done = romboot("install", "--family", "f9", "--device", "/dev/not-there")
    assert done.returncode == Code.COMMAND_LINE
    assert "--family takes one of f4" in done.stderr


def test_every_die_fits() -> None:
    for family, die in tables.dies():
        assert needed(family, die) <= MOST, die


def test_it_fits_where_there_is_no_assembler() -> None:
    for board in EVERY_BOARD:
        if not load_board(board).assembler:
            assert needed(*firmware.die(board), NO_ASSEMBLER) <= MOST, board


@pytest.mark.parametrize(("family", "die"), tables.dies(), ids=str)
def test_the_die_is_read_from_the_chip(
    family: Family, die: Die, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some need a clock for that, which is put back as it was."""
    chip = Registers(family, die)
    before = dict(chip.words)
    prompt = chip.prompt(monkeypatch)
    idcode = 0x10000000 | die.dev_id
    assert asked.chip(prompt, who(prompt)) == (family, die, idcode)
    assert chip.words == before


def test_an_unknown_chip_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    family, die = firmware.die(BOARD)
    prompt = Registers(family, replace(die, dev_id=0x4FF)).prompt(monkeypatch)
    with pytest.raises(
        CliError, match=f"does not know this chip.*{0x100004FF}.*--family installs"
    ):
        install._wanted(prompt, "auto")
    assert install._wanted(prompt, "f4") == (tables.family("stm32f4"), None)


def test_a_family_that_is_not_that_of_the_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of another family would replace one that works."""
    family, die = firmware.die(BOARD)
    prompt = Registers(family, die).prompt(monkeypatch)
    assert install._wanted(prompt, "f4") == (family, None)
    with pytest.raises(CliError, match=r"of family f4, .* for family h7 does not run"):
        install._wanted(prompt, "h7")


def test_an_stm32n6_is_refused_with_the_way_that_exists() -> None:
    said = Who("pyboard", "", (1, 25, 0), 0, "", "NUCLEO_N657X0 with STM32N657X0")
    with pytest.raises(CliError, match=r"STM32N6.*machine\.bootloader"):
        asked.chip(cast(Prompt, None), said)


PYTHON = SimpleNamespace(version=(1, 25, 0))


class Registers:
    """CPUID, DBGMCU_IDCODE and the register that has its clock."""

    def __init__(self, family: Family, die: Die) -> None:
        self.family, self.die = family, die
        self.words = {0xE000ED00: 0x41000000 | family.core.partno << 4}  # CPUID
        self.words[0xE000ED90] = family.mpu_regions << 8  # MPU_TYPE
        self.words[0x40022044] = 0x0800007F if family.nsbootadd0 else 0x01FF0000  # NSBOOTADD0
        for each in tables.FAMILIES:  # any of them with this core may be tried before
            if each.core is family.core and each.idcode_clock:
                self.words[each.idcode_clock.register.address] = 0x10

    def prompt(self, monkeypatch: pytest.MonkeyPatch) -> Prompt:
        """It runs code here, on these registers."""

        machine = SimpleNamespace(mem8=None, mem16=None, mem32=self)
        python = SimpleNamespace(platform="pyboard", version="", implementation=PYTHON)
        names: dict[str, object] = {}

        def run(code: str) -> str:
            with contextlib.redirect_stdout(io.StringIO()) as said, monkeypatch.context() as own:
                own.setitem(sys.modules, "machine", cast(ModuleType, machine))
                own.setitem(sys.modules, "sys", cast(ModuleType, python))
                exec(code, names)
            return said.getvalue()

        return cast(Prompt, SimpleNamespace(run=run))

    def __getitem__(self, address: int) -> int:
        clock = self.family.idcode_clock
        if address == self.family.idcode:
            on = not clock or self.words[clock.register.address] >> clock.number & 1
            return 0x10000000 | self.die.dev_id if on else 0
        return self.words.get(address, 0)

    def __setitem__(self, address: int, value: int) -> None:
        assert address in self.words
        self.words[address] = value


@pytest.mark.parametrize(
    ("mpy", "suffix", "helper"),
    [
        (ASSEMBLER, ".mpy", "jump"),
        (NO_ASSEMBLER, ".mpy", "jump_bytes"),
        (OLDER, ".mpy", "jump_bytes"),
        (5, ".py", "jump"),
    ],
)
def test_files_for_a_firmware(mpy: int, suffix: str, helper: str) -> None:
    """By its .mpy version, native ABI and architecture."""
    files = library.for_board(mpy, tables.FAMILIES[0])
    assert {file.suffix for file in files} == {suffix}
    helpers = {file.stem for file in files if file.stem.startswith("jump")}
    assert helper in helpers
    assert helpers == {helper} or suffix == ".py"


def test_no_path_of_this_machine_is_in_a_compiled_file() -> None:
    for file in library.compiled().glob("romboot/*.mpy"):
        assert str(ROOT).encode() not in file.read_bytes(), file.name


@pytest.mark.parametrize("path", packages.packages(), ids=lambda path: path.name)
def test_the_package_files_of_mip(path: Path) -> None:
    assert path.read_text() == packages.packages()[path], "run python -m tools.packages"


# --- boards that hold no library ---------------------------------------------------------------


def test_no_library_is_needed() -> None:
    """info, which makes a plan too, and enter of a board that has room for none."""
    board = "NUCLEO_L073RZ"
    with VirtualTarget.boot(board, firmware.build(board)) as target:
        done = romboot("info", "--device", target.console)
        assert done.returncode == 0 and "ROM ID" in done.stdout, done.stderr
        assert target.ok("exec", "print(6 * 7)") == "42\n"
        done = romboot("enter", "--device", target.console)
        assert done.returncode == 0, done.stderr
        assert target.arrival().clean


def test_no_file_system() -> None:
    board = "NUCLEO_L073RZ"
    with VirtualTarget.boot(board, firmware.build(board)) as target:
        done = romboot("install", "--device", target.console)
        assert done.returncode == 1 and "no file system: freeze romboot into it" in done.stderr
        done = romboot("info", "--installed", "--device", target.console)
    assert done.returncode == Code.REFUSED and "put it there with `romboot install`" in done.stderr
