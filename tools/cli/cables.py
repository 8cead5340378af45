"""Which cable reaches the ROM of a board, which tool takes it, and what to press if none answers.

By the file of the board (boards/*.toml), and by what its ROM listens on; without a file by that
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .. import boards
from ..boards import Cable
from .errors import command_line
from .flash import asked, places
from .prompt import Prompt

LABEL = 11  # characters, as in the table of `info()`
BOOT0 = "the pin BOOT0 high, then reset"
INTERFACE = re.compile(r"(USB DFU|\w*USART\d|\w*UART\d) (.+)")

Row = tuple[str, str]
"""A label, empty if it is that of the row before, and a text."""


@dataclass(frozen=True)
class Cables:
    """Of one board.

    Attributes:
        board: its file, None if there is none.
        build: what its firmware calls itself.
        listens: what its ROM listens on, as `info()` prints it.
        device: the port of its prompt.
        own_usb: that is USB of the chip itself.
    """

    board: boards.Board | None
    build: str
    listens: tuple[str, ...]
    device: str
    own_usb: bool

    def about(self) -> Iterator[Row]:
        """All of it, for a board at its prompt."""
        known = self.board
        yield "board", f"{known.build}, {known.name}" if known else self._unknown
        yield from self._cables()
        yield from _flash(self.device, self._port, usb=self._on_usb)
        yield self._no_answer()

    def after_entry(self, rom: str | None, *, usb: bool) -> Iterator[Row]:
        """What may be typed now. rom: the port where the ROM answers; usb: it is there on USB.
        With neither, all cables."""
        rom = rom or self.shared
        if not rom and not usb:
            yield from self._cables()
            rom, usb = self._port, self._on_usb
        yield from _flash(self.device, rom, usb=usb)
        ports = ["--device", self.device, "--rom", rom] if rom else []
        yield "back", command_line("leave", *ports)
        yield self._no_answer()

    def _cables(self) -> Iterator[Row]:
        label = "cable"
        for cable in self._reaching:
            now = "as it is now: " if cable == self._now else ""
            how = " and a serial adapter" if cable.kind == "uart" else ""
            note = f"; {cable.note}" if cable.note else ""
            yield label, f"{now}{cable.at}{how}, for {cable.interface(self.listens)}{note}"
            label = ""
        if label:
            yield label, "none that a host has reaches the ROM of this board"
        label = "not"
        for cable in self.board.cables if self.board else ():
            if why := cable.blocked(self.listens):
                yield label, f"{cable.at}: {why}"
                label = ""

    @property
    def _unknown(self) -> str:
        name = f"romboot has no file for {self.build}" if self.build else "it has no build name"
        return f"{name}: what follows is true of the chip"

    @cached_property
    def _reaching(self) -> list[Cable]:
        """The best first."""
        every = self.board.cables if self.board else _of_the_chip(self.listens)
        return [cable for cable in every if cable.interface(self.listens)]

    @property
    def _now(self) -> Cable | None:
        """The one of the prompt, if that is known."""
        here = [
            cable
            for cable in (self.board.cables if self.board else ())
            if cable.prompt and (cable.kind == "usb") == self.own_usb
        ]
        return here[0] if len(here) == 1 else None

    @property
    def _on_usb(self) -> bool:
        """The ROM can be had there."""
        return any(cable.kind == "usb" for cable in self._reaching)

    @property
    def _port(self) -> str | None:
        """The serial port of the ROM, or a word that stands for it; None if it has none."""
        serial = [cable for cable in self._reaching if cable.kind != "usb"]
        return self.shared or ("PORT" if serial else None)

    @property
    def shared(self) -> str | None:
        """The port of the prompt, if the ROM answers there too."""
        here = self._now in self._reaching or (self.board is not None and self.board.one_cable)
        return None if self.own_usb or not here else self.device

    def _no_answer(self) -> Row:
        boot0 = self.board.boot0 if self.board else ""
        return "no answer", f"{boot0 or BOOT0}: then the ROM starts, whatever the firmware is"


def of(prompt: Prompt, listens: list[str]) -> Cables:
    """The board at this prompt."""
    _, _, machine, build = asked.who(prompt)
    own_usb = places.place(prompt.port).usb is not None
    board = boards.identify(build, machine)
    return Cables(board, build or machine, tuple(listens), prompt.port, own_usb)


def table(rows: Iterable[Row]) -> str:
    """Lines as those of `info()`."""
    return "\n".join(f"{label:<{LABEL}} {text}" for label, text in rows)


def _of_the_chip(listens: tuple[str, ...]) -> Iterator[Cable]:
    for interface in listens:
        if match := INTERFACE.match(interface):
            usb = match[1].startswith("USB")
            for pins in match[2].partition(" (")[0].split(" or "):
                at = f"USB at {pins}" if usb else f"{pins} (TX/RX)"
                yield Cable("usb" if usb else "uart", at, pins)


def _flash(device: str, rom: str | None, *, usb: bool) -> Iterator[Row]:
    """The commands; those of other programs are for a board that is in its ROM."""
    label = "to flash"
    if usb:
        yield label, "romboot flash firmware.dfu"
        yield "", "or, in the ROM: dfu-util -a 0 -D firmware.dfu"
        label = ""
    if rom:
        ports = ["--device", device, "--rom", rom]
        yield label, command_line("flash", "firmware.hex", *ports)
        stm32flash = f"stm32flash -w firmware.hex -v {rom}"
        yield "", f"or, in the ROM: {stm32flash} (files that lie between its pieces are lost)"
