"""The arguments of each command. Imports nothing of the commands: --help needs none of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from .errors import CliError, Code

DEFAULT_BOARD = "NUCLEO_F429ZI"
FLASH = 0x08000000  # of every STM32
FILES = (".dfu", ".hex", ".elf", ".bin")  # the format of a file is in its name
BAUD = 115_200  # the most that AN3155 2 promises of every ROM


class WrongError(CliError):
    """A wrong command line. `usage`: what a right one looks like."""

    code = Code.COMMAND_LINE

    def __init__(self, sentence: str, usage: str) -> None:
        super().__init__(sentence)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """Does not end the program: a wrong command line is an error like others."""

    def error(self, message: str) -> NoReturn:
        """WrongError."""
        raise WrongError(message, self.format_usage())


def verbose(parser: argparse.ArgumentParser, default: object) -> None:
    """-v, before or after the command."""
    parser.add_argument(
        "-v", "--verbose", action="store_true", default=default, help="say what is being done"
    )


def place(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Which board; its ROM is at neither --rom nor another baud rate, unless options say so."""
    parser.add_argument(
        "--device", metavar="PORT", help="serial port of its prompt, if there are several boards"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object for each state")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--usb", metavar="PATH", help="USB path of the board, such as 1-2")
    parser.set_defaults(rom=None, baud=BAUD)
    return group


def where(parser: argparse.ArgumentParser) -> None:
    """The same, and where its ROM answers."""
    place(parser).add_argument(
        "--rom", metavar="PORT", help="serial port on pins of the ROM, where USB is not used"
    )
    parser.add_argument(
        "--baud", type=_positive, default=BAUD, metavar="N",
        help="of the ROM's serial port (%(default)s, which every ROM can)",
    )  # fmt: skip


def tries(parser: argparse.ArgumentParser) -> None:
    """--tries."""
    parser.add_argument(
        "--tries", type=_positive, default=10, metavar="N",
        help="how often to enter if the ROM resets the chip (%(default)s)",
    )  # fmt: skip


def via(parser: argparse.ArgumentParser) -> None:
    """--via."""
    parser.add_argument(
        "--via", choices=("jump", "reset"),
        help="only this way: straight into system memory, or through a system reset",
    )  # fmt: skip


