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
from pathlib import Path
from typing import Any, NamedTuple, cast

from .. import paths
from . import arguments, said
from .errors import EXIT_CODES, CliError, Code

ABOUT = (
    "New firmware for an STM32 board with MicroPython, by the ROM bootloader of its\n"
    "chip: no BOOT0 pin, no button, no probe."
)
MORE = (
    "romboot COMMAND --help has the options of a command, and the exit codes of all.\n"
    "-v says what is being done."
)
BENCH = ("unicorn", "fcntl", "pty", "termios", "tty")  # not everywhere; only the bench needs them


class Command(NamedTuple):
    """`module` has a function `function`, which takes the parsed arguments, returns the exit code
    and raises CliError with a sentence. `more`: what --help says beside the summary."""

    name: str
    summary: str
    module: str
    function: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    more: str = ""


COMMANDS = (
    Command(
        "flash", "write a firmware file, and wait for its prompt",
        "device.flash", "flash", arguments.flash,
    ),
    Command(
        "leave", "from the ROM back to the firmware",
        "device.beside", "leave", arguments.leave,
    ),
    Command(
        "read", "copy the flash into a file",
        "device.beside", "read", arguments.read,
        "A board that was at its prompt is there again at the end; one that was in its ROM stays "
        "there, until `romboot leave`.",
    ),
    Command(
        "boards", "what is connected",
        "device.beside", "boards", arguments.boards,
    ),
    Command(
        "info", "what the chip of a board is, and how its ROM is reached",
        "device.target", "info", arguments.info,
    ),
    Command(
        "plan", "every write that entering the ROM would do, and whether it may",
        "device.target", "plan", arguments.plan, "Exit code 5 if it may not.",
    ),
    Command(
        "enter", "put a board into its ROM bootloader",
        "device.target", "enter", arguments.enter,
    ),
    Command(
        "script", "print a file that `mpremote run` enters the ROM with",
        "device.script", "run", arguments.script,
    ),
    Command(
        "install", "put the library into the file system of a board",
        "device.install", "run", arguments.install,
    ),
    Command(
        "prove", "try all of this on a real board without writing its flash",
        "prove.command", "prove", arguments.prove,
        "Into the ROM by each way and connection, several times, and back; with a report. Exit "
        "code 0 if each way that is not refused led into the ROM at least once, and each time "
        "back to the prompt. With 0, 5, 6, 7 and 11 there is a report.",
    ),
    Command(
        "demo", "the whole way on a virtual board",
        "virtual.demo", "run", arguments.virtual,
    ),
    Command(
        "bench", "start a virtual board, for any serial tool",
        "virtual.bench", "run", arguments.bench,
    ),
    Command(
        "measure", "what entering costs: instructions, heap, flash",
        "virtual.measure", "run", arguments.measure,
    ),
)  # fmt: skip


class Top(arguments.Parser):
    """Its help fits one screen."""

    def format_help(self) -> str:
        """A line for each command."""
        lines = [f"  {command.name:<10} {command.summary}" for command in COMMANDS]
        return "\n".join([self.format_usage(), ABOUT, "", *lines, "", MORE, ""])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = Top(prog="romboot", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"romboot {paths.version()}")
    arguments.verbose(top, False)
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=arguments.Parser
    )
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}. {command.more}",
            epilog=EXIT_CODES,
            allow_abbrev=False,
        )
        arguments.verbose(sub, argparse.SUPPRESS)
        command.add_arguments(sub)
        sub.set_defaults(command=command, wrong=sub.error)
    return top


def main(argv: Sequence[str]) -> int:
    """Run one command."""
    # None: the shell has closed it, `>&-`.
    stream = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, until the end
    output = said.Output(stream)
    with contextlib.redirect_stdout(cast(Any, output)):
        code = _main(argv)
    return code or (Code.OTHER if output.lost else Code.DONE)


def _main(argv: Sequence[str]) -> int:
    try:
        return _run(_parsed(argv))
    except CliError as error:
        as_json = said.in_json(argv)
        if isinstance(error, arguments.WrongError) and not as_json:
            print(error.usage, end="", file=sys.stderr)
        said.ends(error, as_json=as_json)
        return error.exit_code
    except OSError as error:
        said.ends(_no_cache(error), as_json=said.in_json(argv))
        return Code.OTHER


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    line = parser()
    _complete(line)
    try:
        args, unknown = line.parse_known_args(argv or ["--help"])
        if unknown:
            args.wrong(f"unrecognized arguments: {' '.join(unknown)}")
    except arguments.WrongError as error:
        files = [w for w in argv if w.startswith("-") and w.lower().endswith(arguments.FILES)]
        if not files or "=" in files[0]:
            raise
        hint = f"{files[0]} begins with - as options do: if it is a file, name it ./{files[0]}"
        raise arguments.WrongError(f"{error}. {hint}", error.usage) from None
    args.typed = argv
    return args


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
    return getattr(module, command.function)(args)


def _no_cache(error: OSError) -> CliError:
    """Of downloads and builds, which cannot be read or written. Raises any other error."""
    cache, path = paths.cache(), Path(error.filename or ".")
    if not (path.is_relative_to(cache) or cache.is_relative_to(path)):
        raise error
    return CliError(
        f"{path}: {error.strerror}. Downloads and builds are kept in {cache}: the variable "
        "ROMBOOT_CACHE names another folder"
    )


def _missing(command: str, module: str) -> str:
    if module == "unicorn":
        return (
            f"{command} needs the virtual board, which is not installed: "
            "pip install 'romboot[bench]'"
        )
    return f"{command} needs pseudo terminals (Python's {module}), which this system has not got"
