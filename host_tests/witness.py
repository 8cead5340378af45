"""Proof that a call has written nothing: every write to a register, and the registers themselves.

The code on the board reads MARK, a register that nothing else reads, before and after the call.
With SysTick off (QUIET) nothing happens in between but the call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tools.bench.board import VirtualBoard
from tools.fuzz.witness import CPU, Write, watch_writes

MARK = 0xE0042004  # DBGMCU_CR
QUIET = "from machine import mem32; mem32[0xE000E010] = 0"
# attempt(call, **options): what it raises, witnessed.
ATTEMPT = f"""
from machine import mem32
import romboot
def attempt(call, **options):
    mem32[{MARK}]
    try:
        call(**options)
    except romboot.RomBootError as e:
        mem32[{MARK}]
        print(type(e).__name__, e)
"""


class Witness:
    """What happens between two reads of MARK.

    Attributes:
        before, after: every register of every peripheral, of the core and of the CPU, and flash.
        writes: those to a register of a peripheral or of the core.
    """

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board
        self.before: dict[str, int | str] = {}
        self.after: dict[str, int | str] | None = {}
        self.writes: list[Write] = []
        watch_writes(board, self._note)
        board.soc.blocks["DBGMCU"].on_read("CR", self._mark)

    def _note(self, write: Write) -> None:
        if self.after is None:
            self.writes.append(write)

    def _mark(self) -> int:
        picture = dict(_picture(self._board))
        if self.after is None:
            self.after = picture
        else:
            self.before, self.after, self.writes = picture, None, []
        return self._board.soc.blocks["DBGMCU"].get("CR")

    @property
    def changes(self) -> list[str]:
        """Names of registers that are not as before."""
        assert self.before and self.after, "MARK was not read twice"
        names = {**self.before, **self.after}
        return [name for name in names if self.before.get(name, 0) != self.after.get(name, 0)]


def _picture(board: VirtualBoard) -> Iterator[tuple[str, int | str]]:
    for block in board.soc.blocks.values():
        for offset, register in block.by_offset.items():
            yield f"{block.name}.{register.name}", block.peek(offset)
        for offset, value in block.written.items():
            yield f"{block.name}.+{offset:X}", value
    for view in board.core.scs.registers():
        yield view.name, view.value
    state = board.core.state()
    yield from ((name, getattr(state, name)) for name in CPU)
    yield "flash", hashlib.sha256(board.soc.flash.array.view).hexdigest()
