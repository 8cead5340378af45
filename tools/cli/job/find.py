"""Which of the boards that are connected is meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..errors import CliError, Code, Next, Way
from ..port import places, ports
from ..port.places import Place
from ..rom import usb
from ..rom.dfu_util import Device
from ..rom.rom import Rom
from .where import again, in_rom_at


def board(args: argparse.Namespace) -> tuple[Place, Rom | None]:
    """Where the board is; and its ROM, if that is on USB."""
    if args.device and (ports.is_free(args.device) or args.rom):
        there = [d for d in usb.roms() if d.path == args.usb] if args.usb else []
        return places.place(args.device), usb.rom(there[0]) if there else None
    at_prompt = [] if args.device else places.find(args.rom)
    in_rom = [] if args.rom else usb.roms()
    every = [*at_prompt, *in_rom]
    if args.usb:
        at_prompt = [place for place in at_prompt if place.usb == args.usb]
        in_rom = [device for device in in_rom if device.path == args.usb]
    if args.device and len(in_rom) > 1:
        raise no_port(args, [device.path for device in in_rom])
    if len(at_prompt) + len(in_rom) > 1:
        raise _choose(Code.SEVERAL, f"there are {len(every)} boards: name one", every)
    if in_rom:
        return Place(None, in_rom[0].path), usb.rom(in_rom[0])
    if args.device:
        ports.check(args.device, "--device")
    if at_prompt:
        ports.check(str(at_prompt[0].device), "--device")
    if at_prompt or args.rom:
        return at_prompt[0] if at_prompt else Place(None), None
    if every:
        raise _choose(Code.NO_BOARD, f"no board is at USB {args.usb}, but elsewhere", every)
    raise CliError(
        "no board is connected: there is no USB serial port, and no ROM on USB. A board with "
        "another port is named with --device, one that is in its ROM with --rom",
        Code.NO_BOARD,
    )


def no_port(args: argparse.Namespace, in_rom: Sequence[str]) -> CliError:
    """That of --device is not there. in_rom: USB paths of boards that may have had it."""
    are = "a board is" if len(in_rom) == 1 else f"{len(in_rom)} boards are"
    return CliError(
        f"there is no serial port {args.device}, but {are} in the ROM bootloader, on USB",
        Code.NO_BOARD,
        next=[Next(again(in_rom_at(args, path)), f"The one at USB {path}") for path in in_rom],
    )


def _choose(code: Code, sentence: str, found: Sequence[Place | Device]) -> CliError:
    """Which of these?"""
    ways: list[Way] = []
    for one in found:
        if isinstance(one, Device):
            ways.append((("--usb", one.path), f"The one in its ROM at {one}"))
        else:
            option = ("--usb", one.usb) if one.usb else ("--device", str(one.device))
            ways.append((option, f"The one at {one}"))
    return CliError(sentence, code, ways)
