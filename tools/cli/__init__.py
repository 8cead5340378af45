"""The `romboot` command: a table of commands, each a function that returns an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from . import bench, demo, measure, target
from .errors import CliError

DESCRIPTION = "From a MicroPython prompt on an STM32 into its factory ROM bootloader."
EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done (a sentence on stderr says why); 2 the command "
    "line is wrong; 130 Ctrl-C."
)

Command = tuple[str, str, Callable[[argparse.ArgumentParser], None], Callable[..., int]]

COMMANDS: tuple[Command, ...] = (
    ("demo", "boot a virtual board, enter its bootloader, show the proof", *demo.COMMAND),
    ("bench", "start a virtual board and leave it running for any serial tool", *bench.COMMAND),
    ("info", "what a board's chip and ROM are", *target.INFO),
    ("plan", "every write that entering would do, and whether it may", *target.PLAN),
    ("enter", "put a board into its ROM bootloader", *target.ENTER),
    ("measure", "instructions, blackout, heap and flash, beside the tutorial", *measure.COMMAND),
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="romboot", description=DESCRIPTION, epilog=EXIT_CODES)
    top.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary, add_arguments, run in COMMANDS:
        sub = commands.add_parser(name, help=summary, description=summary)
        add_arguments(sub)
        sub.set_defaults(run=run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    args = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(message)s"
    )
    try:
        return args.run(args)
    except CliError as error:
        print(f"romboot: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
