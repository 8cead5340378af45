"""What the chip's data say about a state: which blocks and bits may be written."""

from __future__ import annotations

import re
from functools import cache

from ..bench.blocks.registers import Register
from ..bench.chip import Chip, Peripheral
from . import families
from .family import Lock

# Those with a section of their own; DMA would copy from anywhere to anywhere; what is kept by a
# reset is none of the script's business.
APART = frozenset(
    {"rcc", "pwr", "flash", "syscfg", "sbs", "exti", "rtc", "dbgmcu", "iwdg", "wwdg"}
    | {"dma", "bdma", "mdma", "dmamux"}
)
# Of RCC: clocks in sleep, kernel clocks
PLAIN = re.compile("LPENR|SMENR|CCIP")
LOW_SPEED = ("LSI", "LSE")  # the start of their names
BY_SOFTWARE = ("rc_w1", "rc_w0", "w", "r")  # access of registers that do not keep a value


def apart(die: Chip) -> set[str]:
    """Blocks that are left alone: those above, and those that nothing but a reset of the chip, or
    software register by register, puts back."""
    mine = {p.name for p in die.peripherals if p.kind in APART or not p.reset}
    return mine | families.of(die).apart


def of_kind(die: Chip, *kinds: str) -> list[Peripheral]:
    return [p for p in die.peripherals if p.kind in kinds]


def syscfg(die: Chip) -> Peripheral:
    """SYSCFG, or what has its place: SBS."""
    return next(p for p in die.peripherals if p.kind in ("syscfg", "sbs"))


def plain(block: Peripheral) -> list[Register]:
    """Its registers that keep what is written to them."""
    return [r for r in block.registers if not r.access & {*BY_SOFTWARE}]


def has_cache(die: Chip) -> bool:
    return bool(die.core.get("icache_kib"))


def locks(die: Chip) -> list[Lock]:
    """Those of FLASH. A die with one bank has one less than its family."""
    there = die.peripheral("FLASH").by_name
    return [lock for lock in families.of(die).locks if lock.register in there]


@cache
def anytime(die: Chip) -> dict[str, int]:
    """Register -> bits that software may change to anything at any time."""
    rcc = die.peripheral("RCC").by_name
    found = {
        f"RCC.{name}": r.writable & ~r.set_only for name, r in rcc.items() if PLAIN.search(name)
    }
    register, shift = die.rcc["ready_interrupts"]["enable"]
    numbers = [line[3] for line in die.rcc["oscillators"].values()]
    found[f"RCC.{register}"] = sum(1 << number for number in numbers) << shift
    for name, bits in families.of(die).anytime.items():
        block, register = name.split(".")
        described = die.peripheral(block).by_name.get(register)
        if described:
            found[name] = bits & described.writable & ~described.set_only
    return found


@cache
def set_only(die: Chip) -> list[tuple[str, int]]:
    """Bits of RCC and PWR that software can set, and only a reset clears."""
    return [
        (f"{block}.{register.name}", 1 << bit)
        for block in ("RCC", "PWR")
        for register in die.peripheral(block).registers
        for bit in range(32)
        if register.set_only >> bit & 1
    ]
