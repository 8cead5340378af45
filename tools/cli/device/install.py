"""romboot install: the library, compiled for the board's firmware, with the tables of its chip.

Of the tables only what is about its die goes along. All is copied under another name first, so
that a copy that is interrupted is never half a library.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ... import packages, paths, tables
from ...tables.family import Die, Family
from ..errors import CliError, Code, Next, for_shell
from ..hosted.who import who
from ..job import asked
from ..job.job import Job
from ..job.where import Where
from ..port.prompt import BoardError, Prompt
from . import library

NAME = "romboot"
PARTIAL = "romboot.part"  # no name that can be imported
# FAT (Microsoft, "FAT32 File System Specification"): bytes of a directory entry, and characters of
# a long name in each further one
ENTRY, LONG = 32, 13

LOOK = """
import os, sys
def entries(path):
    try:
        return list(os.ilistdir(path or '/'))
    except OSError:
        return []
lib = [p for p in sys.path if p.endswith('/lib') and not p.startswith('/rom')]
homes = [p or os.getcwd() for p in sys.path if not p.startswith('.') and p[:4] != '/rom']
old = []
foreign = []
for home in [p.rstrip('/') for p in homes]:
    for entry in entries(home):
        name, path = entry[0], home + '/' + entry[0]
        if name in ('romboot.py', 'romboot.mpy'):
            foreign.append(path)
        if name == 'romboot':
            inner = entries(path)
            old.append((path, sum(e[3] for e in inner)))
            names = [e[0] for e in inner]
            foreign += [path + '/' + n for n in names if n.split('.')[-1] not in ('py', 'mpy')]
frozen = False
try:
    if not foreign:
        from romboot import __file__ as file
        os.stat(file)
except OSError:
    frozen = True
except Exception:
    pass
i = sys.implementation
print()
print((sys.platform, getattr(i, '_mpy', 0), lib[0] if lib else '', frozen, old, foreign))
"""

INSTEAD = (
    f"freeze romboot into it ({paths.DOCS}/library.md). romboot info, plan and enter need no "
    "installation"
)

SYNC = "import os\nif hasattr(os, 'sync'): os.sync()"

REMOVE = """
import os
def remove(path):
    try:
        for entry in os.ilistdir(path):
            inner = path + '/' + entry[0]
            remove(inner) if entry[1] & 0x4000 else os.remove(inner)
        os.rmdir(path)
    except OSError:
        pass
"""


@dataclass(frozen=True)
class Contents:
    """What the board said of itself. `lib`: the folder for libraries; `frozen`: an import
    finds romboot in the firmware; `old`: folders of copies of it, and their bytes; `foreign`:
    what an import would take for it, or is in such a folder, and is no part of it."""

    platform: str
    mpy: int
    lib: str
    frozen: bool
    old: list[tuple[str, int]]
    foreign: list[str]

    @property
    def disk(self) -> str:
        """Where the file system is mounted that has `lib`."""
        return self.lib.rpartition("/")[0] or "/"


def run(args: argparse.Namespace) -> int:
    """Install, and say where it is and what it takes."""
    return Install(args).run()


class Install(Job):
    """One run of the command."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """Into the file system of a board at its prompt."""
        wanted = self.args.family
        if wanted != "auto" and wanted not in packages.families():
            known = ", ".join(packages.families())
            raise CliError(
                f"there is no family {wanted}: --family takes one of {known}", Code.COMMAND_LINE
            )
        prompt = self.at_prompt(stack)
        board = _look(prompt)
        if board.frozen:
            text = "romboot is frozen into this firmware: there is nothing to install."
            self.report.result("installed", text, text, frozen=True)
            return
        _nothing_foreign(prompt, board)
        family, die = _wanted(prompt, wanted)
        files = library.for_board(board.mpy, family, die)
        self.where = Where.INSTALLING
        free = _make_room(prompt, board, files)
        copy(prompt, files, f"{board.lib}/{PARTIAL}", self.report.state)
        taken = free - _free(prompt, board)[1]
        _put_in_place(prompt, board)
        prompt.restart()
        _verify(prompt, board, family)
        kind = "compiled" if files[0].suffix == ".mpy" else "as sources"
        chip = die.name if die and kind == "compiled" else str(family)
        text = (
            f"romboot {paths.version()} for {chip}, {kind}, is in {board.lib}/{NAME}: "
            f"{len(files)} files, {taken:,} bytes of the board's file system."
        )
        self.report.result(
            "installed", text, text, frozen=False, version=paths.version(), chip=chip,
            folder=f"{board.lib}/{NAME}", files=[file.name for file in files], bytes=taken,
        )  # fmt: skip


def _look(prompt: Prompt) -> Contents:
    board = Contents(*ast.literal_eval(prompt.run(LOOK).splitlines()[-1]))
    if board.platform != "pyboard":
        raise CliError(f"this is no STM32 board: its sys.platform is {board.platform!r}")
    if not board.frozen and not board.lib:
        raise CliError(
            "this firmware has no folder for libraries in sys.path, so it has no file system: "
            f"{INSTEAD}"
        )
    return board


def _nothing_foreign(prompt: Prompt, board: Contents) -> None:
    """What is not the library's is not removed, and may not be imported in its place."""
    if board.foreign:
        words = ("rm", "-r", *(f":{path}" for path in board.foreign))
        raise CliError(
            f"the board has {', '.join(board.foreign)}, which is no part of the library: it would "
            "be removed with an older copy, or be imported in place of the new one. Keep a copy "
            "if you need it, then remove it",
            Code.REFUSED,
            next=[Next(for_shell("mpremote", "connect", prompt.port, *words), "To remove it")],
        )


