"""Brings public chip data into the cache, once: packages of PyPI, files of Debian's archive.

Nothing is installed. `python -m host_tests.tables.oracles` does it ahead of time; the tests do it
by themselves. Each file is fixed by its sum, so that every checkout has the same data.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools import paths
from tools.firmware.debian import DebianFile, fetched
from tools.firmware.errors import FirmwareError

HERE = Path(__file__).parent
PACKAGES = HERE / "packages.txt"
DEBIAN = (
    # stm32flash's table of AN2606
    DebianFile(
        "stm32flash", "stm32flash_0.7.orig.tar.gz",
        "c4c9cd8bec79da63b111d15713ef5cc2cd947deca411d35d6e3065e227dc414a",
    ),
    # a text file for each DEV_ID
    DebianFile(
        "stlink", "stlink-tools_1.8.0-1.1_amd64.deb",
        "ee578996f1c661cd2242c78e4c5da3346f34ecd6849abacde2d3b01d0a706f59",
    ),
    # the drivers of ST's flash interfaces
    DebianFile(
        "openocd", "openocd_0.12.0.orig.tar.bz2",
        "af254788be98861f2bd9103fe6e60a774ec96a8c374744eef9197f6043075afa",
    ),
    # Linux's device trees of F4, F7 and H7, with their headers
    DebianFile(
        "u-boot", "u-boot_2023.01+dfsg.orig.tar.xz",
        "e75da6f089d063aaef39a1c17f1631791d87700662624e18de2121fa39a1ed44",
    ),
)  # fmt: skip
DONE = "complete.txt"
# not stm32l0-10.xml: the dies of the STM32L010 are told apart by their packages
NOT_MODM = ("stm32l0-10.xml",)
RETRY_AFTER = 300  # seconds after a failed download before another worker tries again


class UnavailableError(Exception):
    """The data is not here and cannot be fetched."""


def folder() -> Path:
    """Where the data is, a folder for each source. Downloads 75 MB at most once.

    Raises:
        UnavailableError: pip or Debian's mirrors did not give it.
    """
    wanted = PACKAGES.read_text() + "".join(file.sha256 for file in DEBIAN) + _code()
    cache = paths.cache() / "oracles" / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not (cache / DONE).exists():
            _refuse_if_just_failed(cache)
            _download(cache)
            _unpack(cache)
            shutil.rmtree(cache / "packages")
            (cache / DONE).write_text(PACKAGES.read_text())
    return cache


def _code() -> str:
    """What is unpacked depends on this file, too."""
    return Path(__file__).read_text()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # pytest -n starts several of us at once.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _refuse_if_just_failed(cache: Path) -> None:
    failed = cache / "failed.txt"
    if failed.exists() and time.time() - failed.stat().st_mtime < RETRY_AFTER:
        raise UnavailableError(failed.read_text())


def _download(cache: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--retries", "1", "--timeout", "20"]
    command += ["--requirement", str(PACKAGES), "--dest", str(cache / "packages")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    try:
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise UnavailableError(f"pip could not download what packages.txt names: {lines[-1]}")
        for file in DEBIAN:
            fetched(file, progress=lambda _: None)
    except (UnavailableError, FirmwareError) as error:
        (cache / "failed.txt").write_text(str(error))
        raise UnavailableError(str(error)) from None


def _unpack(cache: Path) -> None:
    """Only what the tests read."""

    def keep(source: str, name: str, file: IO[bytes] | None) -> None:
        target = cache / source / name
        target.parent.mkdir(exist_ok=True)
        assert file
        with target.open("wb") as out:
            shutil.copyfileobj(file, out)

    for path in sorted((cache / "packages").iterdir()):
        _UNPACK[re.split("[-_]", path.name)[0]](path, keep)
    for file in DEBIAN:
        _UNPACK[file.package](fetched(file), keep)


Keep = Callable[[str, str, IO[bytes] | None], None]


def _cmsis_svd(path: Path, keep: Keep) -> None:
    with tarfile.open(path) as tar:
        for member in tar:
            name = Path(member.name)
            if name.match("STMicro/STM32*.svd") or name.match("Freescale/MK22F51212.svd"):
                keep("cmsis-svd", name.name, tar.extractfile(member))


def _pyocd(path: Path, keep: Keep) -> None:
    with zipfile.ZipFile(path) as wheel:
        with wheel.open("pyocd/debug/svd/svd_data.zip") as inner, zipfile.ZipFile(inner) as svds:
            for name in svds.namelist():
                if name.startswith("STM32"):
                    keep("pyocd", name, svds.open(name))
        keep("pyocd", "cortex_m.py", wheel.open("pyocd/coresight/cortex_m.py"))


def _modm(path: Path, keep: Keep) -> None:
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            file = Path(name)
            if file.match("devices/stm32/*.xml") and file.name not in NOT_MODM:
                keep("modm", file.name, wheel.open(name))


def _qiling(path: Path, keep: Keep) -> None:
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            file = Path(name)
            if file.match("mcu/stm32f4/stm32f4*.py") or file.match("misc/stm32f4xx_rcc*.py"):
                keep("qiling", file.name, wheel.open(name))


def _tarball(source: str, *patterns: str) -> Callable[[Path, Keep], None]:
    def unpack(path: Path, keep: Keep) -> None:
        with tarfile.open(path) as tar:
            for member in tar:
                if any(Path(member.name).match(pattern) for pattern in patterns):
                    keep(source, Path(member.name).name, tar.extractfile(member))

    return unpack


def _stlink(path: Path, keep: Keep) -> None:
    with tarfile.open(fileobj=io.BytesIO(_data_of(path))) as tar:
        for member in tar:
            if member.name.endswith(".chip"):
                keep("stlink", Path(member.name).name, tar.extractfile(member))


def _data_of(deb: Path) -> bytes:
    """data.tar.xz of a package: it is an ar archive, with a header of 60 bytes for each member."""
    content = deb.read_bytes()
    at = len("!<arch>\n")
    while True:
        header = content[at : at + 60]
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


_UNPACK: dict[str, Callable[[Path, Keep], None]] = {
    "cmsis": _cmsis_svd,
    "pyocd": _pyocd,
    "modm": _modm,
    "qiling": _qiling,
    "stm32flash": _tarball("stm32flash", "dev_table.c"),
    "openocd": _tarball("openocd", "flash/nor/stm32*.[ch]"),
    "u-boot": _tarball(
        "linux", "mfd/stm32*-rcc.h", "dts/stm32[fh][47]*.dtsi", "stm32/clk-stm32h7.c"
    ),
    "stlink": _stlink,
}
