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
EOPIE = 1 << 16  # FLASH.CR
DMA1EN, BDMAEN = 1 << 0, 1 << 21  # RCC.AHB1ENR, RCC.AHB4ENR
LEFT_ALONE = ("CR2", "CR3", "D3CR", "PR", "SWIER")
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
    yield Recipe("DMA requests", late=(Trouble("all, and clocks off again", _dma),))
    for bank in (1, 2):
        yield Recipe(
            f"flash bank {bank} being erased", late=(system.erase_in(bank, 5),), erasing=True
        )
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
        system.unlock(app, bank, system.START)  # no sector chosen: PGSERR
    system.unlock_options(app)


def _lock(app: Application) -> None:
    for bank in (1, 2):
        system.unlock(app, bank, EOPIE)
        app.set_bits(f"FLASH.CR{bank}", system.LOCK)


def _dma(app: Application) -> None:
    system.dmamux(app, 0x55)
    app.clear_bits("RCC.AHB1ENR", DMA1EN)
    app.clear_bits("RCC.AHB4ENR", BDMAEN)


def _power(app: Application) -> None:
    for block in ("EXTI", "PWR"):
        for register in app.soc.chip.peripheral(block).registers:
            if register.set_only or register.name.startswith(LEFT_ALONE):
                continue
            app.poke(f"{block}.{register.name}", 0x5A5A5A5A)
    for n in (1, 2, 3):
        app.poke(f"EXTI.IMR{n}", 0xFFFFFFFF)
        app.poke(f"EXTI.SWIER{n}", 0xFFFFFFFF)
