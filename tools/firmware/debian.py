"""Files of Debian's archive, fetched once and checked."""

import hashlib
import http.client
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .cache import Progress, cache_dir
from .errors import FirmwareError

# Debian keeps its packages in main; Ubuntu, which takes them over unchanged, in universe.
COMPONENTS = ("main", "universe")
MIRROR_VARIABLE = "ROMBOOT_DEBIAN_MIRROR"


@dataclass(frozen=True)
class DebianFile:
    """A file in the folder of a source package; its sum is in Debian's .dsc or Packages."""

    package: str
    name: str
    sha256: str


def fetched(file: DebianFile, progress: Progress = print) -> Path:
    """Where the file is; downloads it the first time.

    Raises:
        FirmwareError: no mirror has the file.
    """
    path = cache_dir() / file.name
    if path.exists() and _sha256(path) == file.sha256:
        return path
    tried = []
    for url in _addresses(file):
        try:
            _download(url, path, file.sha256, progress)
        except (OSError, FirmwareError) as error:  # URLError is an OSError
            tried.append(f"{url}: {error}")
        else:
            return path
    raise FirmwareError(
        f"No mirror gave {file.name} ({'; '.join(tried) or 'apt names no mirror'}). Set "
        f"{MIRROR_VARIABLE} to the address of a Debian mirror, or put the file into {path.parent}."
    )


def _addresses(file: DebianFile) -> Iterator[str]:
    own = os.environ.get(MIRROR_VARIABLE)
    for mirror in dict.fromkeys(([own] if own else []) + _apt_mirrors()):
        for component in COMPONENTS:
            folder = f"pool/{component}/{file.package[0]}/{file.package}"
            yield f"{mirror.rstrip('/')}/{folder}/{file.name}"


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


def _download(url: str, path: Path, sha256: str, progress: Progress) -> None:
    partial = path.with_name(path.name + ".partial")
    with _open(url) as response, open(partial, "wb") as file:
        _copy(response, file, path.name, int(response.headers["Content-Length"] or 0), progress)
    found = _sha256(partial)
    if found != sha256:
        partial.unlink()
        raise FirmwareError(f"its sha256 is {found}, not {sha256}")
    partial.rename(path)


def _copy(
    response: http.client.HTTPResponse, file: BinaryIO, name: str, size: int, progress: Progress
) -> None:
    done = 0
    while chunk := response.read(1 << 20):
        file.write(chunk)
        done += len(chunk)
        of_size = f" of {size / 1e6:.1f}" if size else ""
        progress(f"downloading {name}: {done / 1e6:.1f}{of_size} MB")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
