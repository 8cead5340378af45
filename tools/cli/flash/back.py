"""Back to the prompt, and what it says of its firmware."""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass

from ..errors import CliError
from ..prompt import Prompt
from .asked import WHO

BOOT_S = 8.0  # from a reset to the prompt: a file system is made first, perhaps
GO_S = 5.0  # the same, after Go
ANSWER_S = 0.4  # of one question; what is sent while the firmware starts is lost


@dataclass(frozen=True)
class Firmware:
    """What a prompt says of itself, as of asked.Board."""

    machine: str
    version: str


def wait(port: str, seconds: float) -> Firmware | None:
    """The firmware whose prompt answers at this port; None if none does in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            prompt = Prompt(port, fresh=False, answer_s=ANSWER_S)
        except CliError:
            time.sleep(0.05)
            continue
        try:
            _, version, machine, _ = ast.literal_eval(prompt.run(WHO))
            return Firmware(machine, version.rpartition("MicroPython ")[2])
        except (CliError, ValueError, SyntaxError):
            continue
        finally:
            prompt.close()
    return None
