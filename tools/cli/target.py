"""romboot info, plan and enter: the library on a board at the other end of a serial port."""

from __future__ import annotations

import argparse
import sys

from .. import tables
from ..tables.family import Family
from . import dfu, leaving, rom
from .arriving import BackError, Watch
from .errors import CliError
from .prompt import BoardError, InRomError, Prompt, check_port, connected

VERDICT = "romboot verdict: "  # marks the line that is for this program, not for the user
NAME = 16  # characters for RCC.PLLSAICFGR and the like

MEMORY = ("MemoryError", "KB of free heap")  # Python's, and lib/romboot/__init__.py's
TOO_SMALL = (
    "the heap of this board has no room for the library (16 KB, 4 KB when it is frozen): freeze "
    "romboot into the firmware, see the README"
)

WHY = (
    "The ROM of an F405 or F407 resets the chip now and then when it measures a crystal of more "
    "than 8 MHz"
)


def info(args: argparse.Namespace) -> int:
    """Print what the chip is."""
    with connected(args.device) as prompt:
        _provide(prompt, args)
        print(prompt.run("import romboot; romboot.info()"), end="")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Print what entering would do. Exit code 1 if something stands in the way."""
    code = f"import romboot; p = romboot.plan(force={args.force}, via={args.via!r}); print(p)"
    with connected(args.device) as prompt:
        _provide(prompt, args)
        output = prompt.run(f"{code}; print({VERDICT!r} + p.chip.family.__name__, bool(p))")
    table, _, verdict = output.rpartition(VERDICT)
    module, _, free = verdict.strip().partition(" ")
    print(with_names(table, tables.family(module.rpartition(".")[2])), end="")
    return 0 if free == "True" else 1


def with_names(table: str, family: Family) -> str:
    """A plan's table with the names that manuals give to registers: the board knows blocks and
    offsets only, as the names would take more flash than its code."""
    lines = []
    for line in table.splitlines(keepends=True):
        if line.startswith(("0x", "address ")):
            address, register, rest = line.split(None, 2)
            if address.startswith("0x"):
                register = tables.names(int(address, 16), family) or register
            line = f"{address:<10}  {register:<{NAME}}  {rest}"
        lines.append(line)
    return "".join(lines)


def enter(args: argparse.Namespace) -> int:
    """Enter the bootloader, again if the ROM does not stay; say what was seen of it."""
    two_cables = args.rom and args.rom != args.device
    if two_cables:
        check_port(args.rom, "--rom")  # before the board goes
    if two_cables and (said := rom.ask(args.rom)):
        print(f"The board is in its ROM bootloader already: {said}")
        return 0
    for attempt in range(1, args.tries + 1):
        try:
            seen = _enter(args)
        except InRomError as error:
            print(f"The board is in its ROM bootloader already: {error.seen}")
            return 0
        except BackError as error:
            print(f"romboot: try {attempt} of {args.tries}: {error}", file=sys.stderr, flush=True)
        else:
            print(seen if attempt == 1 else f"{seen}\nIt took {attempt} tries. {WHY}.")
            return 0
    raise CliError(
        f"the board left MicroPython {_times(args.tries)}, and each time its prompt came back: "
        f"the ROM did not stay. {WHY}: try again, with more --tries"
    )


def _enter(args: argparse.Namespace) -> str:
    before = dfu.devices()
    with connected(args.device) as prompt:
        _provide(prompt, args)
        leaving.leave(prompt, force=args.force, via=args.via)
        return Watch(prompt, args.rom, before).wait()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _provide(prompt: Prompt, args: argparse.Namespace) -> None:
    """See to it that `import romboot` works: by the library of this command or, if the heap has
    no room for that, by one that is frozen in."""
    if args.installed:
        _need(prompt)
        return
    try:
        prompt.mount_library()
        prompt.run("import romboot")
    except BoardError as error:
        if not any(sign in str(error) for sign in MEMORY):
            raise
        prompt.restart()
        try:
            prompt.run("import romboot")
        except BoardError:
            raise CliError(TOO_SMALL) from error
        print(
            "romboot: the heap has no room for the library of this command; the one in the "
            "firmware is used",
            file=sys.stderr,
            flush=True,
        )


def _need(prompt: Prompt) -> None:
    try:
        prompt.run("import romboot")
    except BoardError as error:
        if error.kind != "ImportError":
            raise
        raise CliError(
            "there is no library on this board: put it there with `romboot install`, or leave out "
            "--installed"
        ) from error
