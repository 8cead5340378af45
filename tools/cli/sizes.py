"""How many bytes the library takes: as files, of flash, and of heap on a virtual board."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..bench.board import VirtualBoard
from ..bench.image import load_image
from ..bench.prompt import Prompt
from ..machine_code import compile_mpy
from . import firmware
from .installed import Library, install

LIB = paths.LIB / "romboot"

# At the peak all that leads to the line is there at once; garbage of the loading is not counted.
HEAP = """
import gc
gc.collect()
gc.disable()
a = gc.mem_alloc()
import romboot, romboot.stm32f4
gc.collect()
b = gc.mem_alloc()
from romboot.entry import Way, _drain
way = Way()
_drain(way.chip.family)
print(b - a, gc.mem_alloc() - a)
"""


@dataclass
class Heap:
    """Bytes of heap that the library takes, and how it got onto the board."""

    library: str
    imported: int
    peak: int


@dataclass
class Sizes:
    """Bytes."""

    py: int
    mpy: int
    frozen: int | None
    """Of flash; None if not known, as of an image of the user."""
    heap: list[Heap]


def sizes(name: str, image: Path, library: Library, *, ours: bool) -> Sizes:
    """Of the library: as files, and on this board; if the image is ours, also from .mpy files."""
    sources = sorted(LIB.glob("*.py"))
    with tempfile.TemporaryDirectory() as folder:
        mpy = sum(len(compile_mpy(path, Path(folder))) for path in sources)
        used = [heap(name, image, library)]
        frozen = None
        if ours:
            plain = firmware.build(name)
            frozen = _flash(image) - _flash(plain)
            used.append(heap(name, plain, install(name, plain, Path(folder) / "flash.bin")))
    return Sizes(sum(path.stat().st_size for path in sources), mpy, frozen, used)


def heap(name: str, image: Path, library: Library) -> Heap:
    """Of a board with this image, which has the library so."""
    words = Prompt(VirtualBoard.load(name, image, library.flash_file)).run(HEAP).split()
    return Heap(library.where, int(words[0]), int(words[1]))


def _flash(image: Path) -> int:
    return sum(len(data) for _, data in load_image(image))


def render(size: Sizes) -> list[str]:
    """The figures as lines of Markdown."""
    frozen = "" if size.frozen is None else f", {size.frozen:,} of flash when frozen"
    return [
        f"Size in bytes: {size.py:,} as .py, {size.mpy:,} as .mpy{frozen}.",
        *(
            f"Heap, {h.library}: {h.imported:,} after import, {h.peak:,} at its peak."
            for h in size.heap
        ),
    ]
