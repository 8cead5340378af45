"""Runs mpremote, as a user would: its command line, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..errors import CliError

TIMEOUT = 120  # seconds; a board that does not answer makes mpremote wait for ever


def run(port: str, *words: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """`mpremote connect PORT WORDS...`, its output captured; any exit code is returned."""
    command = [sys.executable, "-m", "mpremote", "connect", port, *words]
    # Its own lines and those of the board come in order only if none is kept back.
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise CliError(
            f"{port} gave no answer for {timeout:.0f} s: is MicroPython running there, and does "
            "no other program hold the port?"
        ) from error


def execute(port: str, code: str, *, mount: Path | None = None) -> str:
    """Run code on the board, with a folder mounted or not; what was printed."""
    done = run(port, *(("mount", str(mount)) if mount else ()), "exec", code)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise CliError(lines[-1] if lines else f"mpremote ended with code {done.returncode}")
    return done.stdout
