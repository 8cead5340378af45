"""romboot bench: a virtual board on pseudo terminals, until Ctrl-C."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...bench import serve
from ...bench.usb.faults import Faults
from ..errors import CliError
from . import firmware


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; its exit code. A board that cannot be given the library has it frozen
    in."""
    if args.usb_fault and not args.usb:
        raise CliError("--usb-fault is what goes wrong on USB: it needs --usb")
    image = firmware.image(args, frozen=not firmware.can_mount(args.board))
    try:
        serve.serve(
            args.board,
            image,
            flash=args.flash,
            link=args.link,
            rom_resets=args.rom_resets,
            faults=Faults.parse(args.usb_fault) if args.usb else None,
        )
    except ValueError as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(_why_not(args, error)) from error
    return 0


def _why_not(args: argparse.Namespace, error: OSError) -> str:
    """Which option named what cannot be, and what it takes."""
    path = Path(error.filename or "")
    if args.flash and path == args.flash:
        takes = "--flash takes a file, which is made if need be, in a folder that is there"
    elif args.link and path.is_relative_to(args.link):
        takes = "--link takes a folder, which is made if need be"
    else:
        return f"the virtual board cannot be served: {error}"
    return f"{path}: {error.strerror}. {takes}"
