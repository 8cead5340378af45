"""What the ROM must find: the state after a system reset that booted from system memory.

`audit` compares everything that a program can change with that state, but for what a system reset
keeps: the family file lists that, with reasons. In a register that is not described, any value
other than 0 that was written since the last reset of its peripheral is a deviation: only that
reset restores it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import sysmem
from .blocks.base import RegisterBlock
from .core import Core
from .soc import Soc

EXCEPTION_NUMBER = 0x1FF  # IPSR
THUMB = 1 << 24
# The architecture gives these no reset value, but they must be 0:
# the ROM uses SysTick to measure the baud rate (AN2606), and ST's manuals give MPU_RNR a reset
# value of 0 (PM0214 4.5.3). MAIR of ARMv8-M would keep what the application has left.
COMPARED_THOUGH_UNKNOWN = ("SYST_RVR", "SYST_CVR", "MPU_RNR", "MPU_MAIR0", "MPU_MAIR1")


@dataclass(frozen=True)
class Deviation:
    """A register that is not as the ROM must find it. `address` is None for CPU registers."""

    name: str
    address: int | None
    value: int
    expected: int
    why: str = ""

    def __str__(self) -> str:
        where = "" if self.address is None else f" (0x{self.address:08X})"
        tail = f": {self.why}" if self.why else ""
        return f"{self.name}{where} is 0x{self.value:08X}, expected 0x{self.expected:08X}{tail}"


def audit(soc: Soc, core: Core) -> list[Deviation]:
    """All deviations, in order of address. Reading has no side effects."""
    # Where the ROM is not seen at 0, VTOR must name its table.
    vtor = 0 if soc.chip.remap else soc.chip.rom["vector_table"]
    found = [*audit_peripherals(soc), *audit_system_registers(core, vtor), *audit_cpu(soc, core)]
    sentences = (*soc.violations, *core.violations, *core.left_behind())
    found += [Deviation("violation", None, 1, 0, sentence) for sentence in sentences]
    return found


def audit_peripherals(soc: Soc) -> Iterator[Deviation]:
    """Every register of every peripheral."""
    for block in soc.blocks.values():
        if block.name in soc.chip.kept or (block is soc.iwdg and soc.iwdg.running):
            continue
        yield from _audit_described(soc, block)
        yield from _audit_written(block)
        if why := block.leftover():
            yield Deviation(block.name, block.base, 1, 0, why)


def _audit_described(soc: Soc, block: RegisterBlock) -> Iterator[Deviation]:
    remap = soc.chip.remap
    for offset, register in block.by_offset.items():
        is_remap = remap and block is soc.syscfg and register.name == remap.register
        expected, why = register.reset, ""
        if remap and is_remap:
            expected = expected & ~remap.mask | remap.value("SYSTEM")
            why = "system memory must be seen at address 0"
        value = block.peek(offset)
        differs = value ^ expected
        if differs:
            differs &= register.compared & ~_kept(soc, block, register.name)
        if is_remap and not differs and soc.syscfg.problem:
            differs, why = 1, soc.syscfg.problem
        if differs:
            name = f"{block.name}.{register.name}"
            yield Deviation(name, block.base + offset, value, expected, why)


def _kept(soc: Soc, block: RegisterBlock, register: str) -> int:
    """Bits that a reset keeps, or that the independent watchdog sets."""
    kept = soc.chip.kept.get(f"{block.name}.{register}")
    bits = kept.bits if kept else 0
    forced_in, forced = soc.rcc.lsi_forced_bits
    lsi = block is soc.rcc and register == forced_in and soc.iwdg.running
    return bits | (forced if lsi else 0)


def _audit_written(block: RegisterBlock) -> Iterator[Deviation]:
    """Software writes 0 itself where a peripheral has no reset bit."""
    for offset, value in sorted(block.written.items()):
        if value or block.facts.reset:
            name = f"{block.name}+0x{offset:02X}"
            yield Deviation(name, block.base + offset, value, 0, "written and never reset")


def audit_system_registers(core: Core, vtor: int = 0) -> Iterator[Deviation]:
    """SysTick, NVIC, SCB, MPU, FPU: enabled and pending interrupts are among them."""
    for view in core.scs.registers():
        if not view.reset_known and view.name not in COMPARED_THOUGH_UNKNOWN:
            continue
        expected = vtor if view.name == "VTOR" else view.reset
        if (view.value ^ expected) & view.mask:
            yield Deviation(dotted(view.name), view.address, view.value, expected)


def dotted(name: str) -> str:
    """NVIC_ISER0 -> NVIC.ISER0, SYST_CSR -> SYST.CSR, VTOR -> SCB.VTOR."""
    block, _, register = name.partition("_")
    return f"{block}.{register}" if block in ("NVIC", "SYST", "MPU") else f"SCB.{name}"


def audit_cpu(soc: Soc, core: Core) -> Iterator[Deviation]:
    """The core registers at the ROM's first instruction."""
    state = core.state()
    expected = {
        "MSP": (state.msp, sysmem.initial_sp(soc.chip)),
        "PC": (state.pc, sysmem.reset_vector(soc.chip) & ~1),
        "LR": (state.lr, 0xFFFFFFFF),
        "IPSR": (state.xpsr & EXCEPTION_NUMBER, 0),
        "EPSR": (state.xpsr & THUMB, THUMB),
        "CONTROL": (state.control, 0),
        "PRIMASK": (state.primask, 0),
        "BASEPRI": (state.basepri, 0),
        "FAULTMASK": (state.faultmask, 0),
        "MSPLIM": (state.msplim, 0),
        "PSPLIM": (state.psplim, 0),
    }
    for name, (value, wanted) in expected.items():
        if value != wanted:
            yield Deviation(f"CPU.{name}", None, value, wanted)
