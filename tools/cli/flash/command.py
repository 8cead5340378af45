"""romboot flash: from a file to the prompt of the firmware in it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from .. import rom as uart_port
from ..errors import CliError
from ..prompt import Prompt
from . import asked, back, boardfiles, image, places, plan, suits, usb, way
from .codes import Code, FlashError, GoneError
from .geometry import BASE
from .places import Place
from .plan import Plan
from .report import Report, size
from .rom import Rom, first_difference
from .uart import UartRom
from .where import Where

# What an error means that is no FlashError, by where the board is.
CODES = {
    Where.UNTOUCHED: Code.OTHER,
    Where.LEAVING: Code.NOT_ENTERED,
    Where.IN_ROM: Code.BROKEN_OFF,
    Where.HALF: Code.BROKEN_OFF,
    Where.GONE: Code.BROKEN_OFF,
    Where.WRITTEN: Code.BROKEN_OFF,
    Where.VERIFIED: Code.NOT_BACK,
}


def flash(args: argparse.Namespace) -> int:
    """The whole way. Each error ends with where the board is, and what to type next."""
    job = Flash(args)
    try:
        with contextlib.ExitStack() as stack:
            job.run(stack)
    except KeyboardInterrupt:
        print(f"\nromboot: Ctrl-C. {job.where.say(args)}", file=sys.stderr)
        return 130
    except CliError as error:
        code = error.code if isinstance(error, FlashError) else CODES[job.where]
        job.where = Where.GONE if isinstance(error, GoneError) else job.where
        said = str(error).rstrip(".")
        end = "" if said.endswith("\n") else ". "
        raise FlashError(code, f"{said}{end}{job.where.say(args)}") from error
    return Code.DONE


class Flash:
    """One run of the command.

    Attributes:
        where: the board is now.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.report = Report(as_json=args.json)
        self.where = Where.UNTOUCHED
        self.image = image.load(args.file, args.address)

    def run(self, stack: contextlib.ExitStack) -> None:
        """From the file to the prompt."""
        self._say_file()
        if self.args.rom:
            places.check(self.args.rom, "--rom")
        place, rom = self._place()
        rom = rom or self._answers_at_uart(place, stack)
        if rom:
            self.where = Where.IN_ROM
            self.report.state("ROM", f"the board is in it already: {rom}", **rom.facts)
            chosen = self._plan_for(rom)
        else:
            chosen, enter = self._from_prompt(place, stack)
            rom = None if self.args.dry_run else enter()
        if rom and not self.args.dry_run:
            self._write(rom, chosen)
            self._leave(rom, place)

    # --- before --------------------------------------------------------------------------------

    def _say_file(self) -> None:
        one = self.image
        pieces = f"{len(one.pieces)} pieces" if len(one.pieces) > 1 else "one piece"
        version = ", ".join(f"MicroPython {v}" for v in one.versions) or "no MicroPython"
        name = " or ".join(one.machines) or "of no board that it names"
        self.report.state(
            "file", f"{one.path.name}: {size(one.size)} in {pieces}, {version}, {name}",
            bytes=one.size, machines=one.machines, versions=one.versions,
            pieces=[[at, len(data)] for at, data in one.pieces],
        )  # fmt: skip

    def _place(self) -> tuple[Place, Rom | None]:
        """Where the board is; and its ROM, if that is on USB."""
        if self.args.device and (self.args.rom or places.is_there(self.args.device)):
            return places.place(self.args.device), None
        at_prompt = [] if self.args.usb or self.args.device else places.find(self.args.rom)
        in_rom = [] if self.args.rom else usb.roms()
        if self.args.usb:
            in_rom = [device for device in in_rom if device.path == self.args.usb]
        if len(at_prompt) + len(in_rom) > 1:
            raise _several(
                [
                    *(f"--device {p.device}" for p in at_prompt),
                    *(f"--usb {d.path}, serial number {d.serial}" for d in in_rom),
                ]
            )
        if in_rom:
            return Place(None, in_rom[0].path), usb.rom(in_rom[0])
        if self.args.device:
            places.check(self.args.device, "--device")
        if at_prompt or self.args.rom:
            return at_prompt[0] if at_prompt else Place(None), None
        raise FlashError(
            Code.NO_BOARD,
            "no board is connected: there is no USB serial port, and no ROM on USB. A board with "
            "another port is named with --device, one that is in its ROM with --rom",
        )

    def _answers_at_uart(self, place: Place, stack: contextlib.ExitStack) -> Rom | None:
        """The ROM is asked before the prompt: what a prompt is asked would make it deaf."""
        port = self.args.rom or (None if place.usb else place.device)
        if port is None:
            return None
        if port == place.device:
            places.check(port, "--device")
        try:
            seconds = uart_port.ASK_S if place.device else uart_port.START_S
            loader = stack.enter_context(uart_port.connected(port, seconds))
        except CliError as error:
            if place.device is None:
                raise FlashError(Code.NO_ROM, str(error)) from error
            return None
        return UartRom(loader, port, stack)

    def _plan_for(self, rom: Rom) -> Plan:
        sectors = rom.sectors()
        chosen = plan.make(self.image, sectors, self.args.erase_all)
        self._refuse(suits.against_rom(self.image, rom, sectors))
        self._say_plan(chosen)
        return chosen

    def _from_prompt(
        self, place: Place, stack: contextlib.ExitStack
    ) -> tuple[Plan, Callable[[], Rom]]:
        """What is to be done, and how to get to the ROM for that."""
        assert place.device
        places.check(place.device, "--device")
        prompt = self._open(place.device)
        stack.callback(prompt.close)
        board = asked.ask(prompt, self.image.start)
        self.report.state(
            "application", f"{board.machine}, MicroPython {board.version}, {board.port}",
            port=board.port, machine=board.machine, version=board.version, build=board.build,
            chip=board.die.name, dev_id=f"0x{board.die.dev_id:03X}", flash_kib=board.flash_kib,
        )  # fmt: skip
        chosen = plan.make(self.image, board.sectors, self.args.erase_all)
        self._refuse(suits.against(self.image, board, chosen))
        self._say_plan(chosen)
        port = self._rom_port(place, board)
        self._ask_about_files(board, chosen)
        if self.args.dry_run:
            where = port or f"USB {place.usb or ', wherever it comes'}"
            self.report.fact(f"then: into the ROM, which is expected at {where}; back to a prompt")

        def enter() -> Rom:
            self.where = Where.LEAVING
            rom = way.into_rom(prompt, place, port, self.args, self.report, stack)
            self.where = Where.IN_ROM
            self._compare(rom, board, chosen)
            return rom

        return chosen, enter

    def _compare(self, rom: Rom, board: asked.Board, chosen: Plan) -> None:
        """Is it the ROM of this board?"""
        if rom.chip and rom.chip[1] is not board.die:
            raise FlashError(
                Code.REFUSED,
                f"the ROM at {rom} is of another chip, {rom.chip[1].name}, than the board at "
                f"{board.port}, {board.die.name}: is that the port of another board?",
            )
        if not rom.chip:
            self._refuse(suits.other_sectors(chosen, rom.sectors()))

    def _open(self, port: str) -> Prompt:
        try:
            return Prompt(port)
        except CliError as error:
            raise FlashError(
                Code.NOT_ENTERED,
                f"{error}. If its program cannot be interrupted, or its prompt is elsewhere: "
                "BOOT0 high, then reset, and it is in its ROM",
            ) from error

    def _rom_port(self, place: Place, board: asked.Board) -> str | None:
        """Where its ROM will answer; None: on USB."""
        if self.args.rom or place.usb:
            return self.args.rom
        if boardfiles.one_cable(board.build) and place.device:
            return place.device
        raise FlashError(
            Code.REFUSED,
            f"the ROM of this board does not listen on the pins of {board.port}: connect an "
            "adapter to pins of the ROM (`romboot info` lists them) and name its port with --rom",
        )

    # --- questions -----------------------------------------------------------------------------

    def _refuse(self, reasons: list[str]) -> None:
        for reason in reasons:
            if not self.args.force:
                raise FlashError(Code.REFUSED, f"{reason}. --force goes on all the same")
            self.report.warn(f"{reason}; --force: it is done all the same")

    def _say_plan(self, chosen: Plan) -> None:
        area = sum(sector.size for sector in chosen.sectors)
        which = "all" if chosen.whole else f"{len(chosen.sectors)} of {len(chosen.every)}"
        self.report.state(
            "plan", f"erases {which} sectors ({size(area)}), writes {size(self.image.size)}",
            sectors=[sector.number for sector in chosen.sectors], bytes=area,
        )  # fmt: skip

    def _ask_about_files(self, board: asked.Board, chosen: Plan) -> None:
        lost = chosen.overlap(*board.filesystem) if board.filesystem else 0
        if not lost or not board.filesystem or self.args.erase_all:
            return
        start, length = board.filesystem
        what = (
            f"{size(lost)} of the file system at 0x{start:08X} ({size(length)}) will be erased: "
            "the files on the board are lost"
        )
        if self.args.yes or self.args.dry_run:
            self.report.warn(what)
            return
        if not sys.stdin.isatty():
            raise FlashError(Code.REFUSED, f"{what}. --yes goes on")
        if input(f"{what}. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise FlashError(Code.REFUSED, "the files are kept")

    # --- in the ROM ----------------------------------------------------------------------------

    def _write(self, rom: Rom, chosen: Plan) -> None:
        with _between_commands() as pause:
            self.where = Where.HALF
            rom.write(chosen, self.report, pause)
            self.where = Where.WRITTEN
            total = sum(len(data) for _, data in chosen.blocks)
            with self.report.bar("verify", total, size(total)) as bar:
                wrong = first_difference(rom, chosen, lambda n: (bar(n), pause())[0])
        if wrong is not None:
            self.where = Where.HALF
            raise FlashError(
                Code.NOT_THE_SAME,
                f"what the ROM reads back at 0x{wrong:08X} is not the file. Is that sector "
                "write-protected?",
            )
        self.where = Where.VERIFIED

    # --- and back ------------------------------------------------------------------------------

    def _leave(self, rom: Rom, place: Place) -> None:
        """By what the ROM has for it; if it is still there after that, by a reset."""
        start = self.image.start if self.image.vectors else BASE
        rom.leave(start)
        self.report.state("leave", f"{rom.verb} 0x{start:08X}", by=rom.verb)
        if not place.device and not place.usb:
            self.report.fact("no --device was named, so nobody asks for the prompt")
            return
        began = time.monotonic()

        def port() -> str | None:
            return places.device_at(place.usb) if place.usb else place.device

        found = back.wait(port, back.GO_S)
        if found is None and rom.reset():
            self.report.state("leave", "the ROM was still there: a reset", by="reset")
            found = back.wait(port, back.BOOT_S)
        if found is None:
            raise FlashError(
                Code.NOT_BACK, f"no prompt has come at {port() or f'USB {place.usb}'}"
            )
        self._judge(found)
        self.report.state(
            "prompt",
            f"{found.machine}, MicroPython {found.version}, {found.port}, after "
            f"{time.monotonic() - began:.1f} s",
            port=found.port, machine=found.machine, version=found.version,
        )  # fmt: skip

    def _judge(self, found: back.Firmware) -> None:
        known = self.image.versions
        if known and found.version not in known:
            raise FlashError(
                Code.NOT_BACK,
                f"the prompt that came is not that of the file: it says MicroPython "
                f"{found.version}, and the file has {' and '.join(known)}. Does the board start "
                "another bank, or a bootloader of its own first?",
            )


def _several(found: list[str]) -> FlashError:
    """Which of these?"""
    lines = "".join(f"\n  {line}" for line in found)
    return FlashError(Code.SEVERAL, f"there are {len(found)} boards; name one:{lines}\n")


@contextlib.contextmanager
def _between_commands() -> Iterator[Callable[[], None]]:
    """Ctrl-C waits for the end of a command of the ROM, which would take the next one for its
    data; the second Ctrl-C does not. Call what this gives between two commands."""
    asked_for: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked_for:
            raise KeyboardInterrupt
        asked_for.append(number)

    def pause() -> None:
        if asked_for:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pause
    finally:
        signal.signal(signal.SIGINT, before)
