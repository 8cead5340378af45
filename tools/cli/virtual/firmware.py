"""The image that a virtual board runs: the user's, or the bench firmware."""

from __future__ import annotations

import argparse
import re
import struct
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from ... import boards, firmware, packages, paths, tables
from ...bench import chip
from ...bench.board import VirtualBoard
from ...bench.image import Segment, load_image
from ...paths import BOARDS, MANIFEST
from ...tables.family import Die, Family
from ..errors import CliError, Code

MACHINE = re.compile(rb"([ -~]+) with STM32\w")  # MICROPY_BANNER_MACHINE, py/mpconfig.h


def image(args: argparse.Namespace, *, frozen: bool = False) -> Path:
    """The file that --firmware names, or the bench firmware, built if need be."""
    _board(args.board)
    if args.firmware is None:
        return build(args.board, frozen=frozen)
    if not args.firmware.is_file():
        raise CliError(f"there is no firmware image {args.firmware}")
    try:
        board = VirtualBoard.load(args.board, args.firmware)
        other = misfit(board, load_image(args.firmware, board.soc.flash.base_address))
    except (OSError, ValueError) as error:
        raise CliError(str(error)) from error
    if other:
        raise CliError(f"{args.firmware} is for another board than {args.board}: {other}")
    return args.firmware


def misfit(board: VirtualBoard, segments: list[Segment]) -> str:
    """Why an image is not for a board; "" if it may be. It has the name that os.uname().machine
    shows, and a vector table."""
    found = [match for _, data in segments for match in MACHINE.findall(data)]
    names = {match.rpartition(b"; ")[2].decode() for match in found}
    if names and board.name not in names:
        return f"it calls itself {min(names)}, not {board.name}"
    start = board.soc.flash.base_address
    vectors = next((data[:8] for at, data in segments if at == start), b"")
    if len(vectors) < 8:
        return ""
    stack, entry = struct.unpack("<2I", vectors)
    areas = [r for r in board.chip.memory if r.kind in ("sram", "ccm", "tcm")]
    if not any(r.base < stack <= r.end for r in [*areas, *board.soc.map.externals]):
        return f"its stack starts at 0x{stack:08X}, where the {board.chip.name} has no RAM"
    if not any(at <= entry < at + len(data) for at, data in segments):
        return f"its first instruction is at 0x{entry:08X}, which is not part of it"
    return ""


def can_mount(board: str) -> bool:
    """The library can come from this machine's disk. Not if the heap is where code cannot run, or
    if the board is as small as those that have no file system."""
    return has_files(board) and "heap" not in _board(board)["memory"]


def has_files(board: str) -> bool:
    """The bench firmware of a board has a file system."""
    return "filesystem" in _board(board)["memory"]


def family(board: str) -> str:
    """Of the chip on a board, as tools/packages.py names it."""
    return packages.short(die(board)[0])


def die(board: str) -> tuple[Family, Die]:
    """That of the chip on a board, in the tables of the library."""
    name = _board(board)["chip"]
    dev_id = chip.load(name).dev_id
    for family, die in tables.dies():
        if die.dev_id == dev_id:
            return family, die
    raise CliError(f"romboot has no table for the {name} of {board}, DEV_ID 0x{dev_id:03X}")


def build(
    board: str, *, frozen: bool = False, small: bool = False, one_chip: bool = False
) -> Path:
    """The bench firmware; frozen: with the library for its family, or for its chip alone; small:
    with its small edition. Its progress goes to stderr."""
    of = {"chip": _board(board)["chip"]} if one_chip else {"family": family(board)}
    manifest = _manifest(**of, small=small) if frozen else None
    try:
        return firmware.build(board, frozen_manifest=manifest, progress=_progress)
    except firmware.FirmwareError as error:
        raise CliError(str(error)) from error


def _manifest(**options: str | bool) -> Path:
    """Freezes the library with these options of lib/manifest.py; takes the option asm itself."""
    words = ", ".join(f"{name}={value!r}" for name, value in options.items())
    text = f"options.defaults(asm=True)\ninclude({str(MANIFEST)!r}, asm=options.asm, {words})\n"
    name = f"{sha256(text.encode()).hexdigest()[:16]}.py"
    path = paths.cache() / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _board(name: str) -> dict[str, Any]:
    path = BOARDS / f"{name}.toml"
    if not path.is_file():
        raise CliError(boards.unknown(name), Code.COMMAND_LINE)
    about = boards.read(path)
    if "refused" in about:
        raise CliError(f"there is no virtual {name}: {about['refused']}", Code.REFUSED)
    return about


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)
