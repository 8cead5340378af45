"""States in which each line of the L0's script has something to do."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import Application
from ..family import Recipe
from ..trouble import Trouble
from . import clocks, system

DISAB_BUF, MIFEN = 1 << 5, 1 << 8  # FLASH.ACR, RCC.AHBENR
SLOWEST_HSE_HZ = 1_000_000  # DS10685, external clock: it takes its time to stop


def recipes(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """The clock tree, the regulator, the flash interface, a window watchdog during an erase."""
    tree = clocks.draw_tree(Random(0), die, hse_hz, "PLL from HSI")
    slow = next(t for t in _slow(die, hse_hz) if t.low_power)
    yield Recipe(
        "every register of RCC",
        early=(
            Trouble("a clock of 1 MHz on HSE, bypassed", _slow_hse),
            Trouble(f"clock: {tree}", lambda app: clocks.start(app, tree)),
            Trouble("HSI and HSI48 on, MSI off, clock security", _rcc),
        ),
    )
    yield Recipe(
        "low-power run", early=(Trouble(f"clock: {slow}", lambda app: clocks.start(app, slow)),)
    )
    yield Recipe("flash locked in the middle of programming", late=(Trouble("flash", _flash),))
    yield Recipe(
        "flash unlocked",
        late=(Trouble("flash unlocked", lambda app: system.unlock(app, system.PROG)),),
    )
    yield Recipe(
        "clock of the flash interface off",
        late=(Trouble("code in SRAM has switched it off", _power_flash_down),),
        erasing=True,
    )
    yield Recipe(
        "window watchdog during an erase",
        late=(
            Trouble("window watchdog", lambda app: system.start_wwdg(app, 0x40, 0x7F)),
            system.erase(Random(0), die),
        ),
        erasing=True,
    )


def _power_flash_down(app: Application) -> None:
    app.poke("FLASH.ACR", DISAB_BUF)
    app.clear_bits("RCC.AHBENR", MIFEN)


def _slow(die: Chip, hse_hz: int) -> Iterator[clocks.Tree]:
    random = Random(0)
    while True:
        yield clocks.draw_tree(random, die, hse_hz, "MSI")


def _slow_hse(app: Application) -> None:
    app.soc.rcc.hse_hz = SLOWEST_HSE_HZ
    app.set_bits("RCC.CR", clocks.HSEBYP)
    app.set_bits("RCC.CR", clocks.HSEON)
    app.wait(clocks.READY_NS["HSE"])


def _rcc(app: Application) -> None:
    app.set_bits("RCC.CR", clocks.HSION)
    app.set_bits("RCC.CRRCR", clocks.HSI48ON)
    app.wait(clocks.READY_NS["HSI"])
    app.clear_bits("RCC.CR", clocks.MSION)
    app.set_bits("RCC.CR", clocks.CSSON)
    app.set_bits("RCC.CSR", clocks.LSION)
    for name in clocks.plain_registers(app.soc.chip):
        app.poke(f"RCC.{name}", ~app.peek(f"RCC.{name}"))


def _flash(app: Application) -> None:
    app.poke("FLASH.ACR", 0x60 | app.peek("FLASH.ACR"))
    system.unlock(app, system.PROG)
    for value in (1, 2):  # the second one is an error: the word is not 0 any more
        app.store(app.soc.chip.region("FLASH").end - 0x8000, value)
    system.lock(app)
