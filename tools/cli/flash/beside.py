"""romboot leave, read and boards: what there is beside flashing."""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path

from ...bench.image import Segment
from ..errors import Next
from . import back, dfu_util, places, usb, whole
from .codes import Code, FlashError
from .geometry import BASE, Sector, joined
from .job import Job, between_commands
from .places import Place
from .plan import flash_of
from .report import Report, size
from .rom import Rom
from .where import again, other

ASK_S = 1.0
Piece = tuple[int, int]  # an address, and how many bytes


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
        about = str(place)
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


class Beside(Job):
    """A command that leaves the flash as it is."""

    def start(self, rom: Rom, place: Place, address: int) -> None:
        """The firmware there, if there is one. FlashError if not: the board stays in its ROM."""
        why = whole.why_not(rom, address)
        if why and not getattr(self.args, "force", False):
            then = [Next(other(self.args, "flash", "FILE"), "To write firmware, FILE")]
            if self.args.command.name == "leave":
                then.append(Next(again(self.args, "--force"), "To start it all the same"))
            raise FlashError(
                Code.REFUSED,
                f"{why}. There is no whole firmware to start, as if a flashing was interrupted",
                next=then,
            )
        self.leave(rom, place, address)


class Leave(Beside):
    """One run of `romboot leave`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """A board that is at its prompt already is left there."""
        place, rom = self.find(stack)
        if rom:
            self.start(rom, place, self.args.address)
        else:
            self.ask(place, BASE, stack)


class Read(Beside):
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
            pieces = self._pieces(rom.sectors())
        else:
            rom, pieces = self._enter(place, stack)
        _write(path, self._read(rom, pieces))
        self.report.state("file", f"{path}, {size(path.stat().st_size)}")
        self.start(rom, place, BASE)

    def _enter(self, place: Place, stack: contextlib.ExitStack) -> tuple[Rom, list[Piece]]:
        prompt, board = self.ask(place, BASE, stack)
        if board.protection_level:
            raise FlashError(
                Code.REFUSED,
                f"readout protection is at level {board.protection_level}: the ROM reads nothing",
            )
        pieces = self._pieces(board.sectors)
        return self.enter(prompt, place, board, self.rom_port(place, board), stack), pieces

    def _pieces(self, sectors: Sequence[Sector]) -> list[Piece]:
        """What is to be read of this flash: without options, all of it."""
        start, length = self.args.address, self.args.length
        if start is None and length is None:
            return [(a, b - a) for a, b in joined(list(sectors))]
        start = BASE if start is None else start
        for a, b in joined(list(sectors)):
            if a <= start < b and length != 0 and start + (length or 0) <= b:
                return [(start, b - start if length is None else length)]
        raise FlashError(
            Code.COMMAND_LINE,
            f"--address and --length are not in the flash of this chip, {flash_of(sectors)}",
        )

    def _read(self, rom: Rom, pieces: list[Piece]) -> list[Segment]:
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
