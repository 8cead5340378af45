"""romboot measure: what entering the bootloader costs, beside the tutorial and MicroPython's own.

Everything is counted by the virtual board, in instructions, so a run repeats exactly.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.bench.board import VirtualBoard
from tools.bench.image import load_image
from tools.bench.prompt import Prompt
from tools.bench.rom_run import Arrival
from tools.cli import firmware
from tools.cli.errors import CliError
from tools.machine_code import compile_mpy

ROOT = Path(__file__).parents[2]
LIB = ROOT / "lib" / "romboot"
TUTORIAL = ROOT / "host_tests" / "compare" / "tutorial.py"
LONGEST_MS = 5000  # virtual; from the call to the ROM

ROMBOOT = "import romboot, romboot.stm32f4\nGO = romboot.enter_bootloader"
BY_RESET = "import romboot, romboot.stm32f4\nGO = lambda: romboot.enter_bootloader(via='reset')"
MACHINE = "import machine\nGO = machine.bootloader"

HEAP = """
import gc
gc.collect()
gc.disable()
a = gc.mem_alloc()
import romboot, romboot.stm32f4
gc.collect()
b = gc.mem_alloc()
from romboot.entry import Way, _drain
way = Way()
_drain(way.chip.family)
print(b - a, gc.mem_alloc() - a)
"""


@dataclass
class Cost:
    """One way into the ROM. All counts are instructions."""

    way: str
    call_to_rom: int
    blackout: int
    registers_off: int


@dataclass
class Sizes:
    """Bytes."""

    py: int
    mpy: int
    frozen: int
    heap_imported: int
    heap_peak: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BOARD, --firmware, --json."""
    firmware.add_argument(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    image = args.firmware or firmware.build(args.board, frozen=True)
    ways = {
        "romboot": ROMBOOT,
        "romboot, via='reset'": BY_RESET,
        "machine.bootloader()": MACHINE,
        "the tutorial": TUTORIAL.read_text() + "\nGO = jump",
    }
    costs = [cost(args.board, image, way, setup) for way, setup in ways.items()]
    size = sizes(args.board, image)
    print(render(args.board, costs, size))
    if args.json:
        figures = {"board": args.board, "ways": [asdict(c) for c in costs], "size": asdict(size)}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def cost(name: str, image: Path, way: str, setup: str) -> Cost:
    """Go in this way once. `setup` defines GO, which goes."""
    board = VirtualBoard.load(name, firmware=image)
    prompt = Prompt(board)
    prompt.run(setup)
    marks = Marks(board)
    meter = board.core.measure_masking()
    # from a quiet prompt: what the console still has to say is not romboot's
    quiet = "import time\ntime.sleep_ms(10)"
    prompt.start(f"from machine import mem32\n{quiet}\nmem32[{marks.address}] = 0\nGO()")
    arrival = _arrive(board, way)
    masked = meter.last if marks.reset is None else arrival.instructions - marks.reset
    return Cost(way, arrival.instructions - marks.call, masked, len(arrival.deviations))


def _arrive(board: VirtualBoard, way: str) -> Arrival:
    for _ in range(LONGEST_MS):
        if board.arrival:
            return board.arrival
        board.run_ms(1)
    raise CliError(f"{way} did not reach the ROM within {LONGEST_MS} ms of virtual time")


class Marks:
    """Instruction counts at the call (a write to a GPIO register, which it makes just before) and
    at the last reset after it."""

    def __init__(self, board: VirtualBoard) -> None:
        port = board.soc.blocks["GPIO" + board.board.console.tx[1]]
        self.address = port.base + port.by_name["BSRR"].offset
        self.call = 0
        self.reset: int | None = None
        self._board = board
        port.on_write("BSRR", self._called)
        after, board.soc.on_reset = board.soc.on_reset, self._was_reset
        self._after_reset = after

    def _called(self, _value: int) -> None:
        self.call = self._board.core.instructions

    def _was_reset(self, cause: str) -> None:
        self.reset = self._board.core.instructions
        self._after_reset(cause)


def sizes(name: str, image: Path) -> Sizes:
    """Of the library: as files, frozen, and on the heap of a build that has it frozen."""
    plain = firmware.build(name)
    heap = Prompt(VirtualBoard.load(name, firmware=image)).run(HEAP)
    imported, peak = (int(word) for word in heap.split())
    sources = sorted(LIB.glob("*.py"))
    with tempfile.TemporaryDirectory() as folder:
        mpy = sum(len(compile_mpy(path, Path(folder))) for path in sources)
    return Sizes(
        sum(path.stat().st_size for path in sources),
        mpy,
        _flash(image) - _flash(plain),
        imported,
        peak,
    )


def _flash(image: Path) -> int:
    return sum(len(data) for _, data in load_image(image))


def render(name: str, costs: list[Cost], size: Sizes) -> str:
    """The figures as a Markdown table."""
    lines = [
        f"Virtual {name}; instructions.",
        "",
        "| way | call to ROM | blackout | registers off |",
        "|---|--:|--:|--:|",
    ]
    for c in costs:
        lines.append(f"| {c.way} | {c.call_to_rom:,} | {c.blackout:,} | {c.registers_off} |")
    lines += [
        "",
        "Blackout: with interrupts masked; for a way through a reset, from the reset on.",
        "",
        f"Size in bytes: {size.py:,} as .py, {size.mpy:,} as .mpy, {size.frozen:,} of flash "
        f"when frozen; heap then: {size.heap_imported:,} after import, {size.heap_peak:,} at its "
        "peak.",
    ]
    return "\n".join(lines)


COMMAND = add_arguments, run
