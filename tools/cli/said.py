"""How a command ends that does not succeed: a sentence, or with --json an object."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from .errors import CliError

OWN_JSON = "measure"  # its --json names a file


class StoppedError(CliError):
    """By Ctrl-C, where no command has more to say."""

    code = 130

    def __init__(self) -> None:
        super().__init__("Ctrl-C")


def in_json(words: Sequence[str]) -> bool:
    """This command line wants objects."""
    return "--json" in words and OWN_JSON not in words


def ends(error: CliError, *, as_json: bool) -> None:
    """Say why."""
    if as_json:
        then = [{"command": n.command, "about": n.about} for n in error.next]
        about = {"state": "error", "text": str(error), "exit_code": error.code, "next": then}
        print(json.dumps(about), flush=True)
    else:
        print(f"romboot: {error.lines}", file=sys.stderr)
