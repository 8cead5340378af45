"""Proof that a call that does not go has written nothing: a picture before, a picture after."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ..bench import chip
from .application import Application
from .layout import BUFFER

# Registers that change by themselves or by the application's interrupt handlers, and their bits.
CHANGING = {
    "RCC.CR": ~0x150D00F9,  # all but the on bits, HSITRIM and CSSON
    "RCC.CFGR": 0xC,
    "RCC.BDCR": 0x2,
    "RCC.CSR": ~0x1,
    "RCC.CIR": 0xFF,
    "FLASH.SR": 1 << 16,
    "PWR.CSR": 0xFFFFFFFF,
    "WWDG.CR": 0x7F,
    "WWDG.SR": 1,
    "IWDG.SR": 3,
}
CHANGING_KINDS = ("timer", "dma", "rtc", "usart", "rng", "exti")
CHANGING_BY_CRYSTAL = ("RCC",)  # clock security rewrites it
CHANGING_VIEWS = ("NVIC_I", "SYST_", "ICSR", "SHCSR", "FPCCR", "FPCAR")
BELOW_STACK = 1024  # what frames and helper itself use


@cache
def _compared(die: str) -> list[tuple[str, int, str, int]]:
    """Block, offset, name and bits of each register."""
    found: list[tuple[str, int, str, int]] = []
    for block in chip.load(die).peripherals:
        if not block.kind.startswith(CHANGING_KINDS):
            for register in block.registers:
                name = f"{block.name}.{register.name}"
                mask = register.mask & ~CHANGING.get(name, 0)
                found.append((block.name, register.offset, name, mask))
    return found


class Picture:
    """Memory and registers at one moment; without `registers` only for `damage`."""

    def __init__(self, app: Application, *, registers: bool = True) -> None:
        self._app = app
        self.registers = dict(self._read_registers()) if registers else {}
        self._sram = app.soc.chip.region("SRAM")
        self._memory = bytes(app.soc.map.at[self._sram.base].view)
        self._msp = app.core.state().msp

    def _read_registers(self) -> Iterator[tuple[str, object]]:
        soc = self._app.soc
        for block, offset, name, mask in _compared(soc.chip.name):
            if not self._app.crystal_fails or block not in CHANGING_BY_CRYSTAL:
                yield name, soc.blocks[block].peek(offset) & mask
        for block in soc.blocks.values():
            yield f"{block.name} without names", dict(block.written)
        for view in self._app.core.scs.registers():
            if not view.name.startswith(CHANGING_VIEWS):
                yield view.name, view.value
        state = self._app.core.state()
        for name in ("msp", "psp", "control", "primask", "basepri", "faultmask"):
            yield name, getattr(state, name)
        yield "r4 to r11", state.r[4:12]

    def differences(self, later: Picture) -> list[str]:
        """Sentences; empty if nothing was written in between."""
        found = [
            f"{name} was {before}, is {later.registers[name]}"
            for name, before in self.registers.items()
            if later.registers[name] != before
        ]
        return found + self._memory_changes(later, [(self._msp - BELOW_STACK, self._msp)])

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
