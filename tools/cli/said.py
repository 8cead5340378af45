"""How a command ends that does not succeed: a sentence, or with --json an object."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from .errors import CliError, Code

OWN_JSON = "measure"  # its --json names a file


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
        print(json.dumps(about), flush=True)
    else:
        print(f"romboot: {error.lines}", file=sys.stderr)


def stopped(words: Sequence[str]) -> Code:
    """By Ctrl-C, where no command has more to say."""
    error = CliError("Ctrl-C", Code.INTERRUPTED)
    if in_json(words):
        ends(error, as_json=True)
    return error.exit_code
