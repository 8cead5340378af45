"""The image that a virtual board runs: the user's, or the bench firmware."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from .. import firmware
from ..paths import BOARDS, MANIFEST
from .errors import CliError


def image(args: argparse.Namespace, *, frozen: bool = False) -> Path:
    """The file that --firmware names, or the bench firmware, built if need be."""
    if args.firmware is None:
        return build(args.board, frozen=frozen)
    if not args.firmware.is_file():
        raise CliError(f"there is no firmware image {args.firmware}")
    return args.firmware


def can_mount(board: str) -> bool:
    """The library can come from this machine's disk. Not if the heap is where code cannot run, or
    if the board is as small as those that have no file system."""
    path = BOARDS / f"{board}.toml"
    memory = tomllib.loads(path.read_text())["memory"] if path.is_file() else {}
    return "filesystem" in memory and "heap" not in memory


def build(board: str, variant: str = "standard", *, frozen: bool = False) -> Path:
    """The bench firmware, with or without the library frozen in; its progress on stderr."""
    try:
        return firmware.build(
            board, variant, frozen_manifest=MANIFEST if frozen else None, progress=_progress
        )
    except firmware.FirmwareError as error:
        raise CliError(str(error)) from error


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)
