"""romboot info, plan and enter: the library on a board at the other end of a serial port."""

from __future__ import annotations

import argparse
import contextlib

from .. import tables
from ..tables.family import Family
from . import leaving
from .errors import CliError
from .prompt import NoPromptError, Prompt, check_port, connected

VERDICT = "romboot verdict: "  # marks the line that is for this program, not for the user
NAME = 16  # characters for RCC.PLLSAICFGR and the like


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
    """Enter the bootloader; say what was seen of it."""
    one_cable = args.rom == args.device
    if args.rom and not one_cable:
        check_port(args.rom)  # before the board goes
    if one_cable and _is_there_already(args.rom):  # the prompt's first word would spoil it
        return 0
    try:
        prompt = Prompt(args.device)
    except NoPromptError:
        if args.rom and not one_cable and _is_there_already(args.rom):
            return 0
        raise
    with contextlib.closing(prompt):
        _provide(prompt, args)
        leaving.leave(prompt, force=args.force, via=args.via)
        if args.rom is None:
            leaving.watch(prompt)
            print("The board has left MicroPython, and its prompt does not come back.")
            return 0
    from . import rom

    with rom.connected(args.rom) as loader:
        print(f"The ROM bootloader answers on {args.rom}: {rom.describe(loader)}")
    return 0


def _is_there_already(port: str) -> bool:
    """A prompt ignores what the ROM is asked with, a DEL."""
    from . import rom

    try:
        with rom.connected(port) as loader:
            print(f"The board is in its ROM bootloader already: {rom.describe(loader)}")
    except CliError:
        return False
    return True


def _provide(prompt: Prompt, args: argparse.Namespace) -> None:
    if not args.installed:
        prompt.mount_library()
