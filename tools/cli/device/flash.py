"""romboot flash: from a file to the prompt of the firmware in it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable

from ... import boards
from ..errors import CliError, Code
from ..job import asked, back, way
from ..job.job import Job, between_commands
from ..job.where import Where
from ..port.places import Place
from ..port.prompt import Prompt
from ..report import number, size
from ..rom import image, plan, whole
from ..rom.geometry import BASE
from ..rom.plan import Plan
from ..rom.rom import Rom, first_difference
from . import suits

SMALLEST = 256  # bytes: of the sectors of an L0 and an L1 the larger; others have 1 KiB and more


def flash(args: argparse.Namespace) -> int:
    """The whole way."""
    return Flash(args).run()


class Flash(Job):
    """One run of the command."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.image = image.load(args.file, args.address)

    @property
    def boot0(self) -> str:
        """Of the board, or as long as nobody knows that, of the one that the file is for."""
        of_file = [boards.called(machine) for machine in self.image.machines]
        if self.known or len(of_file) != 1 or not of_file[0]:
            return super().boot0
        return f"{of_file[0].boot0} (on a {of_file[0].name})"

    def work(self, stack: contextlib.ExitStack) -> None:
        """From the file to the prompt."""
        self._say_file()
        place, rom = self.find(stack)
        if rom:
            chosen = self._plan_for(rom)
            self._ask_about_unseen_board(rom)
            self._ask_about_unseen_files(chosen)
        else:
            chosen, enter = self._from_prompt(place, stack)
            rom = None if self.args.dry_run else enter()
        if rom and not self.args.dry_run:
            self._write(rom, chosen)
            self._start(rom, place)

    # --- before --------------------------------------------------------------------------------

    def _say_file(self) -> None:
        one = self.image
        pieces = number(len(one.pieces), "piece")
        version = ", ".join(f"MicroPython {v}" for v in one.versions) or "no MicroPython"
        name = " or ".join(one.machines) or "names no board"
        self.report.state(
            "file", f"{one.path.name}: {size(one.size)} in {pieces}, {version}, {name}",
            bytes=one.size, machines=one.machines, versions=one.versions,
            pieces=[{"address": f"0x{at:08X}", "bytes": len(data)} for at, data in one.pieces],
        )  # fmt: skip

    def _plan_for(self, rom: Rom) -> Plan:
        sectors = rom.sectors()
        chosen = plan.make(self.image, sectors, self.args.erase_all)
        if not rom.chip:
            self._refuse_mass_erase(chosen)
        self._refuse(suits.against_rom(self.image, rom, sectors))
        for machine in self.image.machines:
            self._refuse(suits.below(boards.called(machine), chosen))
        self._say_plan(chosen)
        return chosen

    def _from_prompt(
        self, place: Place, stack: contextlib.ExitStack
    ) -> tuple[Plan, Callable[[], Rom]]:
        """What is to be done, and how to get to the ROM for that."""
        prompt, board = self.ask(place, self.image.start, stack)
        chosen = plan.make(self.image, board.sectors, self.args.erase_all)
        self._refuse(suits.against(self.image, board, chosen))
        self._say_plan(chosen)
        port = self.rom_port(place, board)
        if not port:
            self._refuse_mass_erase(chosen)
        self._ask_about_files(board.filesystem, chosen)
        self._ask_about_a_part(prompt, board, chosen)
        if self.args.dry_run:
            way.check(prompt, board, port)
            where = port or f"USB {place.usb or self.args.usb}"
            self.report.fact(f"then: into the ROM, which is expected at {where}; back to a prompt")

        def enter() -> Rom:
            rom = self.enter(prompt, place, board, port, stack)
            if not rom.chip:
                self._refuse(suits.other_sectors(chosen, rom.sectors()))
            return rom

        return chosen, enter

    # --- questions -----------------------------------------------------------------------------

    def _refuse(self, reasons: list[str]) -> None:
        for reason in reasons:
            if not self.args.force:
                forced = (("--force",), "To go on all the same")
                raise CliError(reason, Code.REFUSED, [forced])
            self.report.warn(f"{reason}; --force: it is done all the same")
            self.doubts.append(reason)

    def _refuse_mass_erase(self, chosen: Plan) -> None:
        """Over USB --erase-all is one command, which the ROMs of the L0 and L1 have not. Their
        sectors, of 128 and 256 bytes, are smaller than any others."""
        if chosen.whole and chosen.every[0].size <= SMALLEST:
            raise CliError(
                "the ROM of an STM32L0 or L1 cannot erase all of the flash over USB: leave "
                "--erase-all out, or use a UART of the ROM",
                Code.REFUSED,
            )

    def _say_plan(self, chosen: Plan) -> None:
        area = sum(sector.size for sector in chosen.sectors)
        which = "all" if chosen.whole else f"{len(chosen.sectors)} of {len(chosen.every)}"
        self.report.state(
            "plan", f"erases {which} sectors ({size(area)}), writes {size(self.image.size)}",
            sectors=[sector.number for sector in chosen.sectors], bytes=area,
        )  # fmt: skip

    def _ask_about_a_part(self, prompt: Prompt, board: asked.AtPrompt, chosen: Plan) -> None:
        """What is no whole firmware goes where the flash is in use, perhaps by the firmware that
        runs. The same version of it may be the other part."""
        if self.image.has_vectors or board.who.version in self.image.versions:
            return
        start, size = board.filesystem or (0, 0)
        outside = [s for s in chosen.sectors if not s.touches(start, start + size)]
        if used := asked.used(prompt, outside):
            self._ask(
                "the file has no vector table, so it is no whole firmware, and the flash is in "
                f"use where it goes, from 0x{used[0]:08X} on: if that is the firmware of this "
                "board, its prompt will not come back",
                "To write it all the same",
            )

    def _ask_about_files(
        self, filesystem: tuple[int, int] | None, chosen: Plan, whose: str = "the board"
    ) -> None:
        if filesystem and (lost := chosen.overlap(*filesystem)):
            start, length = filesystem
            self._ask_about_loss(
                f"{size(lost)} of the file system at 0x{start:08X} ({size(length)}) will be "
                f"erased: the files on {whose} are lost"
            )

    def _ask_about_unseen_board(self, rom: Rom) -> None:
        """A ROM does not tell which board it is on; one on USB not even which chip."""
        if not self.image.machines:
            return
        seen = "chip" if rom.chip else "sectors"
        machines = " or ".join(self.image.machines)
        self.doubts.append(f"the file is for {machines}, and this may be another board")
        what = (
            f"the file is for {machines}. The board is in its ROM, which "
            f"does not tell what board it is: only its {seen} could be compared"
        )
        if rom.chip or self.args.force:
            self.report.warn(what)
        else:
            self._ask(what, "If the file is for this board")

    def _ask_about_unseen_files(self, chosen: Plan) -> None:
        """Of a board in its ROM it is not known where it keeps its files, unless the file is for
        one in boards/ that says so."""
        known = [boards.called(machine) for machine in self.image.machines]
        if not all(board and board.filesystem for board in known or [None]):
            self._ask_about_loss(
                "the board is in its ROM, so where it keeps its files is not known: those in the "
                f"{number(len(chosen.sectors), 'sector')} to be erased are lost"
            )
        for board in filter(None, known):
            self._ask_about_files(board.filesystem, chosen, f"a {board.name}")

    def _ask_about_loss(self, what: str) -> None:
        if self.args.erase_all:
            self.report.warn(what)
        else:
            self._ask(what, "To go on, and lose them")

    def _ask(self, what: str, about: str) -> None:
        """Raises CliError unless the user agrees. about: what --yes is for."""
        if self.args.yes or self.args.dry_run:
            self.report.warn(what)
        elif self.args.json or not sys.stdin.isatty():
            raise CliError(what, Code.REFUSED, [(("--yes",), about)])
        elif input(f"{what}. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CliError("the answer was no", Code.REFUSED)

    # --- in the ROM ----------------------------------------------------------------------------

    def _write(self, rom: Rom, chosen: Plan) -> None:
        with between_commands() as pause:
            before, self.where = self.where, Where.HALF
            try:
                rom.write(chosen, self.report, pause)
            except CliError as error:
                if error.code == Code.HELD:  # it did not get at the ROM
                    self.where = before
                raise
            self.where = Where.WRITTEN
            total = sum(len(data) for _, data in chosen.contents)
            compared = self.image.size
            with self.report.bar("verify", total, size(compared), bytes=compared) as bar:
                wrong = first_difference(rom, chosen, lambda n: (bar(n), pause())[0])
        if wrong is not None:
            self.where = Where.HALF
            raise CliError(
                f"what the ROM reads back at 0x{wrong:08X} is not the file. Is that sector "
                "write-protected?",
                Code.NOT_THE_SAME,
            )
        self.where = Where.VERIFIED

    def _start(self, rom: Rom, place: Place) -> None:
        """What is in the file; or if that is only part of a firmware, what is at the start of the
        flash."""
        start = self.image.start
        if not self.image.has_vectors:
            start = BASE
            if why := whole.why_not(rom, start):
                self.where = Where.NO_START
                raise CliError(
                    f"nothing can be started: {why}",
                    Code.NOT_BACK,
                    next=[self.other_firmware()],
                )
        self.leave(rom, place, start)

    def judge(self, found: back.Firmware) -> None:
        known = self.image.versions
        if known and found.version not in known:
            raise CliError(
                f"the prompt that came is not that of the file: it says MicroPython "
                f"{found.version}, and the file has {' and '.join(known)}. Does the board start "
                "another bank, or a bootloader of its own first?",
                Code.NOT_BACK,
            )