def force(parser: argparse.ArgumentParser) -> None:
    """--force, as the library has it."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="enter in spite of a refusal that names force=True, as at protection level 2",
    )


def installed(parser: argparse.ArgumentParser) -> None:
    """--installed."""
    parser.add_argument(
        "--installed", action="store_true",
        help="use the library that is on the board, not that of this command",
    )  # fmt: skip


def info(parser: argparse.ArgumentParser) -> None:
    """Which board, and whose library."""
    place(parser)
    installed(parser)


def plan(parser: argparse.ArgumentParser) -> None:
    """The same, and how to enter."""
    info(parser)
    via(parser)
    force(parser)


def enter(parser: argparse.ArgumentParser) -> None:
    """The same, and where the ROM answers."""
    where(parser)
    tries(parser)
    via(parser)
    force(parser)
    installed(parser)


def flash(parser: argparse.ArgumentParser) -> None:
    """A file, and where the board is."""
    parser.add_argument("file", type=_file, metavar="FILE", help=".dfu, .hex, .elf or .bin")
    where(parser)
    tries(parser)
    parser.add_argument(
        "--address", type=_word, metavar="N",
        help="where a .bin goes, if not to 0x08000000; the other formats say it themselves",
    )  # fmt: skip
    parser.add_argument(
        "--erase-all", action="store_true", help="erase all of the flash, files included"
    )
    parser.add_argument("--yes", action="store_true", help="yes to each question")
    parser.add_argument(
        "--force",
        action="store_true",
        help="write the file although it seems to be for another board, or its sectors are "
        "protected; a chip that refuses to enter its ROM still does (romboot enter --force)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be done, and write nothing; a program that runs on the board is "
        "interrupted, as its prompt is asked, and main.py started again",
    )


def prove(parser: argparse.ArgumentParser) -> None:
    """Where the board is, how often to enter, and where the report goes."""
    where(parser)
    parser.add_argument(
        "--times", type=_positive, default=3, metavar="N",
        help="how often to enter by each way and connection (%(default)s)",
    )  # fmt: skip
    via(parser)
    parser.add_argument(
        "--wait", type=_positive, default=60, metavar="SECONDS",
        help="for the reset button, where only that gets the prompt back (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="to be made (BOARD-DATE.json in this folder)"
    )
    parser.set_defaults(tries=1)  # each is an outcome of its own


def script(parser: argparse.ArgumentParser) -> None:
    """Which chip it is for."""
    parser.add_argument(
        "--chip", required=True, metavar="NAME", help="part number, such as STM32L073RZ"
    )
    force(parser)


def leave(parser: argparse.ArgumentParser) -> None:
    """Where the board is, and what it is to start."""
    where(parser)
    parser.add_argument(
        "--address", type=_number, default=FLASH, metavar="N",
        help="of the application's vector table (0x08000000)",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true", help="start it although it seems not to be whole"
    )


def read(parser: argparse.ArgumentParser) -> None:
    """Where the board is, and what goes where."""
    parser.add_argument("file", type=_file, metavar="FILE", help="to be made: .bin or .dfu")
    where(parser)
    tries(parser)
    parser.add_argument(
        "--address", type=_number, metavar="N", help="from here on; without it, from the start"
    )
    parser.add_argument(
        "--length", type=_length, metavar="N", help="bytes; without it, to the end"
    )


def boards(parser: argparse.ArgumentParser) -> None:
    """Whether they may be disturbed."""
    parser.add_argument(
        "--ask",
        action="store_true",
        help="ask each prompt; what runs there is interrupted, and main.py started again",
    )
    parser.add_argument("--json", action="store_true", help="a JSON object for each")


def install(parser: argparse.ArgumentParser) -> None:
    """Which board, and which files it gets."""
    place(parser)
    parser.add_argument(
        "--family",
        default="auto",
        help="of the chip, such as f4; if not given, it is read from the chip",
    )


def virtual(parser: argparse.ArgumentParser) -> None:
    """A virtual board and what it runs."""
    parser.add_argument(
        "board", nargs="?", type=_board_name, default=DEFAULT_BOARD, metavar="BOARD",
        help="a file in boards/ (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--firmware",
        type=Path,
        metavar="FILE",
        help="a MicroPython image (.elf, .hex, .bin, .dfu) instead of the bench firmware",
    )


def bench(parser: argparse.ArgumentParser) -> None:
    """The same, and what is kept of it."""
    virtual(parser)
    parser.add_argument(
        "--flash",
        type=_file,
        metavar="FILE",
        help="keep the flash, and so the file system, in this file",
    )
    parser.add_argument(
        "--link", type=_file, metavar="DIR", help="make links to the terminals there"
    )
    parser.add_argument(
        "--rom-resets",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="in so many of its starts, from 0 to 1, the ROM resets the chip, as that of an F405 "
        "with a crystal above 8 MHz does; each run has the same ones",
    )
    parser.add_argument(
        "--usb",
        action="store_true",
        help="plug a USB cable in, on Linux with the package umockdev; says how dfu-util and "
        "mpremote see it",
    )
    parser.add_argument(
        "--usb-fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="something that goes wrong on USB, such as leave=goes-first or twin; seed=NUMBER "
        "chooses",
    )


def measure(parser: argparse.ArgumentParser) -> None:
    """The same, and where the figures go."""
    virtual(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _file(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return Path(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 1")
    return share


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF_FFFF:
        raise argparse.ArgumentTypeError(f"{text} is no number such as 0x08000000 or 16384")
    return number


def _length(text: str) -> int:
    number = _number(text)
    if not number:
        raise argparse.ArgumentTypeError("0 bytes are nothing to read")
    return number


def _word(text: str) -> int:
    number = _number(text)
    if number % 4:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of 4: the ROM writes whole words")
    return number


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


def _board_name(text: str) -> str:
    # boards/PYBV11.toml is how a shell completes it.
    return Path(text.removesuffix(".toml")).name or text
