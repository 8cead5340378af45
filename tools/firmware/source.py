"""MicroPython's source: Debian's source package, fetched once, checked and unpacked."""

import shutil
import tarfile
from pathlib import Path

from .cache import Progress, cache_dir, locked
from .debian import DebianFile, fetched

# Debian's micropython 1.25.0+ds-1 (trixie): sums from its .dsc. "+ds" has no submodule that Debian
# does not need: among others, no ST HAL and no micropython-lib.
TARBALL = "micropython_1.25.0+ds.orig.tar.xz"
SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
TOP = "micropython-1.25.0"


def source_tree(progress: Progress = print) -> Path:
    """The unpacked source; its `tests` directory is MicroPython's own test suite.

    Downloads 6 MB the first time. Raises FirmwareError if no mirror has the file.
    """
    tree = cache_dir() / TOP
    if not tree.is_dir():
        with locked("micropython-source", progress):
            if not tree.is_dir():
                tarball = fetched(DebianFile("micropython", TARBALL, SHA256), progress)
                _unpack(tarball, tree, progress)
    return tree


def _unpack(tarball: Path, tree: Path, progress: Progress) -> None:
    progress(f"unpacking {tarball.name}")
    partial = tree.with_name(tree.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(tarball) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(partial, filter="data")
        else:  # Python before 3.11.4; the checked sum says that the content is harmless
            archive.extractall(partial)
    (partial / TOP).rename(tree)
    shutil.rmtree(partial)
