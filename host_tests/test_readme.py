"""Every command of README.md and of docs/ is run here, as it stands there but for names of ports.

A session is one board and the commands that a user may type at it, one after the other.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from host_tests import pages
from host_tests.pages import README
from host_tests.target import CLEAN, MANIFEST, ROOT, VirtualTarget
from host_tests.usb import usb_board
from tools.bench.image import flatten, load_image
from tools.cli.rom import dfu_util
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
BIN = Path(sys.executable).parent

FROM_SOURCES = (  # the board compiles them, which takes long
    'mpremote mount lib exec "import romboot; romboot.info()"',
    "mpremote mip install github:romboot/romboot/lib/f4.json",  # what is here stands for it
    'mpremote exec "import romboot; romboot.info()"',
    'mpremote exec "from romboot import enter_bootloader; enter_bootloader(after_ms=100)"',
)
REMOVE = "mpremote rm -r :lib/romboot"
BY_USB = (
    "romboot boards",
    "romboot boards --ask",
    "romboot info",
    "romboot plan",
    "romboot script --chip STM32F405RG > enter.py",
    "mpremote run enter.py",
    "romboot leave",
    "romboot flash firmware.dfu --dry-run",
    "romboot flash firmware.dfu",
    'mpremote exec "import romboot; romboot.info()"',
    "romboot flash firmware.bin --address 0x08020000",
    "romboot flash firmware.dfu --erase-all",
    "romboot enter",
    "dfu-util -a 0 -D firmware.dfu",
)
PIECES = next(block for block in pages.blocks("sh") if "objcopy" in block)
BENCH, CLIENTS = (block for block in pages.blocks("sh") if " ports" in block)
# In order, as all processes of pytest-xdist must see the same tests.
TESTS = sorted(line for line in pages.commands() if line.startswith(".venv/bin/pytest"))
FUZZ = ".venv/bin/python -m tools.fuzz NUCLEO_F429ZI"
# What other tests run, or show to be the same as what runs here.
ELSEWHERE = {
    "test_the_package_of_all_families": r"mpremote mip install (github:romboot/romboot|\./.*)",
    "test_romfs.py": r"mpremote romfs .*",
    "test_docs.py": r"make .*|(\.venv/bin/)?python -m (tools\.(tables|packages)|host_tests\..*)",
    "test_wheel.py": r"pip install .*",
    "test_cli.py": r"eval .*argcomplete.*",
    "test_usb.py": r"env LD_PRELOAD.*|.*romboot bench PYBV11( --usb)?",
    "prove/": r"romboot prove.*",
    "test_install.py": r"romboot install",
    "flash/test_beside.py": r"romboot read backup.dfu",
    "flash/test_uart.py": r"romboot flash firmware.hex --device \S+ --rom \S+",
    "flash/test_usb.py": r"romboot flash firmware.dfu --(device|usb) \S+",
    "every test that builds": r"objdump -h .*",
}


def test_no_command_is_forgotten() -> None:
    here = {*FROM_SOURCES, REMOVE, *BY_USB, *TESTS, FUZZ}
    blocks = (PIECES, BENCH, CLIENTS)
    here |= {line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()}
    assert here <= pages.commands(), "no page has these any more"
    for line in pages.commands() - here:
        assert any(re.fullmatch(way, line) for way in ELSEWHERE.values()), f"no test runs: {line}"


def run(
    line: str, names: Mapping[str, str], folder: Path, environment: Mapping[str, str] = os.environ
) -> str:
    """A command as a shell takes it; what it printed."""
    for name, here in names.items():
        line = line.replace(name, here)
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", line], capture_output=True, text=True, timeout=250, cwd=folder,
        env={**environment, "PATH": path, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, line + done.stdout + done.stderr
    return done.stdout


def at(console: str, rom: str = "") -> dict[str, str]:
    """Names of this board's ports, for those in the pages; mpremote is told its own."""
    names = {"/dev/ttyACM0": console, "mpremote ": f"mpremote connect {console} "}
    return names | ({"/dev/ttyUSB0": rom} if rom else {})


