"""The target library on the host: as sources, and compiled for a board."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ... import machine_code, packages, paths
from ...paths import LIB
from ...tables.compiler import modules
from ...tables.family import Die, Family

MPY_OF_THE_BOARD = "import sys; print(getattr(sys.implementation, '_mpy', 0))"
MPY_VERSION = 6  # of .mpy files without machine code; MicroPython 1.19 and newer have it
USUAL = 6 | 3 << 8 | 7 << 10  # of a Cortex-M4F with MicroPython 1.23 or newer
ARMV6M, NEWEST_THUMB = 4, 8  # numbers of architectures in .mpy files (py/persistentcode.h)


def loadable(mpy_of_the_board: int) -> Path:
    """The folder to put into the sys.path of a board with this `sys.implementation._mpy`. Where
    jump.mpy cannot be loaded, romboot takes jump_bytes.mpy."""
    return compiled() if mpy_of_the_board & 0xFF == MPY_VERSION else LIB


def for_board(mpy_of_the_board: int, family: Family, die: Die | None = None) -> list[Path]:
    """The files that such a board needs, and no others; with a die, the tables of no other die."""
    folder = loadable(mpy_of_the_board) / "romboot"
    names = packages.files(packages.short(family))
    if folder.parent == LIB:
        return [folder / name for name in names]
    own = of_die(family, die) if die else {}
    found = [own.get(name) or (folder / name).with_suffix(".mpy") for name in names]
    runs = {path.stem for path in found if loads(path.read_bytes(), mpy_of_the_board)}
    return [path for path in found if path.stem in runs - {"jump_bytes" if "jump" in runs else ""}]


def loads(mpy: bytes, mpy_of_the_board: int) -> bool:
    """Whether a board loads this .mpy file: one with machine code must fit its native ABI (the
    sub-version) and its core (py/persistentcode.c, mp_raw_code_load)."""
    arch, abi = mpy[2] >> 2, mpy[2] & 3
    core = mpy_of_the_board >> 10 & 0xF
    fits = abi == mpy_of_the_board >> 8 & 3 and ARMV6M <= arch <= core <= NEWEST_THUMB
    return mpy[1] == mpy_of_the_board & 0xFF and (arch == 0 or fits)


def compiled() -> Path:
    """The library as .mpy files, in a folder for sys.path."""
    return _made({path.name: path.read_text() for path in packages.FOLDER.glob("*.py")})


def of_die(family: Family, die: Die) -> dict[str, Path]:
    """The modules that tools/tables makes, of one die alone: names of sources, .mpy files."""
    sources = modules([family.only(die)])
    folder = _made(sources) / "romboot"
    return {name: (folder / name).with_suffix(".mpy") for name in sources}


def _made(sources: Mapping[str, str]) -> Path:
    """These modules as .mpy files, in a folder that has them as the package romboot. They are made
    anew when a source or the way they are made has changed."""
    inputs = [Path(machine_code.__file__).read_text(), *sources, *sources.values()]
    digest = hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]
    cache = paths.cache() / "lib-mpy"
    folder = cache / digest
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            package = Path(made) / "romboot"
            package.mkdir()
            for name, text in sources.items():
                source = package / name
                source.write_text(text)
                machine_code.compile_mpy(source, package)
                source.unlink()
            with contextlib.suppress(OSError):  # another process was quicker
                Path(made).rename(folder)
                Path(made).mkdir()  # for TemporaryDirectory to remove
    return folder
