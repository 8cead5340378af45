"""Where the board is when a command ends early, and what to type next."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise

from ..errors import CliError, Code, GoneError, Next, command_line

BOOT0_RESET = "after a reset with BOOT0 high"
STARTING = "The ROM was told to start the firmware: its prompt comes, or press reset."
ENDURES = "The ROM bootloader cannot be erased"


class Where(Enum):
    """The value is a sentence for the user."""

    UNTOUCHED = "Nothing was touched."
    ASKED = "Nothing was changed, but Ctrl-C may have ended a program."
    AT_PROMPT = "Nothing was written, and the board is at its prompt."
    RESTARTED = "Nothing was written."
    ENTERING = (
        "Nothing was erased. If no prompt comes back, the board is in its ROM bootloader; the "
        "reset button starts its firmware."
    )
    INSTALLING = (
        "The board is at its prompt, and the library may not be whole: the same command begins "
        "again."
    )
    IN_ROM = (
        "Nothing was erased; the board is in its ROM bootloader, and the reset button starts its "
        "firmware."
    )
    FOUND = "Nothing was changed; the board is in its ROM bootloader, as it was before."
    READ = "The file was made; the board is in its ROM bootloader."
    HALF = f"{ENDURES}, and the board is still in it. Its firmware is not whole."
    GONE = (
        f"{ENDURES}, but the firmware is not whole. If the board has lost its power, start it "
        "with BOOT0 high."
    )
    LOST = "Nothing was erased: with power, or after a reset, the board starts its firmware."
    WRITTEN = (
        "The file is in the flash, but was not read back and compared; the board is still in its "
        "ROM bootloader."
    )
    GONE_WRITTEN = "The file is in the flash, but was not read back and compared."
    VERIFIED = (
        "The new firmware is in the flash, read back and compared; the board is still in its ROM "
        "bootloader, and the reset button starts its firmware."
    )
    NO_START = (
        "The file is in the flash, read back and compared; the board is still in its ROM "
        "bootloader."
    )
    STARTED = "The new firmware is in the flash, read back and compared."
    LEFT = "Nothing was written."


NOTHING_ERASED = (Where.ENTERING, Where.IN_ROM, Where.FOUND)
# The firmware is whole, as far as is known.
TO_START = (*NOTHING_ERASED, Where.READ, Where.WRITTEN, Where.VERIFIED)
AFTER_LEAVING = {  # the ROM
    Where.VERIFIED: Where.STARTED, **dict.fromkeys((*NOTHING_ERASED, Where.READ), Where.LEFT),
}  # fmt: skip
# What an error means that has no code of its own, by where the board is.
CODES = {
    Where.UNTOUCHED: Code.OTHER,
    Where.ASKED: Code.OTHER,
    Where.AT_PROMPT: Code.OTHER,
    Where.RESTARTED: Code.OTHER,
    Where.INSTALLING: Code.OTHER,
    Where.ENTERING: Code.NOT_ENTERED,
    Where.READ: Code.NOT_BACK,
    Where.VERIFIED: Code.NOT_BACK,
    Where.STARTED: Code.NOT_BACK,
    Where.LEFT: Code.NOT_BACK,
}
GONE = {  # if it goes from there
    Where.HALF: Where.GONE, Where.WRITTEN: Where.GONE_WRITTEN, Where.VERIFIED: Where.STARTED,
}  # fmt: skip
AGAIN = {
    "flash": "To flash it from there",
    "read": "To read it from there",
    "prove": "To begin again, from there",
}
VAIN = (Code.REFUSED, Code.COMMAND_LINE)  # the same command would end alike
INSTEAD = {"--rom": "--usb", "--usb": "--rom"}  # no command takes both


def ended(where: Where, args: argparse.Namespace, error: CliError) -> CliError:
    """The error as the user gets it: with where the board is, and what to type next."""
    if isinstance(error, GoneError):
        where = GONE.get(where, Where.LOST)
    said = str(error)
    end = "" if said.endswith("\n") else " " if said[-1] in ".?!" else ". "
    code = CODES.get(where, Code.BROKEN_OFF) if error.code is None else error.code
    starting = f" {STARTING}" if _interrupted_while_it_starts(where, error) else ""
    return CliError(
        f"{said}{end}{where.value}{starting}", code, next=list(_next(where, args, error))
    )


def _interrupted_while_it_starts(where: Where, error: CliError) -> bool:
    return error.code == Code.INTERRUPTED and where in (Where.STARTED, Where.LEFT)


def _next(where: Where, args: argparse.Namespace, error: CliError) -> Iterator[Next]:
    """The commands that help, ready to paste, with the options that the user gave."""
    if error.next:
        yield from error.next
        return
    if error.ways:
        yield from (Next(again(args, *options), about) for options, about in error.ways)
    elif where in (Where.HALF, Where.GONE, Where.WRITTEN, Where.GONE_WRITTEN):
        yield Next(again(args), "To erase and write the whole file once more")
    elif where in NOTHING_ERASED and args.command.name in AGAIN and error.code not in VAIN:
        yield Next(again(args), AGAIN[args.command.name])
    if _interrupted_while_it_starts(where, error):
        yield Next(other(args, "leave"), "To wait for its prompt")
    elif where in TO_START and args.command.name != "leave":
        yield to_start(args)


def to_start(args: argparse.Namespace) -> Next:
    """For a board in its ROM, with whole firmware as far as is known."""
    return Next(other(args, "leave"), "To start the firmware that it has")


def on_usb(args: argparse.Namespace, path: str) -> Iterator[Next]:
    """For a board whose ROM is at this USB path, and not where the user looked for it."""
    there = in_rom_at(args, path)
    if args.command.name in AGAIN:
        yield Next(again(there), AGAIN[args.command.name])
    yield to_start(there)


def without_prompt(args: argparse.Namespace, *, own_usb: bool) -> Iterator[Next]:
    """For a board that does not answer at its port. own_usb: the port is that of its own USB, so
    it is not in its ROM. A ROM at --rom has been asked already."""
    if args.device and not own_usb:
        usb = ("--usb", args.usb) if args.usb else ()
        yield Next(command_line("leave", *usb), "If it is in its ROM, on USB")
    rom = () if own_usb or args.rom or args.usb else ("--rom", "PORT")
    if rom:
        yield Next(other(args, "leave", *rom), "If it is in its ROM, which is wired to PORT")
    yield from with_files_lost(args, f"If its program never stops, {BOOT0_RESET}", *rom)


def with_files_lost(args: argparse.Namespace, about: str, *rom: str) -> Iterator[Next]:
    """For a board whose boot.py or main.py is in the way. rom: where its ROM is, if the user did
    not say so."""
    words = (*rom, "--erase-all")
    is_flash = args.command.name == "flash"
    command = again(args, *words) if is_flash else other(args, "flash", "FILE", *words)
    yield Next(command, f"{about}; the files on the board are lost by it")


def again(args: argparse.Namespace, *options: str) -> str:
    """The command as it was typed, with further options; one that it has, or that does not go
    together with them, is replaced."""
    words = list(args.typed)
    for option, after in pairwise((*options, "--")):
        if option.startswith("--"):
            words = _without(words, option, value=not after.startswith("--"))
            if option in INSTEAD:
                words = _without(words, INSTEAD[option], value=True)
    return command_line(*words, *options)


def in_rom_at(args: argparse.Namespace, path: str) -> argparse.Namespace:
    """The same command line for a board whose ROM is at this USB path, and which has no port."""
    typed: Sequence[str] = args.typed
    for option in ("--device", "--rom", "--usb"):
        typed = _without(typed, option, value=True)
    moved = {"device": None, "rom": None, "usb": path, "typed": [*typed, "--usb", path]}
    return argparse.Namespace(**{**vars(args), **moved})


def _without(words: Sequence[str], option: str, *, value: bool) -> list[str]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == option:
            if value:
                next(rest, None)
        elif not word.startswith(f"{option}="):
            kept.append(word)
    return kept


def other(args: argparse.Namespace, command: str, *words: str) -> str:
    """Another command for the same board."""
    given = (("--device", args.device), ("--rom", args.rom), ("--usb", args.usb))
    ports = [word for option, port in given if port for word in (option, port)]
    return command_line(command, *words, *ports)
