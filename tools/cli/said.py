"""How a command ends that does not succeed: a sentence, or with --json an object."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from .errors import CliError, Code

OWN_JSON = "measure"  # its --json names a file


lost: list[OSError] = []  # why standard output could not be written


def say(text: str) -> None:
    """On standard output. If that cannot be written, what is under way goes on."""
    try:
        print(text, flush=True)
    except OSError as error:
        instead(error)
        print(text, flush=True)


def instead(error: OSError) -> None:
    """Standard output cannot be written, as on a full disk: standard error takes its place. A
    reader that ended early, such as head, wants no more."""
    if isinstance(error, BrokenPipeError):
        place = os.open(os.devnull, os.O_WRONLY)
    else:
        lost.append(error)
        why = f"standard output cannot be written ({error.strerror}): it goes on here"
        print(f"romboot: {why}", file=sys.stderr, flush=True)
        place = sys.stderr.fileno()
    os.dup2(place, sys.stdout.fileno())


def in_json(words: Sequence[str]) -> bool:
    """This command line wants objects."""
    return "--json" in words and OWN_JSON not in words


def ends(error: CliError, *, as_json: bool) -> None:
    """Say why."""
    if as_json:
        about = {
            "state": "error", "text": str(error), "exit_code": error.exit_code,
            "next": [n._asdict() for n in error.next],
        }  # fmt: skip
        say(json.dumps(about))
    else:
        print(f"romboot: {error.lines}", file=sys.stderr)


def stopped(words: Sequence[str]) -> Code:
    """By Ctrl-C, where no command has more to say."""
    error = CliError("Ctrl-C", Code.INTERRUPTED)
    if in_json(words):
        ends(error, as_json=True)
    return error.exit_code
