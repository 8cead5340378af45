"""The image that a virtual board runs: the user's, or the bench firmware."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import firmware
from ..paths import MANIFEST
from .errors import CliError


def image(args: argparse.Namespace) -> Path:
    """The file that --firmware names, or the bench firmware, built if need be."""
    if args.firmware is None:
        return build(args.board)
    if not args.firmware.is_file():
        raise CliError(f"there is no firmware image {args.firmware}")
    return args.firmware


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
