"""The commands for a board on the desk need nothing that Windows or macOS has not got.

The libraries that they use (pyserial, mpremote) choose their own modules by system, so they are
imported first; then these modules are gone, as is the emulator.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.target import ROOT, VirtualTarget

pytestmark = pytest.mark.boards("NUCLEO_F429ZI")
ABSENT = ("pty", "fcntl", "termios", "tty", "resource", "unicorn")
CODE = f"""
import sys, subprocess
import serial, serial.tools.list_ports, mpremote.transport_serial, stm32loader.bootloader, tqdm
sys.modules.update(dict.fromkeys({ABSENT}))
from tools.cli import main
sys.exit(main())
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, cwd=ROOT)


@pytest.mark.parametrize(
    "words", ["--version", "--help", "info -h", "flash -h", "leave -h", "demo -h"]
)
def test_help(words: str) -> None:
    done = run(*words.split())
    assert done.returncode == 0, done.stderr


def test_the_virtual_board_cannot_run_there() -> None:
    done = run("demo")
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: demo needs "), done.stderr


@pytest.mark.thorough
def test_a_board(virtual: VirtualTarget, tmp_path: Path) -> None:
    assert virtual.rom
    rom = ["--rom", virtual.rom]
    (tmp_path / "a.bin").write_bytes(bytes(64))
    for words in (
        ["info", "--json"],
        ["plan"],
        ["flash", str(tmp_path / "a.bin"), "--dry-run", "--address", "0x08040000", *rom],
        ["read", str(tmp_path / "b.bin"), "--length", "512", *rom],
        ["enter", *rom],
        ["leave", *rom],
    ):
        done = run(*words, "--device", virtual.console)
        assert done.returncode == 0, done.stderr
    assert virtual.arrival().clean
