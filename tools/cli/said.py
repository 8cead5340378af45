"""What a command says on standard output, and how it ends that does not succeed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from .errors import CliError, Code

OWN_JSON = "measure"  # its --json names a file
BEGAN = time.monotonic()
ended_by: list[str] = []  # names of signals that have come, other than that of Ctrl-C


class Output:
    """Standard output. If that cannot be written, what is under way goes on: standard error takes
    its place, as on a full disk. A reader that ended early, such as head, wants no more.

    Attributes:
        lost: it was not the reader who ended.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.lost = stream, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """At once, so that an error is of this text."""
        text = printable(text)
        try:
            return self._write(text)
        except BrokenPipeError:
            place = os.open(os.devnull, os.O_WRONLY)
        except OSError as error:
            self.lost = True
            why = f"standard output cannot be written ({error.strerror}): it goes on here"
            print(f"romboot: {why}", file=sys.stderr, flush=True)
            place = sys.stderr.fileno()
        os.dup2(place, self._stream.fileno())
        return self._write(text)

    def _write(self, text: str) -> int:
        self._stream.write(text)
        self._stream.flush()
        return len(text)


def printable(text: str) -> str:
    """With escapes for what a terminal would obey: it may be in the name of a file."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def at_s() -> float:
    """Seconds since the command began."""
    return round(time.monotonic() - BEGAN, 3)


def in_json(words: Sequence[str]) -> bool:
    """This command line wants objects."""
    return "--json" in words and OWN_JSON not in words


def ends(error: CliError, *, as_json: bool) -> None:
    """Say why."""
    if as_json:
        about = {
            "state": "error", "text": str(error), "at_s": at_s(), "exit_code": error.exit_code,
            "next": [n._asdict() for n in error.next],
        }  # fmt: skip
        print(json.dumps(about))
    else:
        print(f"romboot: {printable(error.lines)}", file=sys.stderr)


def interrupted() -> CliError:
    """By Ctrl-C, or by another signal."""
    return CliError(f"ended by {ended_by[0]}" if ended_by else "Ctrl-C", Code.INTERRUPTED)


def stopped(words: Sequence[str]) -> Code:
    """The same, where no command has more to say."""
    error = interrupted()
    if in_json(words):
        ends(error, as_json=True)
    return error.exit_code
