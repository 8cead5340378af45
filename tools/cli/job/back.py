"""Back to the prompt, and what it says of its firmware."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import CliError
from ..hosted.who import who
from ..port.prompt import Prompt

BOOT_S = 8.0  # from a reset to the prompt: a file system is made first, perhaps
GO_S = 5.0  # the same, after Go
ANSWER_S = 0.4  # of one question; what is sent while the firmware starts is lost


@dataclass(frozen=True)
class Firmware:
    """What a prompt says of itself, as asked.AtPrompt has it."""

    port: str
    machine: str
    version: str


def wait(where: Callable[[], str | None], seconds: float) -> Firmware | None:
    """The firmware whose prompt answers; None if none does in time. where: its port, if it is
    there already."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        port = where()
        if port is None:
            time.sleep(0.02)
            continue
        try:
            prompt = Prompt(port, fresh=False, answer_s=ANSWER_S)
        except CliError:
            time.sleep(0.05)
            continue
        try:
            said = who(prompt)
            return Firmware(port, said.machine, said.version)
        except (CliError, ValueError, SyntaxError):
            continue
        finally:
            prompt.close()
    return None
