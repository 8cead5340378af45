"""The one error type of the command line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

try:
    from termios import error as _termios_error
except ImportError:  # not on Windows
    PORT_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError)
else:
    PORT_ERRORS = (OSError, ValueError, _termios_error)  # it is no OSError


def command_line(*words: str) -> str:
    """A command of romboot, ready to paste into a shell of this system."""
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return join(["romboot", *words])


def in_shell(sentence: str) -> str:
    """A sentence of the library, with the option of this program in place of the argument."""
    return sentence.replace("force=True", "--force")


class Next(NamedTuple):
    """A command that the user may type next, and what for, such as "To read it from there"."""

    command: str
    about: str


class CliError(Exception):
    """A sentence for the user: what was seen, what it means, what to do. `code`: the exit code.
    `next`: commands that help, ready to paste."""

    code = 1
    next: Sequence[Next] = ()

    @property
    def lines(self) -> str:
        """All of it, to be read."""
        return "\n".join([str(self), *(f"{n.about}:\n  {n.command}" for n in self.next)])
