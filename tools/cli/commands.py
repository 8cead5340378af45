"""The `romboot` command: a table of commands, each in a module of its own.

A module is imported when its command runs. So the commands for a board on the desk need nothing
of the virtual board, which is optional, and which not every system can run.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .. import paths
from . import arguments, said
from .errors import CliError
from .flash.codes import EXIT_CODES as FLASH_CODES
from .prove.codes import EXIT_CODES as PROVE_CODES

DESCRIPTION = (
    "New firmware for an STM32 board that runs MicroPython, by the ROM bootloader of its chip: no "
    "BOOT0 pin, no button, no probe."
)
EXIT_CODES = "Exit codes: 0 done, 1 not: stderr says why, 2 wrong command line, 130 Ctrl-C."
BENCH = ("unicorn", "fcntl", "pty", "termios", "tty")  # not everywhere; only the bench needs them


class Command(NamedTuple):
    """`module` has a function `function`, which takes the parsed arguments, returns the exit code
    and raises CliError with a sentence."""

    name: str
    summary: str
    module: str
    function: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    exit_codes: str = EXIT_CODES


COMMANDS = (
    Command(
        "flash", "write a firmware file, and wait for its prompt",
        "flash.command", "flash", arguments.flash, FLASH_CODES,
    ),
    Command(
        "leave", "from the ROM back to the firmware", "flash.beside", "leave", arguments.leave,
        FLASH_CODES,
    ),
    Command(
        "read", "copy the flash into a file", "flash.beside", "read", arguments.read, FLASH_CODES
    ),
    Command(
        "boards", "what is connected", "flash.beside", "boards", arguments.boards, FLASH_CODES
    ),
    Command(
        "prove", "try all of it on a real board, without writing to its flash, and report",
        "prove.command", "prove", arguments.prove, PROVE_CODES,
    ),
    Command("info", "what a board's chip and ROM are", "target", "info", arguments.board),
    Command(
        "plan", "every write that entering would do, and whether it may", "target", "plan",
        arguments.plan,
    ),
    Command("enter", "put a board into its ROM bootloader", "target", "enter", arguments.enter),
    Command(
        "script", "print a file that `mpremote run` enters the bootloader with", "script", "run",
        arguments.script,
    ),
    Command(
        "install", "put the library into a board's file system", "install", "run",
        arguments.install,
    ),
    Command(
        "demo", "boot a virtual board, enter its bootloader, show the proof", "demo", "run",
        arguments.virtual,
    ),
    Command(
        "bench", "start a virtual board, for any serial tool", "bench", "run",
        arguments.bench,
    ),
    Command(
        "measure", "what entering costs, in instructions, heap and flash, beside the tutorial",
        "measure", "run", arguments.measure,
    ),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = arguments.Parser(
        prog="romboot", description=DESCRIPTION, epilog=EXIT_CODES, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"romboot {paths.version()}")
    arguments.verbose(top, False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.summary,
            epilog=command.exit_codes,
            allow_abbrev=False,
        )
        arguments.verbose(sub, argparse.SUPPRESS)
        command.add_arguments(sub)
        sub.set_defaults(command=command)
    return top


def main(argv: Sequence[str]) -> int:
    """Run one command."""
    try:
        line = parser()
        _complete(line)
        args = line.parse_args(argv)
        args.typed = argv
        return _run(args)
    except CliError as error:
        as_json = said.in_json(argv)
        if isinstance(error, arguments.WrongError) and not as_json:
            print(error.usage, end="", file=sys.stderr)
        said.ends(error, as_json=as_json)
        return error.code
    except BrokenPipeError:  # as in `romboot demo | head`; the exit would flush stdout once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _complete(line: argparse.ArgumentParser) -> None:
    """Where a shell asks what comes next, print that and exit."""
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("argcomplete").autocomplete(line)


def _run(args: argparse.Namespace) -> int:
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(message)s"
    )
    logging.captureWarnings(True)
    command: Command = args.command
    try:
        module = importlib.import_module(f".{command.module}", __package__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in BENCH:
            raise
        raise CliError(_missing(command.name, missing)) from error
    code = getattr(module, command.function)(args)
    sys.stdout.flush()
    return code


def _missing(command: str, module: str) -> str:
    if module == "unicorn":
        return (
            f"{command} needs the virtual board, which is not installed: "
            "pip install 'romboot[bench]'"
        )
    return f"{command} needs pseudo terminals (Python's {module}), which this system has not got"
