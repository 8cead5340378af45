"""romboot prove: into the ROM by each way and through each connection, and back; N times."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ... import paths
from .. import made
from ..errors import CliError, Code
from ..hosted.calls import Hosted
from ..hosted.entering import BackError
from ..job import asked, back
from ..job.job import Job
from ..job.where import Where
from ..port import places
from ..port.places import Place
from ..port.prompt import Prompt
from ..report import Report
from ..rom import dfu, usb
from ..rom.geometry import BASE
from ..rom.rom import Rom
from . import evidence, form

REFUSED, BACK, STAYED = "refused", "the prompt was back", "the board stayed at its prompt"
NO_ROM, ON_USB = "no ROM was found", "the ROM served USB"
FAILURES = {
    BACK: Code.NOT_ENTERED, STAYED: Code.NOT_ENTERED, NO_ROM: Code.NO_ROM, ON_USB: Code.NO_ROM,
}  # fmt: skip
FINAL = (REFUSED, STAYED, NO_ROM, ON_USB)  # the next try would end alike
SOON_S = 1.0  # of a board that may still be at its prompt


def prove(args: argparse.Namespace) -> int:
    """All of it."""
    return Prove(args).run()


class States(Report):
    """As they are shown; and kept: `seen` has the last state of each name, and its time."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self.seen: dict[str, tuple[float, dict[str, Any]]] = {}

    def state(self, name: str, text: str, **facts: object) -> None:
        """A state is reached."""
        self.seen[name] = time.monotonic(), facts
        super().state(name, text, **facts)


