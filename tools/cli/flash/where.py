"""Where the board is when a command ends early, and what to type next."""

from __future__ import annotations

import argparse
import shlex
from enum import Enum

BRICKED = "Nothing is bricked: its ROM bootloader cannot be erased"


class Where(Enum):
    """{again} is the same command, {leave} the one that starts the application."""

    UNTOUCHED = "Nothing was touched."
    AT_PROMPT = "Nothing was written, and the board is at its prompt."
    LEAVING = (
        "Nothing was erased. If no prompt comes back the board is in its ROM bootloader: "
        "{again}  goes on,  {leave}  or the reset button starts the firmware that it has."
    )
    IN_ROM = (
        "Nothing was erased; the board is in its ROM bootloader:  {again}  goes on,  {leave}  or "
        "the reset button starts the firmware that it has."
    )
    HALF = f"{BRICKED}. The board is still in it, and its firmware is not whole. Again:  {{again}}"
    GONE = (
        f"{BRICKED}, but its firmware is not whole. If it has lost its power, start it with BOOT0 "
        "high. Then again:  {{again}}"
    )
    WRITTEN = "The file is in the flash, but what was read back was not compared. Again:  {again}"
    VERIFIED = (
        "The new firmware is in the flash, read back and compared. Press reset, or take the power "
        "away for a second; then  mpremote  has the prompt."
    )

    def say(self, args: argparse.Namespace) -> str:
        """The sentence for this command line."""
        return self.value.format(again=again(args), leave=_line("leave", _ports(args)))


def again(args: argparse.Namespace) -> str:
    """The command, to be typed again."""
    files = [str(args.file)] if hasattr(args, "file") else []
    return _line(str(args.command.name), [*files, *_ports(args)])


def _ports(args: argparse.Namespace) -> list[str]:
    given = (("--device", args.device), ("--rom", args.rom), ("--usb", args.usb))
    return [word for option, port in given if port for word in (option, port)]


def _line(command: str, words: list[str]) -> str:
    return shlex.join(["romboot", command, *words])
