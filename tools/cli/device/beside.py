"""romboot leave, read and boards: what there is beside flashing."""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path

from ...bench.image import Segment
from .. import made
from ..errors import CliError, Code, Next
from ..job import back
from ..job.job import Job, between_commands
from ..job.where import Where, again, other, to_start
from ..port import places
from ..port.places import Place
from ..report import Report, size
from ..rom import dfu_util, usb, whole
from ..rom.geometry import BASE, Sector, joined
from ..rom.plan import flash_of
from ..rom.rom import Rom

ASK_S = 1.0
Piece = tuple[int, int]  # an address, and how many bytes


def leave(args: argparse.Namespace) -> int:
    """From the ROM to the prompt of the firmware that is there."""
    return Leave(args).run()


def read(args: argparse.Namespace) -> int:
    """What is in the flash goes into a file; then the board is again where it was before."""
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
        raise CliError(
            "no USB serial port and no DFU device is here. A board at another port is not listed: "
            "the other commands take it with --device PORT",
            Code.NO_BOARD,
        )
    return 0


class Beside(Job):
    """A command that leaves the flash as it is."""

    def no_firmware(self, rom: Rom, address: int) -> tuple[str, Next] | None:
        """Why nothing can be started there, and the command that helps; None if there may be
        firmware."""
        why = whole.why_not(rom, address)
        if not why:
            return None
        return (
            f"{why}. There is no whole firmware to start, as if a flashing was interrupted",
            Next(other(self.args, "flash", "FILE"), "To write firmware, FILE"),
        )


class Leave(Beside):
    """One run of `romboot leave`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """A board that is at its prompt already is left there."""
        place, rom = self.find(stack)
        if rom:
            self._start(rom, place, self.args.address)
        else:
            self.ask(place, BASE, stack)
            self.report.fact("the board is at its prompt, not in its ROM: nothing to leave")

    def _start(self, rom: Rom, place: Place, address: int) -> None:
        """The firmware there. CliError if there is none: the board stays in its ROM."""
        if not self.args.force and (none := self.no_firmware(rom, address)):
            why, write = none
            force = Next(again(self.args, "--force"), "To start it all the same")
            raise CliError(why, Code.REFUSED, next=[write, force])
        self.leave(rom, place, address)


class Read(Beside):
    """One run of `romboot read`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """By way of the ROM: it reads any flash, and a program that cannot be interrupted too."""
        path: Path = self.args.file
        if path.suffix.lower() not in (".bin", ".dfu"):
            raise CliError(f"{path}: its name must end in .bin or .dfu", Code.OTHER)
        made.check(path)
        place, rom = self.find(stack)
        if rom:
            pieces = self._pieces(rom.sectors())
        else:
            rom, pieces = self._enter(place, stack)
        found = self._read(rom, pieces)
        made.write(path, found[0][1] if path.suffix.lower() == ".bin" else dfu_util.file(found))
        length = path.stat().st_size
        self.report.state("file", f"{path}, {size(length)}", path=str(path), bytes=length)
        stays, self.where = self.where is Where.FOUND, Where.READ
        none = self.no_firmware(rom, BASE)
        if stays:
            self._stay(none[1] if none else to_start(self.args))
        elif none:
            why, write = none
            raise CliError(why, Code.NOT_BACK, next=[write])
        else:
            self.leave(rom, place, BASE)

    def _stay(self, then: Next) -> None:
        self.report.state(
            "stays", "the board is still in its ROM bootloader, as it was before",
            next=[then._asdict()],
        )  # fmt: skip
        self.report.hint(f"{then.about}:\n  {then.command}")

    def _enter(self, place: Place, stack: contextlib.ExitStack) -> tuple[Rom, list[Piece]]:
        prompt, board = self.ask(place, BASE, stack)
        if board.protection_level:
            raise CliError(
                f"readout protection is at level {board.protection_level}: the ROM reads nothing",
                Code.REFUSED,
            )
        pieces = self._pieces(board.sectors)
        return self.enter(prompt, place, board, self.rom_port(place, board), stack), pieces

    def _pieces(self, sectors: Sequence[Sector]) -> list[Piece]:
        """What is to be read of this flash: without options, all of it."""
        start, length = self.args.address, self.args.length
        if start is None and length is None:
            pieces = [(a, b - a) for a, b in joined(list(sectors))]
            if len(pieces) > 1 and self.args.file.suffix.lower() == ".bin":
                raise CliError("the flash of this chip has a gap: name a .dfu file", Code.OTHER)
            return pieces
        start = BASE if start is None else start
        for a, b in joined(list(sectors)):
            if a <= start < b and length != 0 and start + (length or 0) <= b:
                return [(start, b - start if length is None else length)]
        raise CliError(
            f"--address and --length are not in the flash of this chip, {flash_of(sectors)}",
            Code.COMMAND_LINE,
        )

    def _read(self, rom: Rom, pieces: list[Piece]) -> list[Segment]:
        total = sum(length for _, length in pieces)
        bar_of = self.report.bar("read", total, size(total), bytes=total)
        with between_commands() as pause, bar_of as bar:
            return [
                (at, rom.read(at, length, lambda n: (bar(n), pause())[0])) for at, length in pieces
            ]
