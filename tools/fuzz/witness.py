"""Proof that a call that does not go has written nothing: a picture before, a picture after."""

from __future__ import annotations

from collections.abc import Iterator

from ..bench.blocks.base import RegisterBlock
from ..bench.board import VirtualBoard
from . import facts
from .application import Application
from .layout import BUFFER

CPU = ("msp", "psp", "control", "primask", "basepri", "faultmask", "msplim", "psplim")
CHANGED_BY_CRYSTAL = "RCC."  # clock security rewrites it
CHANGED_BY_INTERRUPTS = ("NVIC_I", "SYST_", "ICSR", "SHCSR", "FPCCR", "FPCAR")
BELOW_STACK = 1024  # what frames and helper itself use
TIMER_ON, RNG_ON, STREAM_ON = 1, 1 << 2, 1  # CR1.CEN, CR.RNGEN, SxCR.EN
USART_ON = 1 << 13 | 1  # CR1.UE, of one version and the other


def registers(board: VirtualBoard) -> Iterator[tuple[str, int]]:
    """Every register of every peripheral, of the core and of the CPU, without side effects."""
    for block in board.soc.blocks.values():
        for offset, register in block.by_offset.items():
            yield f"{block.name}.{register.name}", block.peek(offset)
        for offset, value in block.written.items():
            yield f"{block.name}.+{offset:X}", value
    for view in board.core.scs.registers():
        yield view.name, view.value
    state = board.core.state()
    for name in CPU:
        yield name, getattr(state, name)


def running(board: VirtualBoard) -> set[str]:
    """Names of the blocks whose registers change by themselves now."""
    found = {block.name for block in board.soc.blocks.values() if _runs(block)}
    # RTC alarms and wake-ups come by way of EXTI.
    return found | {"RTC", "EXTI"} if board.soc.rcc.rtc_runs else found


def _runs(block: RegisterBlock) -> bool:
    kind = block.facts.kind
    if kind.startswith("timer"):
        return bool(block.get("CR1") & TIMER_ON)
    if kind.startswith("usart"):
        return bool(block.get("CR1") & USART_ON)
    if kind.startswith("rng") and block.has("CR"):
        return bool(block.get("CR") & RNG_ON)
    if kind.startswith("dma"):
        streams = (name for name in block.by_name if name.endswith("CR") and name[0] == "S")
        return any(block.get(name) & STREAM_ON for name in streams)
    return False


class Picture:
    """Memory and registers at one moment; `of_memory` alone if it is for `damage`."""

    def __init__(self, app: Application, *, of_memory: bool = False) -> None:
        self._app = app
        self.registers: dict[str, int] = {}
        self._running: set[str] = set()
        if not of_memory:
            self._running = running(app.board)
            self.registers = dict(registers(app.board))
            self.registers |= {f"r{n}": app.core.state().r[n] for n in range(4, 12)}
        self._sram = app.soc.chip.region("SRAM")
        self._memory = bytes(app.soc.map.at[self._sram.base].view)
        self._msp = app.core.state().msp

    def differences(self, later: Picture) -> list[str]:
        """Sentences; empty if nothing was written in between."""
        changing = facts.changing(self._app.soc.chip)
        found = [
            f"{name} was 0x{self._value(name):X}, is 0x{later._value(name):X}"
            for name in {**self.registers, **later.registers}
            if (later._value(name) ^ self._value(name)) & ~changing.get(name, 0)
            and not name.startswith(self._skipped)
        ]
        return found + self._memory_changes(later, [(self._msp - BELOW_STACK, self._msp)])

    def _value(self, name: str) -> int:
        return self.registers.get(name, 0)

    @property
    def _skipped(self) -> tuple[str, ...]:
        """Starts of names of registers that change without anybody writing them."""
        blocks = tuple(f"{name}." for name in self._running)
        crystal = (CHANGED_BY_CRYSTAL,) if self._app.crystal_fails else ()
        return blocks + crystal + CHANGED_BY_INTERRUPTS

    def damage(self, later: Picture) -> list[str]:
        """The same of memory alone, for a call that went: what it needs may have changed."""
        layout, size = self._app.layout, self._app.subject.size
        rom = self._app.soc.chip.rom
        return self._memory_changes(
            later,
            [
                (rom["ram_base"], rom["ram_base"] + rom["ram_size"]),
                (layout.image, layout.image + len(self._app.subject.image)),
                (self._msp - size - BELOW_STACK, self._msp),
            ],
        )

    def _memory_changes(self, later: Picture, holes: list[tuple[int, int]]) -> list[str]:
        base, size, layout = self._sram.base, self._sram.size, self._app.layout
        holes = [*holes, (layout.psp - BELOW_STACK, layout.psp)]
        holes += [(buffer, buffer + BUFFER) for buffer in layout.buffers]
        before, after = bytearray(self._memory), bytearray(later._memory)
        for ends in holes:
            low, high = (min(max(end - base, 0), size) for end in ends)
            before[low:high] = after[low:high] = bytes(high - low)
        if before == after:
            return []
        at = next(n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
        return [f"SRAM has changed at 0x{base + at:08X}"]
