"""romboot info, plan and enter: a board at the other end of a serial port."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from .. import boards, tables
from ..tables.family import Family
from . import cables, dfu, leaving, rom
from .arriving import BackError, Watch
from .board import Board
from .errors import CliError, in_shell
from .flash import places
from .prompt import BoardError, InRomError, Prompt, check_port, connected

VERDICT = "romboot verdict: "  # marks the line that is for this program, not for the user
NAME = 16  # characters for RCC.PLLSAICFGR and the like

# Of a library on the board. While it waits to go the board says something every 50 ms, so that
# its silence means that it has gone.
INSTALLED = f"""
import time, romboot
romboot.enter_bootloader(after_ms={leaving.AFTER_MS}, force={{}}, via={{!r}})
print({leaving.GOING!r})
for _ in range({int(leaving.LONGEST_S / 0.05)}):
    time.sleep_ms(50)
    print('.', end='')
"""

WHY = (
    "The ROM of an F405 or F407 resets the chip now and then when it measures a crystal of more "
    "than 8 MHz"
)


def info(args: argparse.Namespace) -> int:
    """Print what the chip is, why entering is refused, if it is, and which cable reaches the
    ROM."""
    with connected(args.device) as prompt:
        if args.installed:
            _need(prompt)
            print(prompt.run("romboot.info()"), end="")
            prompt.restart()
        hosted = Board(prompt)
        found = hosted.info()
        if not args.installed:
            print(found.table())
        print(end="".join(f"refused     {reason}\n" for reason in hosted.reasons()))
        print(cables.table(cables.of(prompt, found.interfaces).about()))
    return 0


def plan(args: argparse.Namespace) -> int:
    """Print what entering would do. Exit code 1 if something prevents entry."""
    with connected(args.device) as prompt:
        if args.installed:
            table, module, free = _installed_plan(prompt, args)
        else:
            found = Board(prompt).plan(force=args.force, via=args.via)
            table, module, free = f"{found}\n", found.chip.family.__name__, bool(found)
    print(in_shell(with_names(table, tables.family(module.rpartition(".")[2]))), end="")
    return 0 if free else 1


def _installed_plan(prompt: Prompt, args: argparse.Namespace) -> tuple[str, str, bool]:
    _need(prompt)
    code = f"p = romboot.plan(force={args.force}, via={args.via!r}); print(p)"
    output = prompt.run(f"{code}; print({VERDICT!r} + p.chip.family.__name__, bool(p))")
    table, _, verdict = output.rpartition(VERDICT)
    module, _, free = verdict.strip().partition(" ")
    return table, module, free == "True"


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
    """Enter the bootloader, and say what was seen of it, and what may be done now."""
    known: cables.Cables | None = None

    def leave(prompt: Prompt) -> None:
        nonlocal known
        if args.installed:
            _need(prompt)
        known = cables.of(prompt, Board(prompt).info().interfaces)
        if args.installed:
            prompt.restart()
            leaving.leave(prompt, INSTALLED.format(args.force, args.via), None)
        else:
            Board(prompt).leave(force=args.force, via=args.via)

    before = dfu.devices()
    print(into_rom(args.device, leave, rom_port=args.rom, tries=args.tries))
    if known:
        usb = bool(dfu.devices() - before)
        print(cables.table(known.after_entry(args.rom, usb=usb)))
    return 0


def into_rom(
    device: str, leave: Callable[[Prompt], None], *, rom_port: str | None = None, tries: int = 10
) -> str:
    """Enter the bootloader, again if the ROM does not stay. What was seen of it, in a sentence.

    Args:
        device: the port of the prompt.
        leave: sends the board on its way, as Board.leave() does.
        rom_port: where the ROM answers, if that is known: then it has answered. It is known too if
            boards/ says that one cable serves both.
        tries: how often to enter.

    Raises:
        CliError: the board is not in its ROM, or does not answer where it should.
    """
    if rom_port and rom_port != device:  # two cables
        check_port(rom_port, "--rom")  # before the board goes
        if said := rom.ask(rom_port):
            return f"The board is in its ROM bootloader already: {said}"
    for attempt in range(1, tries + 1):
        before = dfu.devices()
        try:
            with connected(device) as prompt:
                rom_here = rom_port or _shared_cable(prompt)
                leave(prompt)
                seen = Watch(prompt, rom_here, before).wait()
        except InRomError as error:
            return f"The board is in its ROM bootloader already: {error.seen}"
        except BackError as error:
            print(f"romboot: try {attempt} of {tries}: {error}", file=sys.stderr, flush=True)
        else:
            return seen if attempt == 1 else f"{seen}\nIt took {attempt} tries. {WHY}."
    raise CliError(
        f"the board left MicroPython {_times(tries)}, and each time its prompt came back: "
        f"the ROM did not stay. {WHY}: try again, with more --tries"
    )


def _shared_cable(prompt: Prompt) -> str | None:
    """The port of the prompt, if boards/ says that the ROM listens on its pins too."""
    if places.place(prompt.port).usb:
        return None
    build = prompt.run("import sys; print(getattr(sys.implementation, '_build', ''))").strip()
    known = boards.find(build)
    return prompt.port if known and known.one_cable else None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


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
