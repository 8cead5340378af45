"""What is tried: the script and the machine code as the real firmware has them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..bench.board import VirtualBoard
from ..bench.boardfile import BoardFile, ExternalChip
from ..bench.cpu.memory import PAGE
from ..bench.external import WINDOWS
from ..bench.memory_map import POWER_ON_RAM
from ..firmware import board as firmware_board
from ..firmware import build
from ..machine_code import assemble
from . import alone

ROOT = Path(__file__).parents[2]
BOOT_MS, ANSWER_MS, ANSWERS = 2000, 500, 20  # an L0 runs at 2 MHz
PLAN = (
    "import romboot; from uctypes import addressof; p = romboot.plan(via='jump'); "
    "print('image', addressof(p.image), len(p.image))"
)
LAST_STEPS = 256  # bytes below the main stack, beside the image
HEADER = 20  # bytes before the first line of a script: see lib/romboot/chip.py
WRITE, FILL, CHANGE, WAIT = range(4)  # kinds of lines, in the two low bits of the address
MORE_WORDS = (0, 1, 1, 2)  # behind address and value
CPSID_I = b"\x72\xb6"  # the point of no return


class FuzzError(Exception):
    """The fuzz itself is at fault: it did not produce the state that it meant to."""


@dataclass(frozen=True)
class Line:
    """One line of the script; `offset` is that of its address in the image."""

    offset: int
    kind: int
    address: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Subject:
    """A board at its prompt, with a plan made and not taken.

    Attributes:
        name: as in boards/, or a chip of the bench (alone.py).
        image, image_address: what chip.image() returned there, and where it was in the heap.
        code, code_address: jump.helper() and where the firmware has it in flash.
        copied: it runs from a copy on the heap (jump_bytes.py).
        flash: the firmware.
        ram: pieces of SRAM, by address: those that are not as after power-on.
        msp: the main stack while the prompt waits.
        stack: bytes that the firmware keeps for it.
    """

    name: str
    board: BoardFile
    image: bytes
    image_address: int
    code: bytes
    code_address: int
    copied: bool
    flash: bytes
    ram: tuple[tuple[int, bytes], ...]
    msp: int
    stack: int

    @property
    def size(self) -> int:
        """Bytes that `helper` carries below the main stack, a little more than that."""
        return len(self.image) + LAST_STEPS

    @property
    def boot_state(self) -> int:
        """Where MicroPython's early-boot hook looks: at the start of the main stack."""
        return int.from_bytes(self.flash[:4], "little")

    @property
    def heap(self) -> tuple[int, int]:
        """A part of memory that is heap for sure, whatever start-up code does."""
        chip = self.heap_chip
        end = WINDOWS[chip.kind, chip.bank] + chip.size if chip else self.boot_state - self.stack
        return self.image_address + len(self.image), end

    @property
    def heap_chip(self) -> ExternalChip | None:
        """The memory chip that has the heap; None: it is in SRAM."""
        for chip in self.board.external:
            if 0 <= self.image_address - WINDOWS[chip.kind, chip.bank] < chip.size:
                return chip
        return None

    @property
    def mask_offset(self) -> int:
        """Of CPSID, from which on interrupts are masked, in the code."""
        return self.code.index(CPSID_I)

    def lines(self) -> list[Line]:
        """The script, line by line, without its end."""
        found, at = [], HEADER
        while True:
            address, value = (self._word(at + n) for n in (0, 4))
            kind = address & 3
            if address == CHANGE:
                return found
            more = [self._word(at + 8 + 4 * n) for n in range(MORE_WORDS[kind])]
            if kind == FILL and not more[0]:  # a row: one word for each register
                count = (value & 0x7FFFFFFF).bit_count()
                more += [self._word(at + 12 + 4 * n) for n in range(count)]
            found.append(Line(at, kind, address & ~3, (value, *more)))
            at += 8 + 4 * len(more)

    def _word(self, at: int) -> int:
        return int.from_bytes(self.image[at : at + 4], "little")


@cache
def at_prompt(name: str, manifest: Path = ROOT / "manifest.py") -> Subject:
    """Boot MicroPython with the library frozen in and make a plan at its prompt.

    Raises:
        FuzzError: the prompt did not answer as expected.
        ValueError, tools.firmware.FirmwareError: no such board; no firmware could be built.
    """
    boards = alone.boards(name)
    image = build(name, frozen_manifest=manifest, boards=boards)
    board = VirtualBoard.load(name, image, boards=boards)
    address, length = _plan(board)
    flash = board.soc.flash.array.view
    code = assemble(manifest.parent / "lib" / "romboot" / "jump.py")
    at = bytes(flash).find(code)
    if at < 0:
        raise FuzzError("jump.helper() is not in flash as mpy-cross makes it")
    heap, offset = board.soc.map.find(address)
    about = firmware_board.load_board(name, boards)
    return Subject(
        name=name,
        board=board.board,
        image=heap.read(offset, length),
        image_address=address,
        code=code,
        code_address=board.soc.flash.base_address + at,
        copied=not about.assembler,
        flash=bytes(flash).rstrip(bytes([board.soc.flash.erased])),
        ram=tuple(_written_ram(board)),
        msp=board.core.state().msp,
        stack=about.stack_size,
    )


def _written_ram(board: VirtualBoard) -> Iterator[tuple[int, bytes]]:
    """In pages."""
    base = board.soc.chip.region("SRAM").base
    memory = board.soc.map.at[base]
    untouched = bytes([POWER_ON_RAM]) * PAGE
    for at in range(0, memory.size, PAGE):
        page = memory.read(at, PAGE)
        if page != untouched:
            yield base + at, page


def _plan(board: VirtualBoard) -> tuple[int, int]:
    """Boot it and make a plan: address and length of its image, which stays in the heap."""
    board.run_ms(BOOT_MS)
    console = board.wires["console"].host
    console.read()
    console.send(PLAN.encode() + b"\r\n")
    answer, answers = "", []
    for _ in range(ANSWERS):
        board.run_ms(ANSWER_MS)
        answer += console.read().decode(errors="replace")
        answers = [line.split() for line in answer.splitlines() if line.startswith("image ")]
        if answers and answer.endswith(">>> "):
            break
    if not answers:
        raise FuzzError(f"{board.name} has no plan to offer; at its prompt: {answer}")
    return int(answers[-1][1]), int(answers[-1][2])
