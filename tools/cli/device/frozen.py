"""What lib/manifest.py freezes for one chip alone: its tables, and those of no other die.

    python -m tools.cli.device.frozen NAME    prints its family, and the folder that has them

It needs Python 3.11 and nothing that is to be installed. Exit codes: as of `romboot script`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from ... import packages, paths
from ...tables.compiler import modules
from ...tables.family import Die, Family
from ..errors import CliError, Code
from .script import chip


def main(name: str) -> int:
    """Print family and folder, or on stderr why there is no such chip."""
    try:
        family, die = chip(name)
    except CliError as error:
        print(str(error).replace("--chip", "chip="), file=sys.stderr)
        return error.code or Code.OTHER
    print(packages.short(family), folder(family, die), sep="\n")
    return 0


def folder(family: Family, die: Die) -> Path:
    """The modules that tools/tables makes of this die, in a folder of the cache. A file that is
    there stays as it is, so that a build does not take it for new."""
    sources = modules([family.only(die)])
    digest = hashlib.sha256("\0".join([*sources, *sources.values()]).encode()).hexdigest()[:16]
    made = paths.cache() / "chips" / digest / "romboot"
    made.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        if not (made / name).exists():
            part = made / f"{name}.{os.getpid()}"
            part.write_text(text, encoding="utf-8")
            part.replace(made / name)
    return made.parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
