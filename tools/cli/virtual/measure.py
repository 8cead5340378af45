"""romboot measure: what entering the bootloader costs, beside the tutorial and MicroPython's own.

Everything is counted by the virtual board, in instructions, so a run repeats exactly. With another
--firmware the library is that of the image or, if it has none, put into the board's file system;
without a file system the host enters the ROM, as `romboot enter` does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from ... import paths
from ...bench.board import VirtualBoard
from ...bench.prompt import Prompt, PromptError
from ..errors import CliError
from ..hosted.calls import Hosted
from . import firmware, sizes
from .installed import NOWHERE, Library, install
from .virtual_prompt import VirtualPrompt

TUTORIAL = paths.HERE / "compare" / "tutorial.py"
LONGEST_MS = 5000  # virtual; from the call to the ROM

# A way is code that defines GO, which goes.
FIRST = "import romboot\nGO = romboot.enter_bootloader"
ROMBOOT = f"{FIRST}\nfrom romboot import chip\nchip.find()"  # all that a call needs is loaded
BY_RESET = f"{ROMBOOT}\nGO = lambda: romboot.enter_bootloader(via='reset')"
OWN = "import machine\nGO = machine.bootloader"
# From a quiet prompt: what the console still has to say is not put down to the way.
CALL = "import time\nfrom machine import mem32\ntime.sleep_ms(10)\nmem32[{mark}] = 0\nGO()"


@dataclass
class Cost:
    """One way into the ROM, in instructions.

    Attributes:
        call_to_rom: None if it never got there: `failed` says why.
        blackout: with interrupts masked; after a reset, if there was one. None if they are still
            masked when the ROM starts.
        registers_off: names of the registers that are not as after a reset.
        before: what the firmware had done by itself that a chip may not survive.
    """

    way: str
    call_to_rom: int | None = None
    blackout: int | None = None
    registers_off: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failed: str = ""


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    if args.json:
        _writable(args.json)
    name, image = args.board, firmware.image(args, frozen=True)
    ways = {"romboot": ROMBOOT, "romboot, the first call": FIRST}
    ways |= {"romboot, via='reset'": BY_RESET, "machine.bootloader()": OWN}
    if firmware.family(name) == "f4":
        ways["the tutorial"] = f"{TUTORIAL.read_text()}\nGO = jump"
    with tempfile.TemporaryDirectory() as folder:
        library = install(name, image, Path(folder) / "flash.bin")
        if library is NOWHERE:
            costs = [by_the_host(name, image), cost(name, image, "machine.bootloader()", OWN)]
            size = None
        else:
            costs = [cost(name, image, *way, library.flash_file) for way in ways.items()]
            size = sizes.sizes(name, image, library, ours=not args.firmware)
    print(render(name, library, costs, size))
    if args.json:
        figures = {"board": name, "library": library.where}
        figures |= {"ways": [asdict(c) for c in costs], "size": size and asdict(size)}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _writable(path: Path) -> None:
    """Before the work, not after it."""
    try:
        path.touch()
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from error


def cost(name: str, image: Path, way: str, code: str, flash_file: Path | None = None) -> Cost:
    """Go in this way once. `flash_file` has the file system."""
    board = VirtualBoard.load(name, image, flash_file)
    prompt = Prompt(board)
    prompt.run(code)
    meter = Meter(board)
    prompt.start(CALL.format(mark=meter.mark))
    found = meter.cost(way)
    if found.call_to_rom is None:
        found.failed = _why_not(prompt)
    return found


def by_the_host(name: str, image: Path) -> Cost:
    """Go as `romboot enter` does: counted from its first question to the board on."""
    prompt = VirtualPrompt(VirtualBoard.load(name, image))
    meter = Meter(prompt.board)
    Hosted(cast(Any, prompt)).enter()
    return meter.cost("romboot enter")


def _why_not(prompt: Prompt) -> str:
    """The first fault, or what the board says instead of going: a refusal, most likely."""
    if prompt.board.core.faults:
        return prompt.board.core.faults[0]
    try:
        prompt.finish()
    except PromptError as error:
        return str(error).strip().rpartition("\n")[2]
    return "it returned"


class Meter:
    """Counts on a board: from now on, or from the last write to `mark`, a register of a GPIO
    port, to the ROM."""

    def __init__(self, board: VirtualBoard) -> None:
        port = board.soc.blocks["GPIO" + board.board.console.tx[1]]
        self.mark = port.base + port.by_name["BSRR"].offset
        self._board, self._masking = board, board.core.measure_masking()
        self._reset: int | None = None
        self._begin()
        port.on_write("BSRR", lambda value: self._begin())
        self._after_reset, board.soc.on_reset = board.soc.on_reset, self._was_reset

    def _begin(self) -> None:
        self._call = self._board.core.instructions

    def _was_reset(self, cause: str) -> None:
        self._reset = self._board.core.instructions
        self._after_reset(cause)

    def cost(self, way: str) -> Cost:
        """Run on to the ROM."""
        arrival, before = self._board.run_to_rom(LONGEST_MS), self._board.soc.accepted
        if not arrival:
            return Cost(way, before=before, failed="it was not seen in the ROM")
        off = [each.name for each in arrival.deviations]
        last = arrival.instructions - self._reset if self._reset else self._masking.last
        blackout = None if "CPU.PRIMASK" in off else last
        return Cost(way, arrival.instructions - self._call, blackout, off, before)


def render(name: str, library: Library, costs: list[Cost], size: sizes.Sizes | None) -> str:
    """The figures as Markdown: a table, and what is off by name."""
    return "\n".join(
        (
            f"Virtual {name}; the library is {library.where}. Instructions:",
            "",
            "| way | call to ROM | with interrupts masked | registers off their reset value |",
            "|---|--:|--:|--:|",
            *map(_row, costs),
            "",
            "With interrupts masked: for a way through a reset, from the reset on.",
            "",
            *(f"- {c.way}: {', '.join(c.registers_off)}" for c in costs if c.registers_off),
            *(f"- {c.way}: {c.failed}" for c in costs if c.failed),
            *(f"- the firmware, by itself: {b}" for b in costs[0].before),
            "",
            *(sizes.render(size) if size else ()),
        )
    )


def _row(c: Cost) -> str:
    if c.call_to_rom is None:
        return f"| {c.way} | never | | |"
    blackout = "for ever" if c.blackout is None else f"{c.blackout:,}"
    return f"| {c.way} | {c.call_to_rom:,} | {blackout} | {len(c.registers_off)} |"
