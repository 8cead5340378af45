"""STM32F0: PLL, HSI48 (RM0091 6.2, 6.4, 3.5.1); FLASH (RM0091 3.2, 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ..action import Action
from ..application import Application
from ..family import MHZ, Family, Lock, Recipe, Tree, Write
from ..system import unlock

SYSCLK_MAX, VCO_MIN, VCO_MAX = 48 * MHZ, 16 * MHZ, 48 * MHZ  # DS9773, PLL characteristics
PER, STRT = 1 << 1, 1 << 6  # FLASH.CR
CONTROL = Lock("CR", 1 << 7, "KEYR", (0x45670123, 0xCDEF89AB), 0x1437)  # RM0091 3.2.2
PLL_SOURCE = {"HSI": 1, "HSE": 2, "HSI48": 3}


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    sysclk = hse_hz if feeds == "HSE" else die.clocks[f"{feeds.lower()}_hz"]
    setup = []
    cfgr = random.getrandbits(3) << 8 | random.getrandbits(7) << 24  # PPRE, MCO
    if name == "PLL":
        sysclk, multiplier, divider = _pll(random, sysclk)
        cfgr |= PLL_SOURCE[feeds] << 15 | multiplier << 18
        setup.append(Write("RCC.CFGR2", divider))
    hpre = random.choice((0, 0, 0, random.randrange(8, 16)))
    hclk = sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    setup.append(Write("RCC.CFGR", cfgr | hpre << 4))
    waits = int(hclk > 24 * MHZ) | random.getrandbits(1)
    needs = (Write("FLASH.ACR", waits | random.getrandbits(1) << 4),)
    return Tree(name, feeds, sysclk, needs, tuple(setup))


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, PLLMUL, PREDIV."""
    while True:
        multiplier, divider = random.randrange(15), random.randrange(16)
        sysclk = hz // (divider + 1) * (multiplier + 2)
        if VCO_MIN <= sysclk <= min(VCO_MAX, SYSCLK_MAX):
            return sysclk, multiplier, divider


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, CONTROL)
    app.poke("FLASH.CR", PER)
    app.poke("FLASH.AR", sector.base)
    app.poke("FLASH.CR", PER | STRT)


def _error(app: Application) -> None:
    """A whole word: PGERR."""
    unlock(app, CONTROL, 1)
    app.store(app.soc.chip.region("FLASH").end - 0x8000, 1)


# What keeps what was written, as it has no reset bit
KEPT = {
    **{f"DMA{n}.CSELR": 0x1234 for n in (1, 2)},
    **{"CRC.IDR": 0x5A, "CRC.INIT": 1, "CRC.POL": 0x1021, "CRC.CR": 0x20},
}


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    def use(app: Application) -> None:
        enabled = app.peek("RCC.AHBENR")
        app.poke("RCC.AHBENR", enabled | 0x43)  # DMAEN, DMA2EN, CRCEN
        for name, value in KEPT.items():
            app.poke(name, value)
        app.poke("RCC.AHBENR", enabled & ~0x43)

    words = "DMA and CRC have been used, and have no clock any more"
    yield Recipe(words, early=(Action(words, use),))
    words = "SYSCFG has mapped SRAM to 0, and has no clock any more"
    yield Recipe(words, late=(Action(words, lambda app: app.clear_bits("RCC.APB2ENR", 1)),))


FAMILY = Family(
    sources=("HSI", "HSE", "HSI48", "PLL from HSI", "PLL from HSE", "PLL from HSI48"),
    tree=tree,
    locks=(CONTROL,),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.CR": 0xF8,  # HSITRIM
        "RCC.CR2": 0xF8,  # HSI14TRIM
        "RCC.CFGR3": 0x000F0053,
        "FLASH.ACR": 1 << 4,  # PRFTBE
        "PWR.CR": 0x1F0,
        "PWR.CSR": 0xFF00,
    },
    directed=_directed,
)
