"""Proof that a call that does not go has written nothing: neither registers nor memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..bench.board import VirtualBoard
from ..bench.core import Block
from .application import Application
from .layout import BUFFER

CPU = ("msp", "psp", "control", "primask", "basepri", "faultmask", "msplim", "psplim")
KEPT = range(4, 12)  # r4 to r11
BELOW_STACK = 1024  # what frames and helper itself use


class Write(NamedTuple):
    """One write to a register of a peripheral or the core."""

    block: Block
    offset: int
    value: int

    def __str__(self) -> str:
        return f"0x{self.value:X} to 0x{self.block.base + self.offset:08X} ({self.block.name})"


def watch_writes(board: VirtualBoard, note: Callable[[Write], None]) -> None:
    """Call `note` for each write to a register of a peripheral or the core."""
    for block in (*board.soc.blocks.values(), board.core.scs):
        vars(block)["write"] = _watched(block, note)


def _watched(block: Block, note: Callable[[Write], None]) -> Callable[[int, int, int], None]:
    write = block.write

    def watched(offset: int, size: int, value: int) -> None:
        note(Write(block, offset, value))
        write(offset, size, value)

    return watched


@dataclass
class Witness:
    """Sees what the call itself writes: not what interrupt handlers do meanwhile, and not what
    changes as time passes."""

    app: Application
    writes: list[Write] = field(default_factory=list)

    def __post_init__(self) -> None:
        watch_writes(self.app.board, self._note)

    def _note(self, write: Write) -> None:
        if self.app.exception == self.app.expected:
            self.writes.append(write)

    def look(self) -> Picture:
        """As it is now."""
        return Picture(len(self.writes), self._cpu(), bytes(self._sram))

    def _cpu(self) -> dict[str, int]:
        state = self.app.core.state()
        return {name: getattr(state, name) for name in CPU} | {f"r{n}": state.r[n] for n in KEPT}

    @property
    def _sram(self) -> memoryview:
        soc = self.app.soc
        return soc.map.at[soc.chip.region("SRAM").base].view

    def differences(self, before: Picture) -> list[str]:
        """Sentences; empty if nothing has been written since."""
        now = self._cpu()
        found = [f"it wrote {write}" for write in self.writes[before.writes :]]
        found += [
            f"{name} was 0x{old:X}, is 0x{now[name]:X}"
            for name, old in before.cpu.items()
            if now[name] != old
        ]
        msp = before.cpu["msp"]
        return found + self._memory_changes(before, [(msp - BELOW_STACK, msp)])

    def damage(self, before: Picture) -> list[str]:
        """The same of memory alone, for a call that went: what it needs may have changed."""
        layout, subject, msp = self.app.layout, self.app.subject, before.cpu["msp"]
        rom = self.app.soc.chip.rom
        needed = [
            (rom["ram_base"], rom["ram_base"] + rom["ram_size"]),
            (layout.image, layout.image + len(subject.image)),
            (msp - subject.size - BELOW_STACK, msp),
        ]
        return self._memory_changes(before, needed)

    def _memory_changes(self, before: Picture, holes: Iterable[tuple[int, int]]) -> list[str]:
        """Of SRAM without these pieces, and without what changes anyway."""
        sram, layout = self.app.soc.chip.region("SRAM"), self.app.layout
        holes = [*holes, (layout.psp - BELOW_STACK, layout.psp), (sram.end, sram.end)]
        holes += [(buffer, buffer + BUFFER) for buffer in layout.buffers]
        old, new, low = before.sram, self._sram, 0
        for begin, end in sorted(holes):
            high = max(min(begin, sram.end) - sram.base, low)
            if not old.startswith(new[low:high], low):
                at = next(n for n in range(low, high) if old[n] != new[n])
                return [f"SRAM has changed at 0x{sram.base + at:08X}"]
            low = max(low, min(end, sram.end) - sram.base)
        return []


@dataclass(frozen=True)
class Picture:
    """One moment: how many writes there were before it, registers of the CPU, SRAM."""

    writes: int
    cpu: dict[str, int]
    sram: bytes
