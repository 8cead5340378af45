"""States in which each line of the F4's script has something to do."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import Application
from ..family import Recipe
from ..trouble import Trouble
from . import clocks, system

HSION, HSEBYP, CSSON = 1 << 0, 1 << 18, 1 << 19  # RCC.CR
PLLS = {"PLLI2SCFGR": 1 << 26, "PLLSAICFGR": 1 << 28}  # and their on bits
PLL_CONFIGURATION = 0x2F00_7FC0 & ~(1 << 14)  # unlike the reset value in every field
CACHES = 7 << 8  # FLASH.ACR: PRFTEN, ICEN, DCEN
ALL_READY_INTERRUPTS = 0x7F00  # RCC.CIR


def recipes(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """The clock tree, the flash interface, and a window watchdog during an erase."""
    tree = clocks.draw_tree(Random(0), die, hse_hz, "PLL from HSE")
    fast = Trouble(f"clock: {tree}", lambda app: clocks.start(app, tree))
    yield Recipe(
        "every register of RCC",
        early=(
            Trouble("HSE bypassed", lambda app: app.set_bits("RCC.CR", HSEBYP)),
            fast,
            Trouble("every PLL on, HSI off, clock security", _rcc),
        ),
    )
    yield Recipe(
        "flash caches on, errors, locked in the middle of programming",
        late=(Trouble("flash", _flash),),
    )
    yield Recipe(
        "flash unlocked", late=(Trouble("flash unlocked", lambda app: system.unlock(app, 1)),)
    )
    yield Recipe(
        "window watchdog during an erase",
        late=(
            Trouble("window watchdog", lambda app: system.start_wwdg(app, 0x7F, 0x7F)),
            system.erase(Random(0), die),
        ),
        erasing=True,
    )


def _rcc(app: Application) -> None:
    for name, on in PLLS.items():
        if app.has(f"RCC.{name}"):
            app.poke(f"RCC.{name}", PLL_CONFIGURATION)
            app.set_bits("RCC.CR", on)
    app.wait(clocks.PLL_READY_NS)
    app.clear_bits("RCC.CR", HSION)
    app.set_bits("RCC.CR", CSSON)
    app.poke("RCC.CSR", 1)
    app.poke("RCC.CIR", ALL_READY_INTERRUPTS)
    for name in clocks.plain_registers(app.soc.chip):
        app.poke(f"RCC.{name}", ~app.peek(f"RCC.{name}"))


def _flash(app: Application) -> None:
    app.poke("FLASH.ACR", CACHES | 5)
    system.unlock(app, system.STRT)  # no sector chosen: PGSERR
    system.lock(app, 0x3FD)
    system.unlock_options(app)
