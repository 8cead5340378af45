"""romboot bench: a virtual board on pseudo terminals, until Ctrl-C."""

from __future__ import annotations

import argparse

from ..bench import __main__ as server
from . import firmware


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BOARD, --firmware, --flash, --link."""
    firmware.add_argument(parser)
    parser.add_argument(
        "--flash", metavar="FILE", help="keep the flash, and so the file system, in this file"
    )
    parser.add_argument("--link", metavar="DIR", help="make links to the terminals there")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; its exit code."""
    words = [args.board, "--firmware", str(firmware.image(args))]
    for option, value in (("--flash", args.flash), ("--link", args.link)):
        words += [option, value] if value else []
    return server.main(words)


COMMAND = add_arguments, run
