"""Which cable reaches the ROM of a board, which tool takes it, and what to press if none answers.

By the file of the board (boards/*.toml), and by what its ROM listens on; without a file by that
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ... import boards
from ...boards import Cable
from ..errors import command_line, for_shell
from ..hosted.calls import Hosted
from ..port import places

LABEL = 11  # characters, as in the table of `info()`
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
        usb: the path of USB of the chip itself, such as 1-2, if the prompt is there.
    """

    board: boards.Board | None
    build: str
    listens: tuple[str, ...]
    device: str
    usb: str | None

    def about(self) -> Iterator[Row]:
        """All of it, for a board at its prompt."""
        known = self.board
        yield "board", f"{known.build}, {known.name}" if known else self._unknown
        yield from self._cables()
        yield from self._flash(self._port, self._at_usb(None) if self._on_usb else [])
        yield self._no_answer()

    def after_entry(self, rom: str | None, usb: str | None) -> Iterator[Row]:
        """What may be typed now. rom: the port where the ROM answers; usb: its USB path. With
        neither, all cables."""
        rom = None if usb else rom or self.shared
        at_usb = self._at_usb(usb) if usb else []
        if not rom and not usb:
            yield from self._cables()
            rom, at_usb = self._port, self._at_usb(None) if self._on_usb else []
        yield from self._flash(rom, at_usb, usb)
        yield "back", command_line("leave", *(self._at_port(rom) if rom else at_usb))
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
            if cable.prompt and (cable.kind == "usb") == bool(self.usb)
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
        return self.device if self.board and self.board.one_cable and not self.usb else None

    def _at_usb(self, path: str | None) -> list[str]:
        """Options. A prompt that is elsewhere is not found by the USB path. path: of the ROM; if
        it is not known, a word that stands for it."""
        device = [] if self.usb else ["--device", self.device]
        return [*device, "--usb", path or self.usb or "PATH"]

    def _at_port(self, rom: str) -> list[str]:
        return ["--device", self.device, *([] if rom == self.shared else ["--rom", rom])]

    def _flash(self, rom: str | None, at_usb: list[str], path: str | None = None) -> Iterator[Row]:
        """The commands; those of other programs are for a board that is in its ROM."""
        label = "to flash"
        if at_usb:
            yield label, command_line("flash", "firmware.dfu", *at_usb)
            here = f" -p {path or self.usb}" if path or self.usb else ""
            yield "", f"or, in the ROM: dfu-util{here} -a 0 -D firmware.dfu"
            label = ""
        if rom:
            yield label, command_line("flash", "firmware.hex", *self._at_port(rom))
            stm32flash = for_shell("stm32flash", "-w", "firmware.hex", "-v", rom)
            lost = "files that lie between its pieces are lost"
            yield "", f"or, in the ROM: {stm32flash} ({lost})"

    def _no_answer(self) -> Row:
        boot0 = self.board.boot0 if self.board else ""
        return (
            "no answer",
            f"{boot0 or boards.BOOT0}: then the ROM starts, whatever the firmware is",
        )


def of(board: Hosted, listens: list[str], port: str) -> Cables:
    """The board at the prompt there."""
    known = boards.identify(board.who.build, board.who.machine)
    name, usb = board.who.build or board.who.machine, places.place(port).usb
    return Cables(known, name, tuple(listens), port, usb)


def table(rows: Iterable[Row], width: int = LABEL) -> str:
    """Lines as those of `info()`. width: of the labels, in characters."""
    return "\n".join(f"{label:<{width}} {text}" for label, text in rows)


def rows(text: str) -> dict[str, list[str]]:
    """Such a table for scripts: the texts of each label."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in text.splitlines():
        label = line[:LABEL].strip() or label
        found.setdefault(label, []).append(line[LABEL:].strip())
    return found


def _of_the_chip(listens: tuple[str, ...]) -> Iterator[Cable]:
    for interface in listens:
        if match := INTERFACE.match(interface):
            usb = match[1].startswith("USB")
            for pins in match[2].partition(" (")[0].split(" or "):
                at = f"USB at {pins}" if usb else f"{pins} (TX/RX)"
                yield Cable("usb" if usb else "uart", at, pins)
