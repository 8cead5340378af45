"""The files that a manifest freezes, found as MicroPython's own makemanifest.py finds them."""

import contextlib
import functools
import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from .errors import FirmwareError


def frozen_digest(manifest: str, tree: Path, port: Path) -> str:
    """A hash over the names, options and contents of everything that the manifest freezes.

    manifest: its text, which is run, as a build does. Raises FirmwareError if it has an error.
    """
    manifestfile = _manifestfile(tree)
    variables = {"MPY_DIR": str(tree), "PORT_DIR": str(port), "MPY_LIB_DIR": str(tree)}
    reader = manifestfile.ManifestFile(manifestfile.MODE_FREEZE, variables)
    try:
        with _working_directory_kept():
            reader.execute(manifest)
    except manifestfile.ManifestFileError as error:
        raise FirmwareError(f"The manifest cannot be used. {error}.") from error
    digest = hashlib.sha256()
    for file in reader.files():
        digest.update(f"{file.target_path}\0{file.kind}\0{file.opt}\0".encode())
        digest.update(Path(file.full_path).read_bytes())
    return digest.hexdigest()


@functools.cache
def _manifestfile(tree: Path) -> ModuleType:
    """MicroPython's module of that name, without leaving its directory in sys.path."""
    path = tree / "tools" / "manifestfile.py"
    spec = importlib.util.spec_from_file_location("romboot_manifestfile", path)
    if spec is None or spec.loader is None:
        raise FirmwareError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes_bytecode
    return module


@contextlib.contextmanager
def _working_directory_kept():
    """Restores it: a manifest changes it while it runs, and an error would leave it changed."""
    before = os.getcwd()
    try:
        yield
    finally:
        os.chdir(before)
