"""Every command of README.md is run here, as it stands there but for names of ports and files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.target import CLEAN, ENTER, MANIFEST, ROOT, VirtualTarget
from host_tests.test_cli import ROMBOOT
from host_tests.usb import usb_board
from tools import cli
from tools.bench.image import flatten, load_image
from tools.cli.flash import dfu_util
from tools.firmware import build

README = (ROOT / "README.md").read_text()
BOARD = "NUCLEO_F429ZI"


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", README, re.S)


def commands() -> list[str]:
    """What stands in sh blocks and, in backticks, in tables."""
    lines = [line.partition("  #")[0].strip() for b in blocks() for line in b.splitlines()]
    tables = re.findall(r"^\|.*\|$", README, re.M)
    lines += [code for row in tables for code in row.split("`")[1::2] if " " in code]
    return [line for line in lines if line]


def these(program: str) -> list[str]:
    """But for those of the session with `romboot bench`, which run together."""
    session = " ports"
    return sorted(
        {line for line in commands() if shlex.split(line)[0] == program and session not in line}
    )


def test_no_command_is_forgotten() -> None:
    tested = ("mpremote", "make", "stm32flash", ".venv/bin/pytest", ".venv/bin/python")
    tested += ("romboot", "pip", "objcopy", "sleep", ".venv/bin/romboot", ".venv/bin/mpremote")
    tested += ("env",)  # with romboot bench --usb: test_usb.py
    for line in commands():
        assert shlex.split(line)[0] in tested, f"no test here runs: {line}"


def local(line: str) -> str:
    """What a user has from the network stands for what is here."""
    line = line.replace("github:romboot/romboot/lib/", "./lib/")
    return line.replace("github:romboot/romboot", "./package.json")


def on_a_board() -> list[str]:
    """The package of all families does not fit every file system: see the next test."""
    lines = {local(line) for line in these("mpremote")}
    return sorted(line for line in lines if "/package.json" not in line)


def test_the_package_of_all_families_names_files_that_are_there() -> None:
    files = json.loads((ROOT / "package.json").read_text())["urls"]
    assert len(files) > 20
    for _, source in files:
        assert (ROOT / source).is_file()


@pytest.mark.parametrize("line", on_a_board())
def test_mpremote(line: str) -> None:
    frozen = None if re.search("install|cp|mount", line) else MANIFEST
    with VirtualTarget.boot(BOARD, build(BOARD, frozen_manifest=frozen)) as target:
        words = [sys.executable, "-m", "mpremote", "connect", target.console]
        done = subprocess.run(
            [*words, *shlex.split(line)[1:]], capture_output=True, text=True, cwd=ROOT, timeout=90
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if "enter_bootloader" in line:
            assert target.arrival().clean
        elif "info" in line:
            assert "listens on  USART1 PA9/PA10" in done.stdout
        else:
            target.ok("exec", ENTER)
            assert target.arrival().clean


FLASHING = ("flash", "read", "leave", "boards")


def written(folder: Path) -> Path:
    """New firmware for a PYBv1.1, as README.md calls its files; those go into this folder."""
    image = build("PYBV11", frozen_manifest=MANIFEST)
    pieces = sorted(load_image(image))
    (folder / "firmware.dfu").write_bytes(dfu_util.file(pieces))
    _, behind_files = flatten([piece for piece in pieces if piece[0] >= 0x08020000])
    (folder / "firmware.bin").write_bytes(behind_files)
    subprocess.run(["objcopy", "-O", "ihex", image, folder / "firmware.hex"], check=True)
    return image


@pytest.mark.parametrize("line", [x for x in these("romboot") if x.split()[1] in FLASHING])
def test_flashing(line: str, tmp_path: Path) -> None:
    """By the board's own USB, or with --rom by two serial ports."""
    words = [*ROMBOOT, *shlex.split(line)[1:]]
    image = written(tmp_path)
    if "--rom" in line:
        with VirtualTarget.boot("PYBV11", image) as target:
            ports = {"/dev/ttyACM0": target.console, "/dev/ttyUSB0": target.rom_port}
            done = subprocess.run(
                [ports.get(word, word) for word in words],
                capture_output=True, text=True, timeout=120, cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
    else:
        with usb_board("PYBV11", image) as board:
            board.until_application()
            if "leave" in words:
                board.enter()
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=120, cwd=tmp_path,
                env={**board.environment(), "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    if line == "romboot flash firmware.dfu":
        (shown,) = re.findall(r"```\n(file .*?)```", README, re.S)
        assert pattern(done.stdout) == pattern(shown)


def pattern(text: str) -> str:
    """Without sizes and times, which differ from one build and machine to the next, and without
    the lines that stand for the bars of a terminal."""
    text = re.sub(r"^(erasing|writing) .*\n", "", text, flags=re.M)
    return re.sub(r"\d+ KiB|\d+\.\d s|serial number \w+", "*", text)


@pytest.mark.parametrize("line", [x for x in these("romboot") if x.split()[1] not in FLASHING])
def test_romboot(line: str) -> None:
    """With --device: what the others print is in test_cli.py. test_wheel.py is about pip."""
    with VirtualTarget.boot(BOARD, build(BOARD)) as target:
        words = shlex.split(line.replace("/dev/ttyACM0", target.console))[1:]
        assert cli.main(words) == 0
        target.ok("exec", ENTER)
        assert target.arrival().clean


@pytest.mark.parametrize("line", these("make"))
def test_make(line: str) -> None:
    """That make knows the target; what demo and measure do is in test_cli.py."""
    done = subprocess.run([*shlex.split(line), "-n"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("one_piece", [False, True])
def test_new_firmware_by_uart(one_piece: bool, tmp_path: Path) -> None:
    """Files stay, but not where the image is written in one piece, as README.md says."""
    (block,) = (block for block in blocks() if "objcopy" in block)
    if one_piece:
        lines = block.splitlines()
        block = "\n".join([*lines[:2], "stm32flash -w firmware.hex -v -g 0x08000000 /dev/ttyUSB0"])
    image = build(BOARD, frozen_manifest=MANIFEST)
    hex_file = str(tmp_path / "firmware.hex")
    subprocess.run(["objcopy", "-O", "ihex", str(image), hex_file], check=True)
    with VirtualTarget.boot(BOARD, image) as target:
        target.ok("exec", "with open('mine.txt', 'w') as f: f.write('mine')")
        block = block.replace("mpremote", f"{sys.executable} -m mpremote connect {target.console}")
        block = block.replace("stm32flash", "stm32flash -m 8n1")
        block = block.replace("/dev/ttyUSB0", target.rom_port)
        done = subprocess.run(
            ["sh", "-e", "-c", block], capture_output=True, text=True, cwd=tmp_path, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Starting execution at address 0x08000000... done." in done.stdout
        files = target.ok("exec", "import os; print(os.listdir())")
        assert ("mine.txt" in files) != one_piece


def test_two_copies_and_their_removal() -> None:
    """As README.md says: which of two copies runs, a .py before a .mpy; rm -r takes one away."""
    (remove,) = {line for line in README.split("`") if line.startswith("mpremote rm")}
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
        target.ok(*shlex.split(remove)[1:])
        assert target.ok("exec", "import os; print(os.listdir('/lib'))").strip() == "[]"


def test_a_session_with_romboot_bench(tmp_path: Path) -> None:
    """Block by block, as in two terminals."""
    start, session = (block for block in blocks() if " ports" in block)
    build(BOARD)  # not while the clock runs
    folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = shlex.split(start.replace(".venv/bin", folder))
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as bench:
        try:
            assert bench.stdout
            assert any("ports/rom" in line for line in bench.stdout)
            done = subprocess.run(
                ["sh", "-e", "-c", session.replace(".venv/bin", folder)],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env=environment,
                timeout=120,
            )
        finally:
            bench.terminate()
            bench.communicate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("42\n") and "Device ID    : 0x0419" in done.stdout
    assert (tmp_path / "read.bin").stat().st_size == 256


@pytest.mark.thorough
@pytest.mark.parametrize("line", these(".venv/bin/pytest"))
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
        program = str(Path(sys.executable).with_name("pytest"))
        done = subprocess.run(
            [program, *shlex.split(line)[1:], *more],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("3 passed" if "--write" in line else "3 passed, 1 skipped") in done.stdout
        look = "try:\n    import romboot; print('there')\nexcept ImportError: print('clean')"
        assert target.ok("exec", look).strip() == ("there" if "--write" in line else "clean")


def test_a_device_needs_the_port_of_its_rom() -> None:
    command = [sys.executable, "-m", "pytest", "--device=/dev/not-there"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode != 0 and "--device needs --rom-port" in done.stderr


@pytest.mark.parametrize("line", these(".venv/bin/python"))
def test_a_module_of_tools(line: str) -> None:
    """The fuzz: a few states; test_fuzz.py does more."""
    command = [sys.executable, *shlex.split(line)[1:], "--states", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_python_of_the_readme(virtual: VirtualTarget) -> None:
    block, boot = re.findall(r"```python\n(.*?)```", README, re.S)
    virtual.ok("exec", boot)
    code = block.replace("romboot.enter_bootloader()  ", "pass  ")
    assert code != block
    output = virtual.ok("exec", code)
    assert "listens on" in output
    virtual.ok("exec", "open('update', 'w').close()")
    virtual.ok("exec", "--no-follow", boot)
    assert str(virtual.arrival()) == CLEAN
