"""romboot leave, read and boards: what there is beside flashing."""

from __future__ import annotations

import argparse
import contextlib
import functools
from pathlib import Path

from ...bench.image import Segment
from . import back, dfu_util, places, usb
from .codes import Code, FlashError
from .geometry import BASE, Sector, joined
from .job import Job, between_commands
from .places import Place
from .report import Report, size
from .rom import Rom

ASK_S = 1.0


def leave(args: argparse.Namespace) -> int:
    """From the ROM to the prompt of the firmware that is there."""
    return Leave(args).run()


def read(args: argparse.Namespace) -> int:
    """What is in the flash goes into a file, and the board back to its prompt."""
    return Read(args).run()


def boards(args: argparse.Namespace) -> int:
    """What is connected. Exit code 3 if nothing is."""
    report = Report(as_json=args.json)
    found = places.find(None)
    for place in found:
        about = f"{place.device}, USB {place.usb}" if place.usb else str(place.device)
        firmware = back.wait(functools.partial(str, place.device), ASK_S) if args.ask else None
        if firmware:
            about += f": {firmware.machine}, MicroPython {firmware.version}"
        state = "prompt" if firmware or (place.usb and not args.ask) else "port"
        report.state(state, about, port=place.device, usb=place.usb)
    devices = usb.roms()
    for device in devices:
        state = "ROM" if device.is_rom else "bootloader"
        report.state(state, str(device), usb=device.path, serial=device.serial)
    if not found and not devices:
        raise FlashError(Code.NO_BOARD, "no USB serial port and no DFU device is here")
    return 0


class Leave(Job):
    """One run of `romboot leave`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """A board that is at its prompt already is left there."""
        place, rom = self.find(stack)
        if rom:
            self.leave(rom, place, self.args.address)
        else:
            self.ask(place, BASE, stack)


class Read(Job):
    """One run of `romboot read`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """By way of the ROM: it reads any flash, and a program that cannot be interrupted too."""
        path: Path = self.args.file
        if path.suffix.lower() not in (".bin", ".dfu"):
            raise FlashError(Code.OTHER, f"{path}: its name must end in .bin or .dfu")
        if path.exists():
            raise FlashError(Code.OTHER, f"{path} is there already: name another file")
        place, rom = self.find(stack)
        if rom:
            sectors = rom.sectors()
        else:
            rom, sectors = self._enter(place, stack)
        _write(path, self._read(rom, sectors))
        self.report.state("file", f"{path}, {size(path.stat().st_size)}")
        self.leave(rom, place, BASE)

    def _enter(self, place: Place, stack: contextlib.ExitStack) -> tuple[Rom, tuple[Sector, ...]]:
        prompt, board = self.ask(place, BASE, stack)
        if board.protection_level:
            raise FlashError(
                Code.REFUSED,
                f"readout protection is at level {board.protection_level}: the ROM reads nothing",
            )
        rom = self.enter(prompt, place, board, self.rom_port(place, board), stack)
        return rom, board.sectors

    def _read(self, rom: Rom, sectors: tuple[Sector, ...]) -> list[Segment]:
        pieces = [(start, end - start) for start, end in joined(list(sectors))]
        if self.args.length:
            pieces = [(self.args.address, self.args.length)]
        total = sum(length for _, length in pieces)
        with between_commands() as pause, self.report.bar("read", total, size(total)) as bar:
            return [
                (at, rom.read(at, length, lambda n: (bar(n), pause())[0])) for at, length in pieces
            ]


def _write(path: Path, pieces: list[Segment]) -> None:
    if path.suffix.lower() == ".dfu":
        dfu_util.write_file(path, pieces)
    elif len(pieces) > 1:
        raise FlashError(Code.OTHER, "the flash of this chip has a gap: name a .dfu file")
    else:
        path.write_bytes(pieces[0][1])
