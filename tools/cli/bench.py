"""romboot bench: a virtual board on pseudo terminals, until Ctrl-C."""

from __future__ import annotations

import argparse

from tools.bench import __main__ as server
from tools.cli import firmware


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BOARD, --firmware, --link."""
    firmware.add_argument(parser)
    parser.add_argument("--link", metavar="DIR", help="make links to the terminals there")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; its exit code."""
    words = [args.board, "--firmware", str(firmware.image(args))]
    return server.main([*words, "--link", args.link] if args.link else words)


COMMAND = add_arguments, run
