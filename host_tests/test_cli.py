"""The `romboot` command, as a user would type it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tests.target import ROOT, VirtualTarget
from tools.cli import measure
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
ROMBOOT = [sys.executable, "-c", "import sys; from tools.cli import main; sys.exit(main())"]


def romboot(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*ROMBOOT, *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=200, cwd=cwd, env=environment
    )


@pytest.mark.parametrize("whose", ["--installed", None])
def test_info(virtual: VirtualTarget, whose: str | None, tmp_path: Path) -> None:
    """The board's library, and this checkout's, from another folder."""
    words = [whose] if whose else []
    done = romboot("info", *words, "--device", virtual.console, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DEV_ID 0x4" in done.stdout and "USB DFU PA11/PA12" in done.stdout


def test_plan(virtual: VirtualTarget) -> None:
    done = romboot("plan", "--installed", "--device", virtual.console)
    assert done.returncode == 0, done.stderr
    assert "The way is free" in done.stdout
    assert "0x40013800  SYSCFG+00   00000000 -> 00000001" in done.stdout


def test_enter_and_identify(virtual: VirtualTarget) -> None:
    assert virtual.rom
    done = romboot("enter", "--installed", "--device", virtual.console, "--rom", virtual.rom)
    assert done.returncode == 0, done.stderr
    assert "protocol 3.1, DEV_ID 0x4" in done.stdout
    assert virtual.arrival().clean


def test_a_refusal_is_a_sentence_and_exit_code_1(virtual: VirtualTarget) -> None:
    """Readout protection level 2, as option bytes have it."""
    with virtual.server.paused() as board:
        board.soc.flash.put("OPTCR", 0x0FFFCCED)
    done = romboot("enter", "--installed", "--device", virtual.console)
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: readout protection is at level 2")
    done = romboot("plan", "--installed", "--device", virtual.console)
    assert done.returncode == 1
    assert "NO: readout protection is at level 2" in done.stdout


def test_a_wrong_port() -> None:
    done = romboot("info", "--device", "/dev/not-there")
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: there is no port /dev/not-there")
    assert "Traceback" not in done.stderr


def test_no_rom_where_it_is_looked_for(virtual: VirtualTarget) -> None:
    """The console of a NUCLEO is on pins that the ROM does not listen on."""
    if virtual.console == virtual.rom:
        pytest.skip("one cable serves both on this board")
    done = romboot("enter", "--installed", "--device", virtual.console, "--rom", virtual.console)
    assert done.returncode == 1
    assert "no ROM bootloader answers" in done.stderr


@pytest.mark.parametrize("words", [["bench", "NOPE"], ["demo", "--firmware", "not-there.bin"]])
def test_a_wrong_name(words: list[str]) -> None:
    done = romboot(*words)
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: ") and "Traceback" not in done.stderr


def test_a_wrong_command_line() -> None:
    assert romboot("dance").returncode == 2


@pytest.mark.every_board
def test_demo(board_name: str, pytestconfig: pytest.Config) -> None:
    if board_name == "device":
        pytest.skip("the demo is about a virtual board")
    image = pytestconfig.getoption("--firmware")
    done = romboot("demo", board_name, *(["--firmware", str(image)] if image else []))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "registers that are not as a reset leaves them: 0" in done.stdout
    assert "romboot 0.1.0" in done.stdout


def test_measure_and_what_it_may_cost(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = romboot("measure", "NUCLEO_F429ZI", "--json", str(figures))
    assert done.returncode == 0, done.stderr
    measured = json.loads(figures.read_text())
    jump, reset, *_ = measured["ways"]
    assert jump["registers_off"] == reset["registers_off"] == 0
    assert jump["blackout"] < 1_300
    assert jump["call_to_rom"] < 80_000
    frozen, files = measured["size"]["heap"]
    assert frozen["peak"] < 4 * 1024
    assert files["peak"] < 12 * 1024


def test_measure_an_image_without_the_library(tmp_path: Path) -> None:
    """As an official one: the library goes into the board's file system."""
    image, figures = build(BOARD), tmp_path / "figures.json"
    done = romboot("measure", BOARD, "--firmware", str(image), "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert "the library is as .mpy files in the board's file system" in done.stdout
    jump, reset, machine, tutorial = json.loads(figures.read_text())["ways"]
    assert jump["registers_off"] == reset["registers_off"] == 0
    assert jump["blackout"] < 2_000 and reset["blackout"] < 10_000
    assert {"SCB.VTOR", "SCB.CPACR"} <= set(machine["names_off"])
    assert tutorial["blackout"] is None and "| for ever |" in done.stdout


def test_measure_says_why_a_way_never_gets_there() -> None:
    """Its heap is in SDRAM, so no way through a reset."""
    board = "STM32F429DISC"
    image = build(board, frozen_manifest=ROOT / "manifest.py")
    refused = measure.cost(board, image, "by reset", measure.BY_RESET)
    assert refused.call_to_rom is None
    assert refused.failed.startswith("HookError: via='reset': the heap is at 0xD0")
    tutorial = measure.TUTORIAL.read_text() + "\nGO = jump"
    faulted = measure.cost(board, image, "the tutorial", tutorial)
    assert "fetched from memory that may not be executed" in faulted.failed


def test_bench_until_ctrl_c(tmp_path: Path) -> None:
    build(BOARD)  # not while the clock runs
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    flash = tmp_path / "flash.bin"
    command = [*ROMBOOT, "bench", BOARD, "--link", str(tmp_path), "--flash", str(flash)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as bench:
        end = time.monotonic() + 60
        while not (tmp_path / "console").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        port = str(tmp_path / "console")
        words = [sys.executable, "-m", "mpremote", "connect", port, "exec", "print(6*7)"]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60)
        bench.send_signal(signal.SIGINT)
        output, errors = bench.communicate(timeout=20)
    assert said.stdout == "42\n"
    assert bench.returncode == 0, errors
    assert "console" in output and "PD8/PD9" in output
    assert not (tmp_path / "console").exists()
    assert flash.stat().st_size == 2048 * 1024
