"""Files for a board, over nothing but its prompt."""

from __future__ import annotations

from binascii import b2a_base64
from pathlib import Path

from tools import packages, tables
from tools.bench.prompt import Prompt
from tools.cli import library

CHUNK = 512  # bytes of a file in one command


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
    content = file.read_bytes()
    prompt.run(f"from binascii import a2b_base64; f = open('romboot/{file.name}', 'wb')")
    for at in range(0, len(content), CHUNK):
        prompt.run(f"f.write(a2b_base64({b2a_base64(content[at : at + CHUNK])}))")
    prompt.run("f.close()")


def keep(prompt: Prompt, flash_file: Path) -> None:
    """What is in flash now."""
    prompt.run("import os; os.sync()")
    prompt.board.flash_file = flash_file
    prompt.board.close()
