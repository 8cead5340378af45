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

from .. import paths
from ..bench.board import Arrival, VirtualBoard
from ..bench.cpu.state import MaskMeter
from ..bench.prompt import Prompt, PromptError
from . import firmware, sizes
from .board import Board
from .errors import CliError
from .installed import NOWHERE, Library, install
from .virtual_prompt import VirtualPrompt

TUTORIAL = paths.HERE / "compare" / "tutorial.py"
LONGEST_MS = 5000  # virtual; from the call to the ROM

FIRST = "import romboot\nGO = romboot.enter_bootloader"
ROMBOOT = f"{FIRST}\nfrom romboot import chip\nchip.find()"
BY_RESET = f"{ROMBOOT}\nGO = lambda: romboot.enter_bootloader(via='reset')"
OWN = "machine.bootloader()", "import machine\nGO = machine.bootloader"


@dataclass
class Cost:
    """One way into the ROM. All counts are instructions."""

    way: str
    call_to_rom: int | None
    """None if it never got there."""
    blackout: int | None
    """None if interrupts are still masked when the ROM starts."""
    registers_off: int | None
    names_off: list[str] = field(default_factory=list)
    failed: str = ""
    """Why it never got there."""
    before: list[str] = field(default_factory=list)
    """What the firmware had done before the call that a chip may not survive."""


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    ways = {
        "romboot": ROMBOOT,
        "romboot, the first call": FIRST,
        "romboot, via='reset'": BY_RESET,
        OWN[0]: OWN[1],
    }
    if firmware.family(args.board) == "f4":
        ways["the tutorial"] = TUTORIAL.read_text() + "\nGO = jump"
    if args.json:
        _writable(args.json)
    image = firmware.image(args, frozen=True)
    with tempfile.TemporaryDirectory() as folder:
        library = install(args.board, image, Path(folder) / "flash.bin")
        if library is NOWHERE:
            costs = [by_the_host(args.board, image), cost(args.board, image, *OWN)]
            size = None
        else:
            costs = [cost(args.board, image, *way, library.flash_file) for way in ways.items()]
            size = sizes.sizes(args.board, image, library, ours=not args.firmware)
    print(render(args.board, library, costs, size))
    if args.json:
        figures = {"board": args.board, "library": library.where}
        figures |= {"ways": [asdict(c) for c in costs], "size": size and asdict(size)}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _writable(path: Path) -> None:
    """Before the work, not after it."""
    try:
        path.touch()
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from error


def cost(name: str, image: Path, way: str, setup: str, flash_file: Path | None = None) -> Cost:
    """Go in this way once. `setup` defines GO, which goes; `flash_file` has the file system."""
    board = VirtualBoard.load(name, image, flash_file)
    prompt = Prompt(board)
    prompt.run(setup)
    marks = Marks(board)
    meter = board.core.measure_masking()
    # from a quiet prompt: what the console still has to say is not romboot's
    quiet = "import time\ntime.sleep_ms(10)"
    prompt.start(f"from machine import mem32\n{quiet}\nmem32[{marks.address}] = 0\nGO()")
    arrival = board.run_to_rom(LONGEST_MS)
    if not arrival:
        return Cost(way, None, None, None, failed=failure(prompt))
    return counted(way, arrival, marks, meter)


def by_the_host(name: str, image: Path) -> Cost:
    """Go as `romboot enter` does: counted from its first question to the board on."""
    prompt = VirtualPrompt(VirtualBoard.load(name, image))
    marks, meter = Marks(prompt.board), prompt.board.core.measure_masking()
    marks.call = prompt.board.core.instructions
    Board(cast(Any, prompt)).leave()
    arrival = prompt.board.run_to_rom(LONGEST_MS)
    if not arrival:
        return Cost("romboot enter", None, None, None, failed="it was not seen in the ROM")
    return counted("romboot enter", arrival, marks, meter)


def counted(way: str, arrival: Arrival, marks: Marks, meter: MaskMeter) -> Cost:
    masked = meter.last if marks.reset is None else arrival.instructions - marks.reset
    names = [each.name for each in arrival.deviations if each.why not in marks.violations]
    call_to_rom = arrival.instructions - marks.call
    blackout = None if "CPU.PRIMASK" in names else masked
    return Cost(way, call_to_rom, blackout, len(names), names, before=list(marks.violations))


def failure(prompt: Prompt) -> str:
    """The first fault, or what the board says instead of going: a refusal, most likely."""
    if prompt.board.core.faults:
        return prompt.board.core.faults[0]
    try:
        prompt.finish()
    except PromptError as error:
        return str(error).strip().rpartition("\n")[2]
    return "it returned"


class Marks:
    """Instruction counts at the call (a write to a GPIO register, which it makes just before) and
    at the last reset after it; and what the firmware did before, which is not put down to the way
    in."""

    def __init__(self, board: VirtualBoard) -> None:
        port = board.soc.blocks["GPIO" + board.board.console.tx[1]]
        self.address = port.base + port.by_name["BSRR"].offset
        self.call = 0
        self.reset: int | None = None
        self.violations = tuple(board.soc.violations)
        self._board = board
        port.on_write("BSRR", self._called)
        after, board.soc.on_reset = board.soc.on_reset, self._was_reset
        self._after_reset = after

    def _called(self, _value: int) -> None:
        self.call = self._board.core.instructions

    def _was_reset(self, cause: str) -> None:
        self.reset = self._board.core.instructions
        self._after_reset(cause)


def render(name: str, library: Library, costs: list[Cost], size: sizes.Sizes | None) -> str:
    """The figures as Markdown: a table, and what is off by name."""
    lines = [
        f"Virtual {name}; the library is {library.where}. Instructions:",
        "",
        "| way | call to ROM | with interrupts masked | registers off their reset value |",
        "|---|--:|--:|--:|",
    ]
    for c in costs:
        if c.call_to_rom is None:
            lines.append(f"| {c.way} | never | | |")
            continue
        blackout = "for ever" if c.blackout is None else f"{c.blackout:,}"
        lines.append(f"| {c.way} | {c.call_to_rom:,} | {blackout} | {c.registers_off} |")
    lines += [
        "",
        "With interrupts masked: for a way through a reset, from the reset on.",
        "",
        *(f"- {c.way}: {', '.join(c.names_off)}" for c in costs if c.names_off),
        *(f"- {c.way}: {c.failed}" for c in costs if c.failed),
        *(f"- the firmware, before that: {b}" for b in costs[0].before),
        "",
        *(sizes.render(size) if size else ()),
    ]
    return "\n".join(lines)
