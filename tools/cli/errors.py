"""The one error type of the command line, and the exit codes of all commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

try:
    from termios import error as _termios_error
except ImportError:  # not on Windows
    PORT_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError)
else:
    PORT_ERRORS = (OSError, ValueError, _termios_error)  # it is no OSError


class Code(IntEnum):
    """Exit codes, in the order in which things can go wrong."""

    DONE = 0
    OTHER = 1
    COMMAND_LINE = 2
    NO_BOARD = 3
    SEVERAL = 4
    REFUSED = 5
    NOT_ENTERED = 6
    NO_ROM = 7
    NO_RIGHT = 8
    BROKEN_OFF = 9
    NOT_THE_SAME = 10
    NOT_BACK = 11
    HELD = 12
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done; 1 anything else, such as a file that is no image; 2 wrong command line; "
    "3 no board, or no such port; 4 several boards; 5 refused; 6 no prompt answers, or the board "
    "did not leave it, or came back to it; 7 it left its prompt, but its ROM was not found; 8 no "
    "permission to open it; 9 erasing, writing or reading broke off; 10 what was read back is not "
    "the file; 11 the prompt did not come back; 12 another program holds the port or the "
    "DFU device; 130 Ctrl-C, or a request to end (SIGTERM, SIGHUP)."
)


def port_error(error: Exception) -> int | None:
    """errno of an error of a port. pyserial on Windows has it in the text alone: "could not open
    port 'COM5': FileNotFoundError(2, ..."."""
    in_text = re.search(r"\w+Error\((\d+),", str(error))
    return getattr(error, "errno", None) or (int(in_text[1]) if in_text else None)


def for_shell(*words: str) -> str:
    """A command, ready to paste into a shell of this system."""
    return (subprocess.list2cmdline if sys.platform == "win32" else shlex.join)(words)


def command_line(*words: str) -> str:
    """A command of romboot, ready to paste."""
    return for_shell("romboot", *words)


def in_shell(sentence: str) -> str:
    """A sentence of the library, with the option of this program in place of the argument."""
    return sentence.replace("force=True", "--force")


class Next(NamedTuple):
    """A command that the user may type next, and what for, such as "To read it from there"."""

    command: str
    about: str


Way = tuple[Sequence[str], str]
"""Options to be added to the user's command line, and what it does then."""


class CliError(Exception):
    """A sentence for the user: what was seen, what it means, what to do.

    code: None if it follows from where the board is then, or is OTHER.
    ways: with which options the command goes on.
    next: commands that help; without them those are named that flash.where knows.
    """

    code: Code | None = None

    def __init__(
        self,
        sentence: str,
        code: Code | None = None,
        ways: Sequence[Way] = (),
        next: Sequence[Next] = (),
    ) -> None:
        super().__init__(sentence)
        self.code = self.code if code is None else code
        self.ways = ways
        self.next = next

    @property
    def exit_code(self) -> Code:
        """Of the program."""
        return Code.OTHER if self.code is None else self.code

    @property
    def lines(self) -> str:
        """All of it, to be read."""
        return "\n".join([str(self), *(f"{n.about}:\n  {n.command}" for n in self.next)])


class GoneError(CliError):
    """The board has gone while the ROM was at work: nobody knows where it is now."""

    code = Code.BROKEN_OFF
