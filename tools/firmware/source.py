"""MicroPython's source: Debian's source package, fetched once, checked and unpacked."""

import hashlib
import http.client
import os
import re
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .cache import Progress, cache_dir, locked
from .errors import FirmwareError

# Debian's micropython 1.25.0+ds-1 (trixie): sums from its .dsc. "+ds" has no submodule that Debian
# does not need: among others, no ST HAL and no micropython-lib.
TARBALL = "micropython_1.25.0+ds.orig.tar.xz"
SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
TOP = "micropython-1.25.0"

# Debian keeps the package in main; Ubuntu, which takes it over unchanged, in universe.
POOLS = ("pool/main/m/micropython", "pool/universe/m/micropython")
MIRROR_VARIABLE = "ROMBOOT_DEBIAN_MIRROR"


def source_tree(progress: Progress = print) -> Path:
    """The unpacked source; its `tests` directory is MicroPython's own test suite.

    Downloads 6 MB the first time. Raises FirmwareError if no mirror has the file.
    """
    tree = cache_dir() / TOP
    if not tree.is_dir():
        with locked("micropython-source", progress):
            if not tree.is_dir():
                _unpack(_tarball(progress), tree, progress)
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


def _tarball(progress: Progress) -> Path:
    path = cache_dir() / TARBALL
    if path.exists() and _sha256(path) == SHA256:
        return path
    tried = []
    for url in _addresses():
        try:
            _download(url, path, progress)
        except (OSError, FirmwareError) as error:  # URLError is an OSError
            tried.append(f"{url}: {error}")
        else:
            return path
    raise FirmwareError(
        f"No mirror gave {TARBALL} ({'; '.join(tried) or 'apt names no mirror'}). Set "
        f"{MIRROR_VARIABLE} to the address of a Debian mirror, or put the file into {path.parent}."
    )


def _addresses() -> Iterator[str]:
    own = os.environ.get(MIRROR_VARIABLE)
    for mirror in dict.fromkeys(([own] if own else []) + _apt_mirrors()):
        for pool in POOLS:
            yield f"{mirror.rstrip('/')}/{pool}/{TARBALL}"


def _apt_mirrors() -> list[str]:
    """The package repositories that apt of this machine uses, if it has apt."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [line for line in dict.fromkeys(output.split()) if line.startswith("http")]


def _apt_proxy() -> str | None:
    command = ["apt-config", "dump", "Acquire::http::Proxy"]
    try:
        output = subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return None
    match = re.search(r'^Acquire::http::Proxy "(http[^"]+)"', output, re.MULTILINE)
    return match[1] if match else None


def _open(url: str) -> http.client.HTTPResponse:
    """Opens a URL through the proxy of apt's configuration, else of the environment."""
    proxy = _apt_proxy()
    proxies = {"http": proxy, "https": proxy} if proxy else None
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open(url, timeout=60)


def _download(url: str, path: Path, progress: Progress) -> None:
    partial = path.with_name(path.name + ".partial")
    with _open(url) as response, open(partial, "wb") as file:
        _copy(response, file, int(response.headers["Content-Length"] or 0), progress)
    found = _sha256(partial)
    if found != SHA256:
        partial.unlink()
        raise FirmwareError(f"its sha256 is {found}, not {SHA256}")
    partial.rename(path)


def _copy(
    response: http.client.HTTPResponse, file: BinaryIO, size: int, progress: Progress
) -> None:
    done = 0
    while chunk := response.read(1 << 20):
        file.write(chunk)
        done += len(chunk)
        of_size = f" of {size / 1e6:.1f}" if size else ""
        progress(f"downloading {TARBALL}: {done / 1e6:.1f}{of_size} MB")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
