"""romboot info, plan and enter: the library on a board at the other end of a serial port."""

from __future__ import annotations

import argparse

from . import leaving
from .prompt import Prompt, connected

VERDICT = "romboot verdict: "  # marks the line that is for this program, not for the user


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
        output = prompt.run(f"{code}; print({VERDICT!r} + str(bool(p)))")
    table, _, verdict = output.rpartition(VERDICT)
    print(table, end="")
    return 0 if verdict.strip() == "True" else 1


def enter(args: argparse.Namespace) -> int:
    """Enter the bootloader; say what was seen of it."""
    with connected(args.device) as prompt:
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


def _provide(prompt: Prompt, args: argparse.Namespace) -> None:
    if not args.installed:
        prompt.mount_library()
