"""STM32H7A3, H7B0 and H7B3: clocks (RM0455 6.6, 8.5, 8.7), two banks of flash (RM0455 4.9)."""

from __future__ import annotations

from random import Random

from ...bench.chip import Chip, FlashSector
from ..application import Application
from ..family import MHZ, WORD, Family, Lock, Tree
from ..system import unlock
from . import h7
from .h7 import KEYS, OPTIONS

LIMITS = h7.Limits(
    sysclk=280 * MHZ,  # scale 0 (DS13195, operating conditions)
    hclk=280 * MHZ,
    vos=3,
    waits=6 | 3 << 4,
    vco=(128, 560),
    names={"D1CFGR": "CDCFGR1", "D2CFGR": "CDCFGR2", "D3CFGR": "SRDCFGR", "D3CR": "SRDCR"},
)
SER, START, BITS = 1 << 2, 1 << 5, 1 << 16  # FLASH.CR; EOPIE
BANKS = tuple(Lock(f"CR{n}", 1, f"KEYR{n}", KEYS, BITS) for n in (1, 2))


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    return h7.draw(random, die, hse_hz, source, LIMITS)


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, BANKS[sector.bank - 1])
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 6)
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 6 | START)


def _error(app: Application) -> None:
    """No sector is chosen: PGSERR."""
    for bank in BANKS:
        unlock(app, bank)
        app.set_bits(f"FLASH.{bank.register}", START)


FAMILY = Family(
    sources=h7.FAMILY.sources,
    tree=tree,
    locks=(*BANKS, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={**h7.FAMILY.anytime, "RCC.SRDAMR": WORD},
    dmamux=h7.FAMILY.dmamux,
)