@pytest.mark.thorough
def test_a_session_with_the_sources(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to(ROOT / "lib")
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        names = {"github:romboot/romboot/": "./"} | at(target.console)
        for line in FROM_SOURCES:
            said = run(line, names, tmp_path)
            assert ("listens on  USART1 PA9/PA10" in said) == ("info" in line)
        assert target.arrival().clean


def test_the_package_of_all_families_names_files_that_are_there() -> None:
    """It does not fit every file system."""
    files = json.loads((ROOT / "package.json").read_text())["urls"]
    assert len(files) > 20
    for _, source in files:
        assert (ROOT / source).is_file()


def write(folder: Path) -> None:
    """New firmware for a PYBv1.1, as the pages call its files; those go into this folder."""
    pieces = sorted(load_image(build("PYBV11", frozen_manifest=MANIFEST)))
    (folder / "firmware.dfu").write_bytes(dfu_util.file(pieces))
    _, behind_files = flatten([piece for piece in pieces if piece[0] >= 0x08020000])
    (folder / "firmware.bin").write_bytes(behind_files)


def test_a_session_by_usb(tmp_path: Path) -> None:
    """The board's own USB. What is flashed is the same firmware, with the library frozen in."""
    write(tmp_path)
    with usb_board("PYBV11", build("PYBV11")) as board:
        for line in BY_USB:
            in_rom = line.startswith(("romboot leave", "dfu-util"))
            board.until_rom() if in_rom else board.until_application()
            said = run(line, {}, tmp_path, board.environment())
            if "info" in line:
                assert "listens on  USART1 PA9/PA10" in said
            if line == "romboot flash firmware.dfu":
                (shown,) = re.findall(r"```\n(file .*?)```", README.read_text(), re.S)
                assert pattern(said) == pattern(shown)


def pattern(text: str) -> str:
    """Without sizes and times, which differ from one build and machine to the next, and without
    the lines that stand for the bars of a terminal."""
    text = re.sub(r"^(erasing|writing) .*\n", "", text, flags=re.M)
    return re.sub(r"\d+ KiB|\d+\.\d s|serial number \w+", "*", text)


@pytest.mark.parametrize("one_piece", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_new_firmware_by_uart(one_piece: bool, tmp_path: Path) -> None:
    """Files stay, but not where the image is written in one piece, as docs/flashing.md says."""
    block = PIECES
    if one_piece:
        lines = block.splitlines()
        block = "\n".join([*lines[:2], "stm32flash -w firmware.hex -v -g 0x08000000 /dev/ttyUSB0"])
    image = build(BOARD, frozen_manifest=MANIFEST)
    hex_file = str(tmp_path / "firmware.hex")
    subprocess.run(["objcopy", "-O", "ihex", str(image), hex_file], check=True)
    with VirtualTarget.boot(BOARD, image) as target:
        target.ok("exec", "with open('mine.txt', 'w') as f: f.write('mine')")
        names = at(target.console, target.rom_port) | {"stm32flash": "stm32flash -m 8n1"}
        said = run(block, names, tmp_path)
        assert "Starting execution at address 0x08000000... done." in said
        files = target.ok("exec", "import os; print(os.listdir())")
        assert ("mine.txt" in files) != one_piece


def test_two_copies_and_their_removal() -> None:
    """As docs/library.md says: which of two copies runs, a .py before a .mpy; rm -r takes one
    away."""
    make = "import os; [os.mkdir(f) for f in ('/lib', '/lib/romboot', '/romboot')]"
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        target.ok("exec", make)
        for folder in ("/lib/romboot", "/romboot"):
            for name in ("__init__.py", "__init__.mpy"):
                target.ok("exec", f"open('{folder}/{name}', 'w').close()")
        which = "import romboot; print(romboot.__file__)"
        assert target.ok("exec", which).strip() == "romboot/__init__.py"
        target.ok("rm", "-r", ":romboot")
        assert target.ok("exec", which).strip() == "/lib/romboot/__init__.py"
        target.ok(*shlex.split(REMOVE)[1:])
        assert target.ok("exec", "import os; print(os.listdir('/lib'))").strip() == "[]"


def test_a_session_with_romboot_bench(tmp_path: Path) -> None:
    """Block by block, as in two terminals."""
    build(BOARD)  # not while the clock runs
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = shlex.split(BENCH.replace(".venv/bin", str(BIN)))
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as bench:
        try:
            assert bench.stdout
            assert any("ports/rom" in line for line in bench.stdout)
            said = run(CLIENTS, {".venv/bin": str(BIN)}, tmp_path)
        finally:
            bench.terminate()
            bench.communicate()
    assert said.startswith("42\n") and "Device ID    : 0x0419" in said
    assert (tmp_path / "read.bin").stat().st_size == 256


@pytest.mark.thorough
@pytest.mark.parametrize("line", TESTS)
def test_pytest_with_a_device(line: str) -> None:
    """The tests against "a real board", some of them: here it is a virtual one behind the same two
    ports."""
    image = build(BOARD, frozen_manifest=MANIFEST)
    with VirtualTarget.boot(BOARD, image if "--write" in line else build(BOARD)) as target:
        line = line.replace("/dev/ttyACM0", target.console).replace("firmware.hex", str(image))
        line = line.replace("/dev/ttyUSB0", target.rom_port)
        some = "stm32" if "--write" in line else "an_error or stm32flash or exec_and_return"
        more = ["-p", "no:cacheprovider", "-k", some]
        more += ["host_tests/test_entry.py", "host_tests/test_clients.py"]
        done = subprocess.run(
            [str(BIN / "pytest"), *shlex.split(line)[1:], *more],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("3 passed" if "--write" in line else "3 passed, 1 skipped") in done.stdout
        look = "try:\n    import romboot; print('there')\nexcept ImportError: print('clean')"
        assert target.ok("exec", look).strip() == ("there" if "--write" in line else "clean")


@pytest.mark.thorough
def test_with_a_device_only_tests_for_a_board_run() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += ["--device=/dev/not-there", "--rom-port=/dev/not-there"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=250)
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(tests) > 5 and all(re.search(r"[\[-]device[\]-]", test) for test in tests)


def test_a_device_needs_the_port_of_its_rom() -> None:
    command = [sys.executable, "-m", "pytest", "--device=/dev/not-there"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=250)
    assert done.returncode != 0 and "--device needs --rom-port" in done.stderr


def test_the_fuzz() -> None:
    """A few states; test_fuzz.py does more."""
    command = [sys.executable, *shlex.split(FUZZ)[1:], "--states", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.boards(BOARD)
def test_the_python_of_the_readme(virtual: VirtualTarget) -> None:
    block, boot = pages.blocks("python")
    virtual.ok("exec", boot)
    code = block.replace("romboot.enter_bootloader()  ", "pass  ")
    assert code != block
    output = virtual.ok("exec", code)
    assert "listens on" in output
    virtual.ok("exec", "open('update', 'w').close()")
    virtual.ok("exec", "--no-follow", boot)
    assert str(virtual.arrival()) == CLEAN
