"""States in which each line of the H7's script has something to do."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import Application
from ..family import Recipe
from ..trouble import Trouble
from . import clocks, system

PLLS = clocks.PLL2ON | clocks.PLL3ON
PROGRAM_SIZE_8 = 0  # FLASH.CR.PSIZE, which is 3 after a reset
HSIDIV_8 = 3 << 3  # RCC.CR


def recipes(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """The clock tree, the flash interface, EXTI and PWR, an erase, the caches."""
    tree = clocks.draw_tree(Random(0), die, hse_hz, "PLL1 from HSE")
    yield Recipe(
        "every register of RCC",
        early=(
            Trouble("HSE bypassed", lambda app: app.set_bits("RCC.CR", clocks.HSEBYP)),
            Trouble(f"clock: {tree}", lambda app: clocks.start(app, tree)),
            Trouble("every oscillator and PLL on, HSI off", _rcc),
        ),
    )
    yield Recipe("flash unlocked", late=(Trouble("both banks, option bytes", _flash),))
    yield Recipe("flash locked", late=(Trouble("in the middle of programming", _lock),))
    yield Recipe("EXTI and PWR", late=(Trouble("every register", _power),))
    yield Recipe("DMA requests", late=(Trouble("all", lambda app: system.dmamux(app, 0x55)),))
    yield Recipe("flash being erased", late=(system.erase(Random(0), die),), erasing=True)
    yield Recipe(
        "caches on",
        late=(Trouble("both", lambda app: system.caches(app, system.DC | system.IC)),),
    )


def _rcc(app: Application) -> None:
    for name in ("PLLCFGR", *clocks.plain_registers(app.soc.chip)):
        app.poke(f"RCC.{name}", ~app.peek(f"RCC.{name}"))
    app.set_bits("RCC.CR", PLLS | clocks.CSION | clocks.HSI48ON | HSIDIV_8)
    app.wait(clocks.READY_NS["PLL1"])
    app.clear_bits("RCC.CR", clocks.HSION)
    app.poke("RCC.CSR", clocks.LSION)


def _flash(app: Application) -> None:
    for bank in (1, 2):
        system.unlock(app, bank, 0)
    system.unlock_options(app)


def _lock(app: Application) -> None:
    for bank in (1, 2):
        system.unlock(app, bank, PROGRAM_SIZE_8)
        app.set_bits(f"FLASH.CR{bank}", system.LOCK)


def _power(app: Application) -> None:
    for block in ("EXTI", "PWR"):
        for register in app.soc.chip.peripheral(block).registers:
            if not register.set_only and register.name not in ("CR2", "CR3", "D3CR"):
                app.poke(f"{block}.{register.name}", 0x5A5A5A5A)
