"""Files of the library on a virtual board, and its flash in a file."""

from __future__ import annotations

from pathlib import Path

from tools import packages, tables
from tools.bench.prompt import Prompt
from tools.cli.device import library
from tools.cli.virtual import installed


def install(prompt: Prompt) -> None:
    """The library for the family of the board, compiled, as mip would put it there."""
    dev_id = prompt.board.soc.chip.dev_id
    family = next(family for family, die in tables.dies() if die.dev_id == dev_id)
    modules = {Path(name).stem for name in packages.files(packages.short(family))}
    prompt.run("import os; os.mkdir('romboot')")
    for file in (library.compiled() / "romboot").iterdir():
        if file.stem in modules:
            copy(prompt, file)


def copy(prompt: Prompt, file: Path) -> None:
    """A file of the library."""
    installed.copy(prompt, file.read_bytes(), f"romboot/{file.name}")


def keep(prompt: Prompt, flash_file: Path) -> None:
    """What is in flash now."""
    prompt.run("import os; os.sync()")
    prompt.board.flash_file = flash_file
    prompt.board.close()
