"""What flash, leave and read have in common: a board is found, entered, and left again."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType

from ... import boards
from ...paths import DOCS
from ...tables.family import Die
from ..errors import CliError, Code, Next
from ..hosted.entering import BackError
from ..port import places, ports
from ..port.places import Place
from ..port.prompt import NoPromptError, Prompt
from ..report import Report
from ..rom import dfu_util, serial_rom
from ..rom.rom import Rom
from ..rom.uart import UartRom
from ..said import interrupted
from . import asked, back, find, way
from .where import (
    AFTER_LEAVING,
    BOOT0_RESET,
    Where,
    ended,
    on_usb,
    other,
    with_files_lost,
    without_prompt,
)


class Job:
    """One run of a command.

    Attributes:
        where: the board is now.
        held: ports of the board that nothing of this command uses just now. They stay open, so
            that no second command gets in between.
        known: the file of the board, if its prompt has told which it is.
        die: of the board, if it has been asked.
        doubts: why what is flashed may not be for this board.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.report = Report(as_json=args.json)
        self.where = Where.UNTOUCHED
        self.held = contextlib.ExitStack()
        self.known: boards.Board | None = None
        self.die: Die | None = None
        self.doubts: list[str] = []

    def work(self, stack: contextlib.ExitStack) -> None:
        """What the command does. `stack` is closed at its end."""
        raise NotImplementedError

    def run(self) -> int:
        """The exit code. Each error ends with where the board is, and what to type next."""
        try:
            with self.held, contextlib.ExitStack() as stack:
                self.work(stack)
        except KeyboardInterrupt:
            raise ended(self.where, self.args, interrupted()) from None
        except CliError as error:
            raise ended(self.where, self.args, error) from error
        return Code.DONE

    @property
    def boot0(self) -> str:
        """What to press so that the ROM starts, whatever the firmware does."""
        if not self.known:
            return f"{boards.BOOT0}; {DOCS}/boards.md has it for each board"
        return self.known.boot0 or boards.BOOT0

    # --- where it is ---------------------------------------------------------------------------

    def find(self, stack: contextlib.ExitStack) -> tuple[Place, Rom | None]:
        """The place of the board, and its ROM if that answers already."""
        if self.args.rom:
            ports.check(self.args.rom, "--rom")
        place, rom = find.board(self.args)
        rom = rom or self._answers_at_uart(place, stack)
        if rom:
            self.where = Where.FOUND
            if place.device:
                self._hold(place.device)
            self.report.state("ROM", f"the board is in it already: {rom}", **rom.facts)
        return place, rom

    def _answers_at_uart(self, place: Place, stack: contextlib.ExitStack) -> Rom | None:
        """The ROM is asked before the prompt: it would take what a prompt is asked for
        its baud rate."""
        port = self.args.rom or (None if place.usb else place.device)
        if port is None:
            return None
        try:
            seconds = serial_rom.ASK_S if place.device else serial_rom.START_S
            answering = serial_rom.connected(port, seconds, baud=self.args.baud)
            loader = stack.enter_context(answering)
        except CliError as error:
            if error.code == Code.HELD:
                raise
            if place.device is None:
                more = "A board that is at its prompt is named with --device too"
                raise CliError(f"{error} {more}", Code.NO_ROM) from error
            if not ports.same(port, place.device):
                self.held.enter_context(ports.opened(port, "--rom"))
            return None
        return UartRom(loader, port, self.args.baud, stack)

    # --- at its prompt -------------------------------------------------------------------------

    def at_prompt(self, stack: contextlib.ExitStack) -> Prompt:
        """The prompt of the board. CliError if the board is in its ROM; it still is then."""
        place, rom = self.find(stack)
        if rom:
            name = self.args.command.name
            raise CliError(f"romboot {name} needs the prompt of the board", Code.NOT_ENTERED)
        return self.open(place, stack)

    def open(self, place: Place, stack: contextlib.ExitStack) -> Prompt:
        """The prompt there."""
        assert place.device
        try:
            ports.check(place.device, "--device")
        except CliError as error:
            in_rom = sorted(way.usb_paths())
            if error.code == Code.NO_BOARD and self.args.device and in_rom:
                raise find.no_port(self.args, in_rom) from error
            raise
        try:
            prompt = Prompt(place.device)
        except CliError as error:
            if not isinstance(error, NoPromptError):
                raise CliError(str(error), error.code or Code.NOT_ENTERED) from error
            self.where = Where.ASKED
            then = list(without_prompt(self.args, own_usb=bool(place.usb)))
            boot0 = f"{error}. Whatever it does, this starts its ROM: {self.boot0}"
            raise CliError(boot0, Code.NOT_ENTERED, next=then) from error
        stack.callback(self._close, prompt)
        self.where = Where.AT_PROMPT
        return prompt

    def _close(self, prompt: Prompt) -> None:
        if prompt.close():
            self.report.warn("its program was interrupted: a soft reset has started main.py again")
            if self.where is Where.AT_PROMPT:
                self.where = Where.RESTARTED

    def ask(
        self, place: Place, start: int, stack: contextlib.ExitStack
    ) -> tuple[Prompt, asked.AtPrompt]:
        """The prompt, and the board. start: of what is of interest in its flash."""
        prompt = self.open(place, stack)
        board = asked.ask(prompt, start)
        self.known, self.die = board.known, board.die
        self.report.state(
            "application", f"{board.who.machine}, MicroPython {board.who.version}, {board.port}",
            port=board.port, machine=board.who.machine, version=board.who.version,
            build=board.who.build,
            chip=board.die.name, dev_id=f"0x{board.die.dev_id:03X}", flash_kib=board.flash_kib,
        )  # fmt: skip
        return prompt, board

    def rom_port(self, place: Place, board: asked.AtPrompt) -> str | None:
        """Where its ROM will answer; None: on USB. CliError if that cannot be used here."""
        shared = board.known and board.known.one_cable  # None: it is not known
        if self.args.rom and place.usb and ports.same(self.args.rom, board.port):
            raise CliError(
                f"{self.args.rom} is on the USB of the board itself, and goes when its ROM starts",
                Code.REFUSED,
                ((("--usb", place.usb), "With the ROM on that USB"),),
            )
        if self.args.rom:
            if shared is not False or not ports.same(self.args.rom, board.port):
                return self.args.rom
        elif self.args.usb or place.usb:
            dfu_util.program()  # before the board is in its ROM
            return None
        elif shared and place.device:
            return place.device
        raise CliError(
            f"the ROM of this board does not listen on the pins of {board.port}: connect an "
            "adapter to pins of the ROM (`romboot info` lists them), or plug in its own USB too",
            Code.REFUSED,
            (
                (("--rom", "PORT"), "With the adapter at PORT"),
                (("--usb", "PATH"), "With USB, such as 1-2"),
            ),
        )

    def enter(
        self,
        prompt: Prompt,
        place: Place,
        board: asked.AtPrompt,
        port: str | None,
        stack: contextlib.ExitStack,
    ) -> Rom:
        """Into the ROM of this board. port: where it answers, None for USB."""
        before = way.usb_paths()

        def see(prompt: Prompt) -> Rom:
            if port:
                return way.by_uart(prompt, port, self.args.baud, stack)
            return way.by_usb(prompt, place, self.args.usb, before)

        via = getattr(self.args, "via", None)
        rom = self.into_rom(prompt, place, lambda p: way.enter(p, board, port, via), see)
        if rom.chip and rom.chip[1] is not board.die:
            raise CliError(
                f"the ROM at {rom} is of another chip, {rom.chip[1].name}, than the board at "
                f"{board.port}, {board.die.name}: is that the port of another board?",
                Code.REFUSED,
            )
        return rom

    def into_rom(
        self,
        prompt: Prompt,
        place: Place,
        enter: Callable[[Prompt], None],
        see: Callable[[Prompt], way.S],
    ) -> way.S:
        """What `see` returns, once the board has left its prompt; that is closed then.

        Args:
            enter: sends the board on its way, from this prompt.
            see: waits for the ROM. BackError if the prompt comes back: the next try.

        Raises:
            BackError: it has come back each time.
            CliError: the board does not go, or there is no ROM.
        """
        assert self.die
        self.where, tries = Where.ENTERING, self.args.tries
        for attempt in range(1, tries + 1):
            if attempt > 1:
                # A port of USB may have another name now.
                prompt = Prompt((place.usb and places.device_at(place.usb)) or prompt.port)
            try:
                self._send(prompt, enter)
                left = f"{prompt.port}: the board has left its prompt"
                self.report.state("left", left, attempt=attempt)
                began = time.monotonic()
                self.held.close()
                seen = see(prompt)
            except BackError as error:
                self.report.warn(f"try {attempt} of {tries}: {error}")
                continue
            except CliError as error:
                raise self._has_come_on_usb(place, error) from None
            finally:
                self._close(prompt)
            after = f"after {time.monotonic() - began:.1f} s"
            self.report.state("ROM", f"{seen}, {after}", **seen.facts)
            self.where = Where.IN_ROM
            if not place.usb and not prompt.gone:  # a port that is open keeps its name
                self._hold(prompt.port)
            return seen
        self.where = Where.AT_PROMPT
        raise way.came_back(tries, self.die)

    def _has_come_on_usb(self, place: Place, error: CliError) -> CliError:
        """If no ROM answers at --rom, as the board has become a DFU device, the next command is
        for that."""
        if error.code != Code.NO_ROM or not self.args.rom:
            return error
        gone = place.device and not ports.exists(place.device)
        found = [p for p in way.usb_paths() if p == place.usb or (gone and not place.usb)]
        if len(found) != 1:
            return error
        self.where = Where.IN_ROM
        now = f"the ROM of the board is on USB now, at USB {found[0]}"
        return CliError(f"{now}: {error}", error.code, next=list(on_usb(self.args, found[0])))

    def _rom_port_is_there(self) -> None:
        """What --rom names was, a moment ago. If it has gone, nothing is entered."""
        try:
            if self.args.rom:
                ports.opened(self.args.rom, "--rom", held_s=0).close()
        except CliError as error:  # HELD: by this command
            if error.code == Code.NO_BOARD:
                raise

    def _send(self, prompt: Prompt, enter: Callable[[Prompt], None]) -> None:
        try:
            self._rom_port_is_there()
            enter(prompt)
        except CliError as error:
            if error.code in (Code.REFUSED, Code.NO_BOARD):
                self.where = Where.AT_PROMPT
            raise

    def _hold(self, port: str) -> None:
        """Unless it is in use, perhaps by the ROM."""
        with contextlib.suppress(CliError):
            self.held.enter_context(ports.opened(port, held_s=0))

    # --- and back ------------------------------------------------------------------------------

    def leave(self, rom: Rom, place: Place, start: int) -> None:
        """By what the ROM has for it; if it is still there after that, by a reset. start: of the
        application."""
        rom.leave(start)
        self.held.close()
        self.where = AFTER_LEAVING.get(self.where, self.where)
        self.report.state("leave", f"{rom.verb} 0x{start:08X}", address=f"0x{start:08X}")
        if not place.device and not place.usb:
            self.report.fact("no --device was named, so nobody asks for the prompt")
            return
        began = time.monotonic()
        if self.args.rom and place.device and not ports.same(self.args.rom, place.device):
            self._hold(self.args.rom)

        def port() -> str | None:
            return places.device_at(place.usb) if place.usb else place.device

        found = back.wait(port, back.GO_S)
        if found is None:
            self.held.close()
        if found is None and rom.reset():
            self.report.state("leave", "the ROM is there still, or again: a reset", reset=True)
            found = back.wait(port, back.BOOT_S)
        if found is None:
            raise self._no_prompt(rom, place)
        self.judge(found)
        self.report.state(
            "prompt",
            f"{found.machine}, MicroPython {found.version}, {found.port}, after "
            f"{time.monotonic() - began:.1f} s",
            port=found.port, machine=found.machine, version=found.version,
        )  # fmt: skip

    def _no_prompt(self, rom: Rom, place: Place) -> CliError:
        here = f"USB {place.usb}" if place.usb else f"{place.device}"
        in_rom = rom.is_there()
        now = "is there still, or again" if in_rom else "does not answer any more"
        then = [self.other_firmware("" if in_rom else f", {BOOT0_RESET}")]
        if not getattr(self.args, "erase_all", False):
            when = "" if in_rom else f", or never stops, {BOOT0_RESET}"
            about = f"If a boot.py or main.py enters the ROM at each start{when}"
            then.extend(with_files_lost(self.args, about))
        return CliError(
            f"no prompt has come at {here}. The ROM was to start the firmware, and {now}"
            f"{''.join(f'; {doubt}' for doubt in self.doubts)}. Press reset, or take the power "
            "away for a second. If no prompt comes then either, start the ROM "
            f"({self.boot0}) and flash firmware for this board",
            Code.NOT_BACK,
            next=then,
        )

    def other_firmware(self, when: str = "") -> Next:
        """What helps if that in the flash does not start."""
        return Next(other(self.args, "flash", "FILE"), f"To write other firmware, FILE{when}")

    def judge(self, found: back.Firmware) -> None:
        """Raises CliError if this is not the firmware that should have come."""


@contextlib.contextmanager
def between_commands() -> Iterator[Callable[[], None]]:
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