class Prove(Job):
    """One run of the command.

    Attributes:
        steps: what has been done, as the report has it.
        at: where the board is connected; USB may give its port another name each time.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.report: States = States(as_json=args.json)
        self.steps: list[dict[str, Any]] = []
        self._vias: tuple[str, ...] = (args.via,) if args.via else form.WAYS
        self.at = Place(None)
        self._codes: list[Code] = []

    def run(self) -> int:
        """The exit code."""
        return super().run() or min(self._codes, default=Code.DONE)

    def work(self, stack: contextlib.ExitStack) -> None:
        """From the prompt to the prompt, and the report."""
        made.check(self.args.report or Path("romboot-report.json"))
        self._find(stack)
        with contextlib.ExitStack() as first:
            prompt, board = self.ask(self.at, BASE, first)
            head = self._head(prompt, board)
        end = None
        try:
            for port in self._ports(board):
                for via in self._vias:
                    self._rounds(via, port, board)
        except CliError as error:
            end = error
        entries = [step["outcome"] for step in self.steps if step["step"] == "enter"]
        if set(entries) == {REFUSED}:
            self._codes.append(Code.REFUSED)
        self._write(head)
        if end:
            raise end

    # --- at the prompt -------------------------------------------------------------------------

    def _find(self, stack: contextlib.ExitStack) -> None:
        """The board, at its prompt."""
        self.at, rom = self.find(stack)
        if rom and self.at == Place(None):
            raise CliError("name the port of its prompt too, with --device", Code.NO_BOARD)
        if rom:
            self.leave(rom, self.at, BASE)
            self._is_at(str(self.report.seen["prompt"][1]["port"]))

    def _head(self, prompt: Prompt, board: asked.AtPrompt) -> dict[str, Any]:
        """What the report says first, and the steps for that."""
        hosted = Hosted(prompt)
        with self._step("info") as step:
            info = hosted.info()
            step["outcome"] = "done"
        about = f"{info.name}, REV_ID 0x{info.rev_id:04X}, ROM ID 0x{info.id:02X}"
        self.report.state("info", about)
        virtual = evidence.virtual(info.uid, self.at.device, self.args.rom)
        for reason in virtual:
            self.report.fact(f"a virtual board: {reason}")
        for via in self._vias:
            with self._step("plan", via=via) as step:
                step["reasons"] = reasons = hosted.reasons(via=via)
                step["outcome"] = REFUSED if reasons else "free"
            self.report.state("plan", f"{via}: {'; '.join(reasons) or 'the way is free'}")
        return {
            "form": form.FORM,
            "date": datetime.date.today().isoformat(),
            "romboot": paths.version(),
            "system": sys.platform,
            "virtual": virtual,
            "board": {
                "build": board.who.build, "machine": board.who.machine,
                "micropython": board.who.version,
            },
            "chip": {
                "name": info.name, "dev_id": f"0x{info.dev_id:03X}",
                "rev_id": f"0x{info.rev_id:04X}", "rom_id": f"0x{info.id:02X}",
            },
        }  # fmt: skip

    def _ports(self, board: asked.AtPrompt) -> list[str | None]:
        """Where its ROM may answer, None for USB."""
        ports: list[str | None] = [self.args.rom] if self.args.rom else []
        if not ports and not self.at.usb and board.known and board.known.one_cable:
            ports = [self.at.device]
        if self.at.usb or self.args.usb or not ports:
            ports.append(None)
        if ports == [None] and not self.at.usb and not self.args.usb:
            self.report.fact("there is no --rom: the ROM is expected on USB")
        return ports

    # --- there and back ------------------------------------------------------------------------

    def _rounds(self, via: str, port: str | None, board: asked.AtPrompt) -> None:
        """As often as was asked for, unless it is clear that the next one would end alike."""
        by = "UART" if port else "USB"
        self.args.via = via  # of the next entry
        outcomes: list[str] = []
        while len(outcomes) < self.args.times and not set(outcomes) & set(FINAL):
            self.report.state(
                "enter", f"{via}, {by}: try {len(outcomes) + 1} of {self.args.times}"
            )
            outcomes.append(self._round(via, by, port, board))
        arrived = outcomes.count(form.ARRIVED)
        if REFUSED not in outcomes:
            self.report.state("result", f"{via}, {by}: {arrived} of {len(outcomes)} arrived")
            if not arrived:
                self._codes.append(FAILURES[outcomes[-1]])

    def _round(self, via: str, by: str, port: str | None, board: asked.AtPrompt) -> str:
        """The outcome of one entry. Then the board is at its prompt."""
        with contextlib.ExitStack() as stack:
            prompt = self.open(self.at, stack)
            before = {device.where for device in dfu.devices()}
            with self._step("enter", via=via, by=by) as step:
                try:
                    rom = self.enter(prompt, self.at, board, port, stack)
                except CliError as error:
                    rom = None
                    step["outcome"] = outcome = self._why_not(error)
                else:
                    step["outcome"] = outcome = form.ARRIVED
                    step["seconds"] = self._seconds("left", "ROM")
                    step["rom"] = {key: rom.facts[key] for key in form.ROM[by]}
                if outcome == NO_ROM and port and (rom := self._on_usb(before)):
                    step["outcome"] = outcome = ON_USB
            if outcome != REFUSED:
                self._return(rom, back.BOOT_S if outcome == BACK else SOON_S)
        self.where = Where.AT_PROMPT
        return outcome

    def _why_not(self, error: CliError) -> str:
        """The outcome of an entry that ended so. What is none ends the command."""
        if isinstance(error, BackError):
            return BACK
        if error.code == Code.REFUSED and self.where is Where.AT_PROMPT:
            outcome = REFUSED
        elif error.code in (Code.NO_ROM, Code.NOT_ENTERED):
            outcome = NO_ROM if error.code == Code.NO_ROM else STAYED
        else:
            raise error
        self.report.warn(str(error))
        return outcome

    def _on_usb(self, before: set[str]) -> Rom | None:
        """The ROM that was expected at a UART, if it is there."""
        came = [device for device in usb.roms() if device.path not in before]
        if not came:
            return None
        self.report.warn(
            "the ROM serves the connection that speaks first, and that was USB: pull that cable "
            "to prove the UART"
        )
        return usb.rom(came[0])

    def _return(self, rom: Rom | None, seconds: float) -> None:
        """To the prompt. seconds: how long it is waited for, if there is no ROM to leave."""
        with self._step("return") as step:
            how = self._leave(rom) if rom else "itself" if self._prompt_comes(seconds) else None
            if how is None:
                self._codes.append(Code.NOT_BACK)
                how = self._button()
            step["outcome"] = form.PROMPT if how else "no prompt"
            if how:
                step["how"] = how
        if how is None:
            raise CliError(f"no prompt has come within {self.args.wait} s", Code.NOT_BACK)

    def _leave(self, rom: Rom) -> str | None:
        """How: None if that was in vain."""
        try:
            self.leave(rom, self.at, BASE)
        except CliError as error:
            self.report.warn(str(error))
            return None
        self._is_at(str(self.report.seen["prompt"][1]["port"]))
        return "reset" if "reset" in self.report.seen["leave"][1] else "leave"

    def _button(self) -> str | None:
        self.report.state(
            "press",
            "the reset button of the board; if it has none, take its power away for a second. "
            f"This waits up to {self.args.wait} s",
        )
        return "button" if self._prompt_comes(self.args.wait) else None

    def _prompt_comes(self, seconds: float) -> bool:
        usb_path, device = self.at.usb, self.at.device
        found = back.wait(lambda: places.device_at(usb_path) if usb_path else device, seconds)
        if found is None:
            return False
        self.report.state("prompt", f"{found.machine}, {found.port}", port=found.port)
        self._is_at(found.port)
        return True

    # --- what is kept of it --------------------------------------------------------------------

    def _is_at(self, port: str) -> None:
        """At a prompt."""
        self.at = Place(port, self.at.usb)
        self.where = Where.AT_PROMPT

    @contextlib.contextmanager
    def _step(self, name: str, **facts: str) -> Iterator[dict[str, Any]]:
        """One of the report."""
        began = time.monotonic()
        step: dict[str, Any] = {"step": name, **facts}
        yield step
        step.setdefault("seconds", round(time.monotonic() - began, 2))
        self.steps.append(step)

    def _seconds(self, first: str, last: str) -> float:
        """From one state to the other."""
        return round(self.report.seen[last][0] - self.report.seen[first][0], 2)

    def _write(self, head: dict[str, Any]) -> None:
        report = form.without_private({**head, "steps": self.steps})
        path = self.args.report or _free(f"{head['board']['build'] or 'board'}-{head['date']}")
        made.write(path, form.write(report).encode())
        about = (
            "of a virtual board, and no evidence" if head["virtual"] else "docs/silicon takes it"
        )
        self.report.state("report", f"{path}: {about}", path=str(path))


def _free(name: str) -> Path:
    """A file that is not there yet."""
    name = re.sub(r"[^\w.-]+", "-", name)
    number = 1
    while (path := Path(f"{name}{f'-{number}' if number > 1 else ''}.json")).exists():
        number += 1
    return path
