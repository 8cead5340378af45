"""What the ROM must find: the state after a system reset that booted from system memory.

`audit` compares everything a program can change with that state. What a system reset keeps is left
out by the rules below, each with its reason; everything else counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import sysmem
from .blocks.base import RegisterBlock
from .core import Core
from .soc import Soc

BACKUP_DOMAIN = "the backup domain is kept by a system reset (RM0090 6.1.3)"
# block -> reason: nothing in it is compared
KEPT_BLOCKS = {
    "RTC": BACKUP_DOMAIN,
    "DBGMCU": "only a power-on resets it (RM0090 38.16.3)",
}
# register -> (bits that are kept, reason)
KEPT_BITS = {
    "RCC.BDCR": (0xFFFFFFFF, BACKUP_DOMAIN),
    "RCC.CSR": (0xFE000000, "reset flags stay until RMVF or power-on (RM0090 6.3.21)"),
    "FLASH.OPTCR": (0xFFFFFFFC, "option bytes; only OPTLOCK and OPTSTRT are state"),
    "FLASH.OPTCR1": (0xFFFFFFFF, "option bytes"),
    "PWR.CSR": (0x0000030F, "wake-up, standby and backup regulator bits (RM0090 5.4.2)"),
}
LSI_BITS = 0x3  # RCC.CSR: forced on while the independent watchdog runs
MEM_MODE_SYSTEM = 1
EXCEPTION_NUMBER = 0x1FF  # IPSR
THUMB = 1 << 24
# The architecture gives these no reset value, but a program that used them must put them back:
# the ROM of the F4 uses SysTick to measure the baud rate (AN2606).
COMPARED_THOUGH_UNKNOWN = ("SYST_RVR", "SYST_CVR")


@dataclass(frozen=True)
class Deviation:
    """Something that is not as the ROM must find it. `address` is None for CPU registers."""

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
    """All that is off, in order of address. Reading has no side effects."""
    found = [*audit_peripherals(soc), *audit_system_registers(core), *audit_cpu(soc, core)]
    sentences = (*soc.violations, *core.violations, *core.left_behind())
    found += [Deviation("violation", None, 1, 0, sentence) for sentence in sentences]
    return found


def audit_peripherals(soc: Soc) -> Iterator[Deviation]:
    """Every register of every peripheral."""
    for block in soc.blocks.values():
        if block.name in KEPT_BLOCKS or (block is soc.iwdg and soc.iwdg.running):
            continue
        yield from _audit_block(soc, block)


def _audit_block(soc: Soc, block: RegisterBlock) -> Iterator[Deviation]:
    for offset, register in block.by_offset.items():
        name = f"{block.name}.{register.name}"
        kept, _reason = KEPT_BITS.get(name, (0, ""))
        if name == "RCC.CSR" and soc.iwdg.running:
            kept |= LSI_BITS
        compared = register.compared & ~kept
        expected = register.reset
        if name == "SYSCFG.MEMRMP":
            expected |= MEM_MODE_SYSTEM
        value = block.peek(offset)
        if (value ^ expected) & compared:
            why = ""
            if name == "SYSCFG.MEMRMP":
                why = "system memory must be seen at address 0"
            yield Deviation(name, block.base + offset, value, expected, why)
        elif name == "SYSCFG.MEMRMP" and soc.syscfg.mapped_unclocked:
            why = "it was written while SYSCFG had no clock, which no manual allows"
            yield Deviation(name, block.base + offset, value, expected, why)


def audit_system_registers(core: Core) -> Iterator[Deviation]:
    """SysTick, NVIC, SCB, MPU, FPU: enabled and pending interrupts are among them."""
    for view in core.scs.registers():
        if not view.reset_known and view.name not in COMPARED_THOUGH_UNKNOWN:
            continue
        if (view.value ^ view.reset) & view.mask:
            yield Deviation(dotted(view.name), view.address, view.value, view.reset)


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
    }
    for name, (value, wanted) in expected.items():
        if value != wanted:
            yield Deviation(f"CPU.{name}", None, value, wanted)
