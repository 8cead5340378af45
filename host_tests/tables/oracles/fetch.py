"""Brings the packages of packages.txt into .cache/oracles, once. Nothing is installed.

`python -m host_tests.tables.oracles` does it ahead of time; the tests do it by themselves.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "packages.txt"
CACHE = HERE.parents[2] / ".cache" / "oracles"
DONE = "complete.txt"  # a copy of packages.txt: other packages, other cache
SVD_FILES = ("STMicro/STM32F4*.svd", "STMicro/STM32L0*.svd", "Freescale/MK22F51212.svd")
# not stm32l0-10.xml: the dies of the STM32L010 are told apart by their packages
MODM_FILES = ("stm32f4-*.xml", "stm32h7-*.xml", "stm32l0-?1_*.xml")
RETRY_AFTER = 300  # seconds after a failed download before another worker tries again


class UnavailableError(Exception):
    """The packages are not here and cannot be fetched."""


def folder() -> Path:
    """Where the oracles are: cmsis-svd/, pyocd/, modm/ and qiling/. Downloads 55 MB at most once.

    Raises:
        UnavailableError: pip could not download them.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / "lock"):
        if not _complete():
            _refuse_if_just_failed()
            _download()
            _unpack(CACHE / "packages")
            shutil.rmtree(CACHE / "packages")
            (CACHE / DONE).write_text(PACKAGES.read_text())
    return CACHE


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # pytest -n starts several of us at once.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complete() -> bool:
    done = CACHE / DONE
    return done.exists() and done.read_text() == PACKAGES.read_text()


def _refuse_if_just_failed() -> None:
    failed = CACHE / "failed.txt"
    if failed.exists() and time.time() - failed.stat().st_mtime < RETRY_AFTER:
        raise UnavailableError(failed.read_text())


def _download() -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--retries", "1", "--timeout", "20"]
    command += ["--requirement", str(PACKAGES), "--dest", str(CACHE / "packages")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        text = f"pip could not download the public chip data of packages.txt: {lines[-1]}"
        (CACHE / "failed.txt").write_text(text)
        raise UnavailableError(text)


def _unpack(packages: Path) -> None:
    """Only what the tests read."""
    with tarfile.open(next(packages.glob("cmsis-svd-*.tar.gz"))) as tar:
        for member in tar:
            path = Path(member.name)
            if any(path.match(pattern) for pattern in SVD_FILES):
                _write("cmsis-svd", path.name, tar.extractfile(member))
    with zipfile.ZipFile(next(packages.glob("pyocd-*.whl"))) as wheel:
        with wheel.open("pyocd/debug/svd/svd_data.zip") as inner, zipfile.ZipFile(inner) as svds:
            for name in svds.namelist():
                if name.startswith(("STM32F4", "STM32L0", "STM32L4x2")):
                    _write("pyocd", name, svds.open(name))
        _write("pyocd", "cortex_m.py", wheel.open("pyocd/coresight/cortex_m.py"))
    with zipfile.ZipFile(next(packages.glob("modm_devices-*.whl"))) as wheel:
        for name in wheel.namelist():
            if any(Path(name).match(f"devices/stm32/{pattern}") for pattern in MODM_FILES):
                _write("modm", Path(name).name, wheel.open(name))
    with zipfile.ZipFile(next(packages.glob("qiling-*.whl"))) as wheel:
        for name in wheel.namelist():
            path = Path(name)
            if path.match("mcu/stm32f4/stm32f4*.py") or path.match("misc/stm32f4xx_rcc*.py"):
                _write("qiling", path.name, wheel.open(name))


def _write(package: str, name: str, source: object) -> None:
    target = CACHE / package / name
    target.parent.mkdir(exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)  # type: ignore[arg-type]
