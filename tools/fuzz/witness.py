"""Proof that a call that does not go has written nothing: neither registers nor memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..bench.board import VirtualBoard
from ..bench.core import Block
from .application import Application
from .layout import BUFFER

CPU = ("msp", "psp", "control", "primask", "basepri", "faultmask", "msplim", "psplim")
KEPT = range(4, 12)  # r4 to r11
BELOW_STACK = 1024  # what frames and helper itself use


def watch_writes(board: VirtualBoard, note: Callable[[str], None]) -> None:
    """Call `note` with a sentence for each write to a register of a peripheral or the core."""
    for block in (*board.soc.blocks.values(), board.core.scs):
        vars(block)["write"] = _watched(block, note)


def _watched(block: Block, note: Callable[[str], None]) -> Callable[[int, int, int], None]:
    write = block.write

    def watched(offset: int, size: int, value: int) -> None:
        note(f"0x{value:X} to 0x{block.base + offset:08X} ({block.name})")
        write(offset, size, value)

    return watched


@dataclass
class Witness:
    """Sees what the call itself writes: not what interrupt handlers do meanwhile, and not what
    changes as time passes."""

    app: Application
    writes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        watch_writes(self.app.board, self._note)

    def _note(self, write: str) -> None:
        if self.app.exception == self.app.expected:
            self.writes.append(write)

    def look(self) -> Picture:
        """As it is now."""
        state, soc = self.app.core.state(), self.app.soc
        cpu = {name: getattr(state, name) for name in CPU} | {f"r{n}": state.r[n] for n in KEPT}
        sram = soc.map.at[soc.chip.region("SRAM").base].view
        return Picture(len(self.writes), cpu, bytes(sram))

    def differences(self, before: Picture) -> list[str]:
        """Sentences; empty if nothing has been written since."""
        now = self.look()
        found = [f"it wrote {write}" for write in self.writes[before.writes :]]
        found += [
            f"{name} was 0x{old:X}, is 0x{now.cpu[name]:X}"
            for name, old in before.cpu.items()
            if now.cpu[name] != old
        ]
        msp = before.cpu["msp"]
        return found + self._memory_changes(before, now, [(msp - BELOW_STACK, msp)])

    def damage(self, before: Picture) -> list[str]:
        """The same of memory alone, for a call that went: what it needs may have changed."""
        layout, subject, msp = self.app.layout, self.app.subject, before.cpu["msp"]
        rom = self.app.soc.chip.rom
        needed = [
            (rom["ram_base"], rom["ram_base"] + rom["ram_size"]),
            (layout.image, layout.image + len(subject.image)),
            (msp - subject.size - BELOW_STACK, msp),
        ]
        return self._memory_changes(before, self.look(), needed)

    def _memory_changes(
        self, before: Picture, now: Picture, holes: Iterable[tuple[int, int]]
    ) -> list[str]:
        sram, layout = self.app.soc.chip.region("SRAM"), self.app.layout
        holes = [*holes, (layout.psp - BELOW_STACK, layout.psp)]
        holes += [(buffer, buffer + BUFFER) for buffer in layout.buffers]
        old, new = bytearray(before.sram), bytearray(now.sram)
        for ends in holes:
            low, high = (min(max(end - sram.base, 0), sram.size) for end in ends)
            old[low:high] = new[low:high] = bytes(high - low)
        if old == new:
            return []
        at = next(n for n, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
        return [f"SRAM has changed at 0x{sram.base + at:08X}"]


@dataclass(frozen=True)
class Picture:
    """One moment: how many writes there were before it, registers of the CPU, SRAM."""

    writes: int
    cpu: dict[str, int]
    sram: bytes
