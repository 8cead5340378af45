"""How many bytes the library takes: as files, of flash, and of heap on a virtual board."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ... import packages, tables
from ...bench.board import VirtualBoard
from ...bench.image import load_image
from ...bench.prompt import Prompt
from ...tables.family import Family
from ..device import library
from ..device.install import needed
from . import firmware
from .installed import Library, install

BLOCK = 512  # bytes, of the FAT file system that MicroPython makes in internal flash
FULL, SMALL, HEAP_FROZEN, HEAP_FILES, FILES = 16 * 1024, 7_680, 2 * 1024, 8 * 1024, 20 * 1024
"""Goals, in bytes: the most that the library should take, frozen with everything and as the small
edition (what the official NUCLEO_L073RZ image has left), of heap, of a file system."""

# At the peak all that leads to the jump is there at once; garbage of the loading is not counted.
HEAP = """
import gc
gc.collect()
gc.disable()
a = gc.mem_alloc()
import romboot
from romboot import chip
chip.find()
gc.collect()
b = gc.mem_alloc()
from romboot.entry import Entry
entry = Entry()
connections = chip.connections(entry.chip.family)
chip.sync(chip.syncing(), False)
print(b - a, gc.mem_alloc() - a)
"""


@dataclass
class Heap:
    """Bytes of heap that the library takes, and how it got onto the board."""

    library: str
    frozen: bool
    imported: int
    peak: int


@dataclass
class Sizes:
    """Bytes, for the family of one board; `files`: of a file system, by family, for the die that
    takes most."""

    family: str
    py: int
    files: dict[str, int]
    frozen: int | None = None
    """Of flash; None if not known, as of an image of the user."""
    frozen_small: int | None = None
    """Of its small edition."""
    one_chip: int | None = None
    one_chip_small: int | None = None
    """The same for the chip alone."""
    heap: list[Heap] = field(default_factory=list)


def sizes(name: str, image: Path, put: Library, *, ours: bool) -> Sizes:
    """Of the library: as files, and on this board, which has it so; if the image is ours, also
    the small edition, and from .mpy files."""
    family = firmware.family(name)
    sources = [packages.FOLDER / file for file in packages.files(family)]
    found = Sizes(
        family,
        sum(path.stat().st_size for path in sources),
        {packages.short(each): file_system(each) for each in tables.FAMILIES},
        heap=[heap(name, image, put)],
    )
    if ours:
        plain = firmware.build(name)
        found.frozen, found.frozen_small = frozen(name), frozen(name, small=True)
        found.one_chip = frozen(name, one_chip=True)
        found.one_chip_small = frozen(name, small=True, one_chip=True)
        if firmware.can_mount(name):
            with tempfile.TemporaryDirectory() as folder:
                files = install(name, plain, Path(folder) / "flash.bin")
                found.heap.append(heap(name, plain, files))
    return found


def frozen(name: str, *, small: bool = False, one_chip: bool = False) -> int:
    """Bytes of flash that the library takes in the bench firmware of this board."""
    with_it = firmware.build(name, frozen=True, small=small, one_chip=one_chip)
    return _flash(with_it) - _flash(firmware.build(name))


def file_system(family: Family) -> int:
    """Bytes of a board's file system for what `romboot install` puts there."""
    dies = (library.for_board(library.USUAL, family, die) for die in family.dies)
    return max(needed(files, BLOCK) for files in dies)


def heap(name: str, image: Path, put: Library) -> Heap:
    """Of a board with this image, which has the library so."""
    words = Prompt(VirtualBoard.load(name, image, put.flash_file)).run(HEAP).split()
    return Heap(put.where, put.flash_file is None, int(words[0]), int(words[1]))


def _flash(image: Path) -> int:
    return sum(len(data) for _, data in load_image(image))


def render(size: Sizes) -> list[str]:
    """The figures as lines of Markdown, with what they should be at the most beside them."""
    rows = [(f"sources of {size.family}", size.py, None)]
    rows += [(f"file system, compiled, {f}", taken, FILES) for f, taken in size.files.items()]
    flash = (
        (f"flash, frozen for {size.family}", size.frozen, FULL),
        ("flash, frozen for the chip alone", size.one_chip, FULL),
        (f"flash, frozen, the small edition for {size.family}", size.frozen_small, SMALL),
        ("flash, frozen, the small edition for the chip alone", size.one_chip_small, SMALL),
    )
    rows += [(what, taken, most) for what, taken, most in flash if taken is not None]
    for h in size.heap:
        rows += [
            (f"heap after the import, {h.library}", h.imported, None),
            (f"heap at its peak, {h.library}", h.peak, HEAP_FROZEN if h.frozen else HEAP_FILES),
        ]
    return [
        "| bytes | measured | goal |",
        "|---|--:|--:|",
        *(f"| {what} | {n:,} | {_goal(n, most)} |" for what, n, most in rows),
    ]


def _goal(taken: int, most: int | None) -> str:
    """The goal, and by how much it is missed."""
    if most is None:
        return ""
    return f"{most:,}" if taken <= most else f"{most:,}: missed by {taken - most:,}"
