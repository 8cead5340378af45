"""romboot info, plan and enter: the library on a board at the other end of a serial port."""

from __future__ import annotations

import argparse

from . import mpremote, rom

AFTER_MS = 100  # long enough for mpremote to hear how the call ended


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", required=True, metavar="PORT", help="serial port of the MicroPython prompt"
    )
    parser.add_argument(
        "--installed",
        action="store_true",
        help="use the library that is on the board, not the one of this checkout",
    )


def _enter_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--rom", metavar="PORT", help="serial port on the ROM's pins: wait there for its answer"
    )
    parser.add_argument(
        "--force", action="store_true", help="enter although readout protection is at level 2"
    )


def _execute(args: argparse.Namespace, code: str) -> str:
    return mpremote.execute(args.device, code, mount=not args.installed)


def info(args: argparse.Namespace) -> int:
    """Print what the chip is."""
    print(_execute(args, "import romboot; romboot.info()"), end="")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Print what entering would do. Exit code 1 if something stands in the way."""
    code = "import romboot; p = romboot.plan(); print(p); print(bool(p))"
    table, _, verdict = _execute(args, code).rstrip().rpartition("\n")
    print(table.rstrip())
    return 0 if verdict.strip() == "True" else 1


def enter(args: argparse.Namespace) -> int:
    """Enter the bootloader, and let it identify itself if its port is known."""
    code = f"import romboot; romboot.enter_bootloader(after_ms={AFTER_MS}, force={args.force})"
    _execute(args, code)
    if args.rom is None:
        print("The board has left MicroPython for its ROM bootloader.")
        return 0
    with rom.connected(args.rom) as loader:
        print(f"The ROM bootloader answers on {args.rom}: {rom.describe(loader)}")
    return 0


INFO = _arguments, info
PLAN = _arguments, plan
ENTER = _enter_arguments, enter
