"""Runs `romboot prove`, and does meanwhile what a person would."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tests.target import ROOT
from host_tests.test_cli import ROMBOOT
from tools.bench.lot import UID
from tools.bench.usb.device import serial_number
from tools.cli.prove import form

JANE = "jane-of-the-test"  # a name that is in paths and variables, and must be in no report
LONGEST_S = 90.0


@dataclass
class Done:
    """What it said, and its report, {} if there is none."""

    code: int
    output: str
    errors: str
    report: dict[str, Any]

    def outcomes(self, step: str, key: str = "outcome") -> list[str]:
        """Of each step of this name."""
        return [each.get(key, "") for each in self.report["steps"] if each["step"] == step]


def prove(
    folder: Path,
    words: Sequence[str],
    environment: Mapping[str, str],
    on: Mapping[str, Callable[[], object]] | None = None,
    ctrl_c: str = "",
) -> Done:
    """One run in a folder of its own.

    Args:
        on: what is done when a line begins so.
        ctrl_c: is pressed then.
    """
    home = folder / JANE
    home.mkdir(exist_ok=True)
    command = [*ROMBOOT, "prove", *words, "--report", str(home / "report.json")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home,
        env={**environment, "PYTHONPATH": str(ROOT), "USER": JANE, "HOME": str(home)},
    ) as process:  # fmt: skip
        assert process.stdout
        guard = threading.Timer(LONGEST_S, process.kill)
        guard.start()
        output = ""
        for line in process.stdout:
            output += line
            name = line.split()[0]
            (on or {}).get(name, str)()
            if name == ctrl_c:
                process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        guard.cancel()
    path = home / "report.json"
    text = path.read_text() if path.exists() else "{}"
    assert not private(text), text
    assert text == "{}" or form.read(path).virtual, "of a virtual board"
    assert "Traceback" not in errors
    return Done(process.returncode, output, errors, json.loads(text))


def private(text: str) -> list[str]:
    """What is in it that names this chip, or where this test runs."""
    words = [UID[i : i + 4] for i in (0, 4, 8)]
    names = [f"{int.from_bytes(w, order):08x}" for w in words for order in ("little", "big")]
    names += [UID.hex(), UID[::-1].hex(), serial_number(UID), JANE, str(ROOT), "/dev", "ttyACM"]
    return [name for name in names if name.lower() in text.lower()]
