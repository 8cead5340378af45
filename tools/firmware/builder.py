"""Builds a firmware, or finds the one that was built from the same inputs before."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .board import Board, load_board
from .boardfiles import board_files, config_files, family, write_files
from .cache import Progress, cache_dir, locked
from .errors import FirmwareError
from .frozen import frozen_digest
from .source import SHA256, source_tree
from .toolchain import PREFIX, Toolchain, find_toolchain

PORT = Path(__file__).parent / "port"
JOBS = 2
KEPT = 4  # builds of one name; also kept are those used within the last ...
RECENT_S = 24 * 3600  # ... seconds, as another process may be about to read them

# As boards/manifest.py of the real port; its other two modules are in micropython-lib.
ASYNCIO = 'include("$(MPY_DIR)/extmod/asyncio")\n'

VARIANTS = {
    "standard": "",
    "noasm": "-DMICROPY_EMIT_THUMB=0 -DMICROPY_EMIT_INLINE_THUMB=0",
    "threads": "-DMICROPY_PY_THREAD=1",
}


def _to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def build(
    board: str,
    variant: str = "standard",
    *,
    frozen_manifest: Path | None = None,
    boards: Path | None = None,
    progress: Progress = _to_stderr,
) -> Path:
    """Builds the firmware of `boards/<board>.toml` and returns the path of its ELF file.

    variant: one of VARIANTS. frozen_manifest: a manifest.py of modules to freeze, besides those of
    the official board; it is included with the chip's family, and with asm=False where there is
    no inline assembler. boards: another folder than `boards/`. progress: gets a sentence now and
    then. The first build for a core takes about 25 s; another board, die or family with that core,
    or another manifest, 2 s; with the same inputs as before the firmware is found in the cache.
    Safe to call concurrently.

    Raises MissingToolError if a compiler is not installed, FirmwareError for anything else.
    """
    if variant not in VARIANTS:
        raise FirmwareError(f"There is no variant {variant}; there are {', '.join(VARIANTS)}.")
    if " " in str(cache_dir()):
        raise FirmwareError(
            f"make cannot build where a path has spaces: {cache_dir()}. Set ROMBOOT_CACHE to a "
            "directory without spaces."
        )
    inputs = _inputs(load_board(board, boards), variant, frozen_manifest, progress)
    elf = cache_dir() / "images" / f"{board}-{variant}-{inputs.key[:16]}" / "firmware.elf"
    if not elf.exists():
        with locked(inputs.shared, progress):
            if not elf.exists():
                _make(f"{board}-{variant}", variant, inputs, elf, progress)
    os.utime(elf.parent)
    return elf


@dataclass(frozen=True)
class _Inputs:
    """What a build depends on.

    shared: names the objects of all boards with the same configuration, which are built one after
    the other; objects: their folder; key: of everything.
    """

    files: dict[str, str]
    tree: Path
    toolchain: Toolchain
    shared: str
    objects: Path
    key: str


def _inputs(
    board: Board, variant: str, frozen_manifest: Path | None, progress: Progress
) -> _Inputs:
    toolchain, tree = find_toolchain(), source_tree(progress)
    config, own = config_files(board), board_files(board, variant)
    objects_key = _objects_key(config, variant, toolchain)
    frozen = _manifest(board, variant, frozen_manifest.resolve() if frozen_manifest else None)
    key = _digest(objects_key, *own.values(), frozen_digest(frozen, tree, PORT))
    shared = f"{family(board)}-{variant}"
    objects = cache_dir() / "objects" / f"{shared}-{objects_key[:16]}"
    files = config | own | {"manifest.py": frozen}
    return _Inputs(files, tree, toolchain, shared, objects, key)


def _manifest(board: Board, variant: str, manifest: Path | None) -> str:
    """The manifest to freeze, included with the family of the chip, as a user would for a board
    with little flash, and with asm=False if there is no assembler."""
    asm = "" if board.assembler and variant != "noasm" else ", asm=False"
    options = f"family={board.chip.family!r}{asm}"
    own = f"include({str(manifest)!r}, {options})\n" if manifest else ""
    return (ASYNCIO if board.asyncio else "") + own


def _objects_key(config: Mapping[str, str], variant: str, toolchain: Toolchain) -> str:
    """Of what most objects depend on: not the board's own files and the frozen modules, so that
    another board or manifest only compiles a few."""
    files = sorted(path for path in PORT.rglob("*") if path.is_file())
    contents = [f"{path.relative_to(PORT)}\0".encode() + path.read_bytes() for path in files]
    flags = VARIANTS[variant]
    return _digest(SHA256, flags, toolchain.versions, *config.values(), *contents)


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _copy_port(port: Path) -> None:
    """The objects are compiled from a copy: make compares time stamps, and those of a checkout
    are the time of the checkout. The name of the objects' folder has a hash of the port."""
    if not port.exists():
        partial = port.with_name("port.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(PORT, partial)
        partial.rename(port)


def _make(name: str, variant: str, inputs: _Inputs, elf: Path, progress: Progress) -> None:
    objects = inputs.objects
    _copy_port(objects / "port")
    write_files(inputs.files, objects / "board")
    # makemanifest.py compares time stamps, which is wrong if another manifest was used before.
    (objects / "frozen_content.c").unlink(missing_ok=True)
    shutil.rmtree(objects / "frozen_mpy", ignore_errors=True)
    command = [
        "make", f"-j{JOBS}", "-C", str(objects / "port"), "--no-print-directory",
        f"MPY={inputs.tree}", f"GEN={objects / 'board'}", f"BUILD={objects}",
        f"CROSS_COMPILE={PREFIX}", f"VARIANT_CFLAGS={VARIANTS[variant]}",
        f"FROZEN_MANIFEST={objects / 'board/manifest.py'}",
        f"MICROPY_MPYCROSS={inputs.toolchain.mpy_cross}",
    ]  # fmt: skip
    _run(command, objects / "build.log", name, progress)
    _keep(objects, elf)
    drop_old(elf.parent.parent, name)
    drop_old(objects.parent, inputs.shared)


def _run(command: list[str], log: Path, what: str, progress: Progress) -> None:
    """Runs make and turns its lines into progress: it says once how many objects there are."""
    # The version is the release's; without these, py/makeversionhdr.py would ask the git
    # repository that the cache happens to be in, and take today's date.
    environment = os.environ | {
        "MICROPY_GIT_TAG": "v1.25.0",
        "MICROPY_GIT_HASH": "",
        "SOURCE_DATE_EPOCH": "1744675200",  # 2025-04-15
        "PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
    }
    total, compiled = 0, 0
    with (
        open(log, "w") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            file.write(line)
            if line.startswith("OBJECTS "):
                total = int(line.split()[1])
            compiled += line.startswith(("CC ", "AS "))
            if line.startswith("CC ") and compiled % 20 == 0:
                progress(f"building MicroPython for {what}: {compiled} of {total} files compiled")
    if process.returncode:
        lines = log.read_text().splitlines()
        errors = [line for line in lines if "rror: " in line or "overflowed" in line] or lines[-5:]
        raise FirmwareError(
            f"make failed for {what}: {' / '.join(errors[:3])}. The whole output is in {log}."
        )
    progress(f"built MicroPython for {what}")


def _keep(objects: Path, elf: Path) -> None:
    """Copies the result out of the objects; the directory appears complete or not at all."""
    partial = elf.parent.with_name(elf.parent.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file in ("firmware.elf", "firmware.map", "build.log"):
        shutil.copy(objects / file, partial)
    partial.rename(elf.parent)


def drop_old(folder: Path, name: str) -> None:
    """Remove builds of that name that were not used lately."""
    used = {path: path.stat().st_mtime for path in folder.glob(f"{name}-*")}
    for path in sorted(used, key=lambda path: used[path], reverse=True)[KEPT:]:
        if time.time() - used[path] > RECENT_S:
            shutil.rmtree(path, ignore_errors=True)
