"""romboot flash: from a file to the prompt of the firmware in it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from ... import tables
from ...tables.family import Die
from .. import rom as uart_port
from ..errors import CliError
from ..prompt import Prompt
from . import asked, back, boardfiles, image, places, plan, suits, way
from .codes import Code, FlashError
from .geometry import BASE, GEOMETRY
from .places import Place
from .plan import Plan
from .report import Progress, Report, size
from .uart import UartRom
from .where import Where

# What an error means that is no FlashError, by where the board is.
CODES = {
    Where.UNTOUCHED: Code.OTHER,
    Where.LEAVING: Code.NOT_ENTERED,
    Where.IN_ROM: Code.BROKEN_OFF,
    Where.HALF: Code.BROKEN_OFF,
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
        raise FlashError(code, f"{str(error).rstrip('.')}. {job.where.say(args)}") from error
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
        place = self._place()
        rom = self._in_rom_already(place, stack)
        if rom is None:
            rom = self._from_prompt(place, stack)
        if rom is not None and not self.args.dry_run:
            self._write(*rom)
            self._leave(rom[0], rom[2], place, stack)

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

    def _place(self) -> Place:
        if self.args.device:
            return places.place(self.args.device)
        found = places.find(self.args.rom)
        if len(found) > 1:
            raise places.several([str(p.device) for p in found], "--device")
        if found:
            return found[0]
        if self.args.rom:
            return Place(None)
        raise FlashError(
            Code.NO_BOARD,
            "no board is connected: there is no USB serial port, and no ROM on USB. A board with "
            "another port is named with --device, one that is in its ROM with --rom",
        )

    def _in_rom_already(self, place: Place, stack: contextlib.ExitStack) -> _Found | None:
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
        rom = UartRom(loader, port)
        self.where = Where.IN_ROM
        self.report.state("ROM", f"the board is in it already: {rom}", dev_id=rom.dev_id)
        return self._chip_of(rom)

    def _chip_of(self, rom: UartRom) -> _Found:
        known = {die.dev_id: (family, die) for family, die in tables.dies()}
        if rom.dev_id not in known:
            raise FlashError(
                Code.REFUSED, f"romboot does not know a chip with DEV_ID 0x{rom.dev_id:03X}"
            )
        family, die = known[rom.dev_id]
        kib = rom.flash_kib(family)
        sectors = GEOMETRY[die.dev_id].sectors(kib)
        chosen = plan.make(self.image, sectors, self.args.erase_all)
        self._refuse(suits.against_chip(self.image, die, family.flash))
        self._say_plan(chosen)
        return rom, chosen, die

    def _from_prompt(self, place: Place, stack: contextlib.ExitStack) -> _Found | None:
        assert place.device
        places.check(place.device, "--device")
        prompt = self._prompt(place.device)
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
            self.report.fact(f"then: into the ROM, which is expected at {port}; Go; the prompt")
            return None
        self.where = Where.LEAVING
        rom = way.by_uart(prompt, port, self.args, self.report, stack)
        self.where = Where.IN_ROM
        if rom.dev_id != board.die.dev_id:
            raise FlashError(
                Code.REFUSED,
                f"the ROM at {rom.port} is of another chip, DEV_ID 0x{rom.dev_id:03X}, than the "
                f"board at {board.port}, 0x{board.die.dev_id:03X}: --rom names the port of "
                "another board",
            )
        return rom, chosen, board.die

    def _prompt(self, port: str) -> Prompt:
        try:
            return Prompt(port)
        except CliError as error:
            raise FlashError(
                Code.NOT_ENTERED,
                f"{error}. If its program cannot be interrupted, or its prompt is elsewhere: "
                "BOOT0 high, then reset, and it is in its ROM",
            ) from error

    def _rom_port(self, place: Place, board: asked.Board) -> str:
        """Where its ROM will answer."""
        if self.args.rom:
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

    def _write(self, rom: UartRom, chosen: Plan, _die: Die) -> None:
        with _between_commands() as pause:
            area = sum(sector.size for sector in chosen.sectors)
            self.where = Where.HALF
            with self._bar("erase", area, f"{len(chosen.sectors)} sectors", pause) as bar:
                rom.erase(chosen, bar)
            total = sum(len(data) for _, data in chosen.blocks)
            with self._bar("write", total, size(total), pause) as bar:
                rom.write(chosen, bar)
            self.where = Where.WRITTEN
            with self._bar("verify", total, size(total), pause) as bar:
                wrong = rom.differs(chosen, bar)
        if wrong is not None:
            self.where = Where.HALF
            raise FlashError(
                Code.NOT_THE_SAME,
                f"what the ROM reads back at 0x{wrong:08X} is not the file. Is that sector "
                "write-protected?",
            )
        self.where = Where.VERIFIED

    @contextlib.contextmanager
    def _bar(
        self, name: str, total: int, of: str, pause: Callable[[], None]
    ) -> Iterator[Progress]:
        with self.report.bar(name, total, of) as bar:

            def progress(count: int) -> None:
                bar(count)
                pause()

            yield progress

    # --- and back ------------------------------------------------------------------------------

    def _leave(self, rom: UartRom, die: Die, place: Place, stack: contextlib.ExitStack) -> None:
        """By what the ROM has for it; if it is still there after that, by a reset."""
        start = self.image.start if self.image.vectors else BASE
        rom.leave(start)
        self.report.state("leave", f"{rom.verb} 0x{start:08X}", by=rom.verb)
        stack.close()
        if place.device is None:
            self.report.fact("no --device was named, so nobody asks for the prompt")
            return
        began = time.monotonic()
        found = back.wait(place.device, back.GO_S)
        if found is None and self._reset(rom.port, die):
            found = back.wait(place.device, back.BOOT_S)
        if found is None:
            raise FlashError(Code.NOT_BACK, f"no prompt answers at {place.device}")
        self._judge(found)
        self.report.state(
            "prompt",
            f"{found.machine}, MicroPython {found.version}, {place.device}, after "
            f"{time.monotonic() - began:.1f} s",
            port=place.device, machine=found.machine, version=found.version,
        )  # fmt: skip

    def _reset(self, port: str, die: Die) -> bool:
        """False if the ROM is not there any more, or cannot."""
        try:
            with uart_port.connected(port, uart_port.ASK_S) as loader:
                if not UartRom(loader, port).reset(die):
                    return False
        except CliError:
            return False
        self.report.state("leave", "the ROM was still there: a reset, by code in SRAM", by="reset")
        return True

    def _judge(self, found: back.Firmware) -> None:
        known = self.image.versions
        if known and found.version not in known:
            raise FlashError(
                Code.NOT_BACK,
                f"the prompt that came is not that of the file: it says MicroPython "
                f"{found.version}, and the file has {' and '.join(known)}. Does the board start "
                "another bank, or a bootloader of its own first?",
            )


_Found = tuple[UartRom, Plan, Die]
"""A ROM, what it is to do, and the chip."""


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
