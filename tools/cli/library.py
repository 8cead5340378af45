"""The target library on the host: as sources, and compiled for a board."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path

from .. import paths
from ..machine_code import compile_mpy
from ..paths import LIB

# A .mpy file of this version loads wherever it holds no machine code (py/persistentcode.c); where
# jump.mpy does not, jump_bytes.mpy does.
MPY_VERSION = 6
MPY_OF_THE_BOARD = "import sys; print(getattr(sys.implementation, '_mpy', 0))"


def loadable(mpy_of_the_board: int) -> Path:
    """The folder to put into the sys.path of a board with this `sys.implementation._mpy`."""
    return compiled() if mpy_of_the_board & 0xFF == MPY_VERSION else LIB


def compiled() -> Path:
    """The library as .mpy files, made anew when a source has changed."""
    sources = sorted((LIB / "romboot").glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = paths.cache() / "lib-mpy"
    folder = cache / digest
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            (Path(made) / "romboot").mkdir()
            for source in sources:
                compile_mpy(source, Path(made) / "romboot")
            with contextlib.suppress(OSError):  # another process was quicker
                Path(made).rename(folder)
                Path(made).mkdir()  # for TemporaryDirectory to remove
    return folder
