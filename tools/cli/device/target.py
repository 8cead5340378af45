"""romboot info, plan and enter: what a board's chip and ROM are, and into the ROM."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import report
from ..errors import CliError, Code, in_shell
from ..hosted import entering
from ..hosted.calls import Hosted, RefusedError
from ..job import way
from ..job.arriving import Watch
from ..job.job import Job
from ..job.way import Seen
from ..port.prompt import BoardError, Prompt
from ..rom import dfu
from ..rom.geometry import BASE
from . import cables

VERDICT = "romboot verdict:"  # marks the line that is for this program, not for the user
FOREIGN = """
if not (hasattr(romboot, 'plan') and hasattr(romboot, 'RomBootError')):
    path = getattr(romboot, '__file__', '') or getattr(romboot, '__path__', '')
    print(path or 'a module of the firmware')
"""
STEP = re.compile(r"(?P<address>0x\w+) +(?P<register>\S+) +(?P<now>\w+) -> (?P<then>.*)")  # Plan
PINS = "of the die: a small package has not got all of them"


def info(args: argparse.Namespace) -> int:
    """Say what the chip is, why entering is refused, if it is, and which cable reaches the ROM."""
    return Info(args).run()


def plan(args: argparse.Namespace) -> int:
    """Say what entering would do. Code.REFUSED if something prevents entry."""
    job = ShowPlan(args)
    return job.run() or (Code.DONE if job.free else Code.REFUSED)


def enter(args: argparse.Namespace) -> int:
    """Enter the bootloader, and say what was seen of it, and what may be done now."""
    return Enter(args).run()


class Info(Job):
    """One run of `romboot info`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """The table of the library, and what the files in boards/ say."""
        prompt = self.at_prompt(stack)
        table = ""
        if self.args.installed:
            need_library(prompt)
            table = prompt.run("romboot.info()")
            prompt.restart()
        hosted = Hosted(prompt)
        found = hosted.info()
        known = cables.of(hosted, found.interfaces, prompt.port)
        refused = hosted.reasons()
        rows = [("pins", PINS), *(("refused", reason) for reason in refused)]
        lines = [table or f"{found.table()}\n", cables.table([*rows, *known.about()])]
        text = "".join(lines)
        self.report.result(
            "info", text, f"{found.name}, {known.build}", table=cables.rows(text),
            chip=found.name, dev_id=f"0x{found.dev_id:03X}", rev_id=f"0x{found.rev_id:04X}",
            unique_id=found.uid.hex(), flash_kib=found.flash_kib,
            rom=f"0x{found.rom:08X}", rom_id=f"0x{found.id:02X}", protection_level=found.rdp,
            listens=[str(i) for i in found.interfaces], notes=[str(n) for n in found.notes],
            warnings=[str(w) for w in found.warnings], refused=refused,
            board=known.board.build if known.board else None,
        )  # fmt: skip


class ShowPlan(Job):
    """One run of `romboot plan`. free: nothing prevents entry."""

    free = False

    def work(self, stack: contextlib.ExitStack) -> None:
        """The table of the library."""
        prompt = self.at_prompt(stack)
        if self.args.installed:
            table = self._installed(prompt)
        else:
            found = Hosted(prompt).plan(force=self.args.force, via=self.args.via)
            table, self.free = in_shell(f"{found}"), bool(found)
        lines = table.splitlines()
        verdict = "the way is free" if self.free else "refused"
        self.report.result(
            "plan", table, verdict, free=self.free,
            refused=_after("NO: ", lines), warnings=_after("WARNING: ", lines),
            steps=[step.groupdict() for line in lines if (step := STEP.match(line))],
        )  # fmt: skip

    def _installed(self, prompt: Prompt) -> str:
        need_library(prompt)
        code = f"p = romboot.plan(force={self.args.force}, via={self.args.via!r}); print(p)"
        output = prompt.run(f"{code}; print({VERDICT!r}, bool(p))")
        table, _, free = output.rpartition(VERDICT)
        self.free = free.strip() == "True"
        return in_shell(table.rstrip("\n"))


def _after(mark: str, lines: Iterable[str]) -> list[str]:
    """What follows this mark."""
    return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


@dataclass
class Silence:
    """A ROM that was not asked."""

    text: str
    facts: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


class Enter(Job):
    """One run of `romboot enter`."""

    def work(self, stack: contextlib.ExitStack) -> None:
        """A board that is in its ROM already is left there."""
        place, rom = self.find(stack)
        if rom:
            return
        prompt, board = self.ask(place, BASE, stack)
        hosted = Hosted(prompt)
        known = cables.of(hosted, hosted.info().interfaces, prompt.port)
        shared = None if self.args.usb else known.shared
        port = self.rom_port(place, board) if self.args.rom else shared
        before = dfu.devices()
        seen = self.into_rom(
            prompt,
            place,
            lambda p: self._enter(p, hosted if p is prompt else None),
            lambda p: self._see(p, port, place.usb or self.args.usb, before, stack),
        )
        path = None if port else seen.facts.get("usb")
        rows = known.after_entry(port, str(path) if path else None)
        self.report.hint(cables.table(rows, report.NAME))

    def _enter(self, prompt: Prompt, hosted: Hosted | None) -> None:
        """hosted: what this prompt has been asked; None if it is a new one."""
        force, via = self.args.force, self.args.via
        if not self.args.installed:
            (hosted or Hosted(prompt)).enter(force=force, via=via)
            return
        need_library(prompt)
        try:
            entering.enter(prompt, entering.by_library(force=force, via=via), None)
        except BoardError as error:  # what the library has against it
            raise RefusedError(str(error)) from error

    def _see(
        self,
        prompt: Prompt,
        port: str | None,
        path: str | None,
        before: set[dfu.Device],
        stack: contextlib.ExitStack,
    ) -> Seen:
        """Of a ROM that is not at this port it is enough that the prompt does not come back: which
        program talks to it, and whether that may open it, is not the matter here."""
        if port:
            return way.by_uart(prompt, port, self.args.baud, stack)
        device = Watch(prompt, None).silence(before, path)
        if device:
            return Silence(str(device), {"interface": "USB", "usb": device.where})
        return Silence("not asked, as there is no --rom PORT; the prompt does not come back")


def need_library(prompt: Prompt) -> None:
    """Import the library of the board. CliError if there is none."""
    try:
        prompt.run("import romboot")
    except BoardError as error:
        if error.kind != "ImportError":
            raise
        raise CliError(
            "there is no library on this board: put it there with `romboot install`, or leave out "
            "--installed",
            Code.REFUSED,
        ) from error
    if where := prompt.run(FOREIGN).strip():
        raise CliError(
            f"`import romboot` finds {where} on this board, which is not the library, or is its "
            "small edition: remove or rename it, or leave out --installed",
            Code.REFUSED,
        )