def _wanted(prompt: Prompt, name: str) -> tuple[Family, Die | None]:
    """The family with this name, or that of the chip with its die. CliError if the chip is known
    to be of another family: its library would not run there."""
    wanted = None if name == "auto" else tables.family(f"stm32{name}")
    try:
        found, die, _ = asked.chip(prompt, who(prompt))
    except asked.UnknownChipError as error:
        if wanted is None:
            raise CliError(f"{error}. --family installs a library all the same") from error
        return wanted, None
    if wanted is None:
        return found, die
    if found is not wanted:
        own = packages.short(found)
        raise CliError(
            f"the chip of this board is an {die.name}, of family {own}, and the library for "
            f"family {name} does not run on it: use --family {own}, or leave the option out",
            Code.REFUSED,
        )
    return wanted, None


def _free(prompt: Prompt, board: Contents) -> tuple[int, int]:
    """Bytes of a block of the file system, and bytes that are free."""
    try:
        found = prompt.run(f"import os; print(os.statvfs({board.disk!r})[1:4])")
    except BoardError as error:
        raise CliError(
            f"this board has no file system at {board.disk} ({error}): {INSTEAD}"
        ) from error
    size, _, free = ast.literal_eval(found)
    return size, size * free


def needed(files: list[Path], block: int) -> int:
    """Bytes of a FAT file system with such blocks for these files and their folder."""
    entries = 2 + sum(1 + _long(file) for file in files)
    sizes = [entries * ENTRY, *(file.stat().st_size for file in files)]
    return block * sum(-(-size // block) for size in sizes)


def _long(file: Path) -> int:
    """Further directory entries for a long name. FatFs, which MicroPython has, needs none for a
    name of 8 and 3 letters in lower case."""
    short = len(file.stem) <= 8 and len(file.suffix) <= 4
    return 0 if short else -(-len(file.name) // LONG)


def _make_room(prompt: Prompt, board: Contents, files: list[Path]) -> int:
    """See to it that the files fit, if need be by removing the old library. Free bytes."""
    remove(prompt, f"{board.lib}/{PARTIAL}")
    block, free = _free(prompt, board)
    need = needed(files, block) + block  # the folder for libraries may have to grow
    if free < need:
        for path, _ in board.old:
            remove(prompt, path)
        free = _free(prompt, board)[1]
    if free < need:
        raise CliError(
            f"the library needs {need:,} bytes of the file system at {board.disk}, which has "
            f"{free:,} free: remove files from it, or freeze romboot into the firmware"
        )
    return free


def copy(
    prompt: Prompt, files: list[Path], folder: str, state: Callable[[str, str], None]
) -> None:
    """Files into a new folder of the board. state: is told of each."""
    parent = folder.rpartition("/")[0]
    prompt.run(f"import os\ntry:\n    os.mkdir({parent!r})\nexcept OSError:\n    pass")
    prompt.run(f"os.mkdir({folder!r})")
    for file in files:
        state("copy", file.name)
        prompt.write_file(f"{folder}/{file.name}", file.read_bytes())


def _put_in_place(prompt: Prompt, board: Contents) -> None:
    """The new copy takes the place of every older one, as the first in sys.path would be used."""
    prompt.run(SYNC)  # the new files are in flash before the old ones go
    for path, _ in board.old:
        remove(prompt, path)
    prompt.run(f"import os; os.rename({f'{board.lib}/{PARTIAL}'!r}, {f'{board.lib}/{NAME}'!r})")
    prompt.run(SYNC)


def remove(prompt: Prompt, folder: str) -> None:
    """A folder of the board and all that is in it, if it is there."""
    prompt.run(f"{REMOVE}\nremove({folder!r})")


def _verify(prompt: Prompt, board: Contents, family: Family) -> None:
    code = (
        f"import romboot, romboot.{family.module}; print((romboot.__version__, romboot.__file__))"
    )
    version, file = ast.literal_eval(prompt.run(code))
    if version != paths.version() or not file.startswith(f"{board.lib}/{NAME}/"):
        raise CliError(
            f"the library was copied to {board.lib}/{NAME}, but `import romboot` finds version "
            f"{version} in {file}"
        )
