"""STM32H5: clocks and voltage (RM0481, chapters RCC and PWR), flash under one set of registers."""

from __future__ import annotations

from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.flash_h5 import BKSEL, SER, SNB_SHIFT, STRT
from ...bench.families.flash_word import EOPIE, PG
from ...bench.families.h5 import CSI_HZ, HSIDIV, VOS
from ..application import Application
from ..family import MHZ, WORD, Family, Lock, Tree, Write
from ..system import unlock

SYSCLK_MAX = 250 * MHZ  # VOS0
PLLSRC = {"HSI": 1, "CSI": 2, "HSE": 3}  # RCC.PLL1CFGR
PLL1PEN = 1 << 16
SLOWEST_WAITS = 5 | 2 << 4  # FLASH.ACR at VOS0 up to SYSCLK_MAX
KEYS = (0x45670123, 0xCDEF89AB)
NSCR = Lock("NSCR", 1, "NSKEYR", KEYS, 0x00FF0000 | EOPIE | PG)
OPTIONS = Lock("OPTCR", 1, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F))


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    divided = random.getrandbits(2) if feeds == "HSI" else 1
    sysclk = {"HSI": die.clocks["hsi_hz"] >> divided, "CSI": CSI_HZ, "HSE": hse_hz}[feeds]
    m, divr = random.randrange(64), random.getrandbits(31)
    if name == "PLL1":
        sysclk, m, divr = _pll(random, sysclk)
    hpre = random.choice((0, random.randrange(8, 16)))
    while sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0) < MHZ // 10:
        hpre = 0
    needs = (
        Write("PWR.VOSCR", VOS, VOS),
        Write("FLASH.ACR", SLOWEST_WAITS | random.getrandbits(1) << 8),
        *([Write("RCC.CR", divided << 3, HSIDIV)] if feeds == "HSI" else []),
    )
    setup = (
        Write("RCC.PLL1CFGR", PLLSRC[feeds] | random.getrandbits(4) << 2 | m << 8 | PLL1PEN),
        Write("RCC.PLL1DIVR", divr),
        Write("RCC.CFGR2", hpre | random.getrandbits(32) & 0x7770),
        Write("RCC.CFGR1", random.getrandbits(32) & 0xFFFC_BFC0),
    )
    return Tree(name, feeds, sysclk, needs, setup)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, DIVM1, PLL1DIVR: 2 to 8 MHz in, 192 to 836 MHz between (RM0481, PLL)."""
    while True:
        m, n, p = random.randrange(1, 33), random.randrange(24, 419), random.choice((2, 4, 6, 8))
        vco = hz // m * n
        good = 2 * MHZ <= hz // m <= 8 * MHZ and 192 * MHZ <= vco <= 836 * MHZ
        if good and vco // p <= SYSCLK_MAX:
            return vco // p, m, n - 1 | p - 1 << 9 | 3 << 16 | 3 << 24


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, NSCR)
    chosen = SER | sector.number << SNB_SHIFT | (BKSEL if sector.bank == 2 else 0)
    app.poke("FLASH.NSCR", chosen)
    app.poke("FLASH.NSCR", chosen | STRT)


def _error(app: Application) -> None:
    """No sector is chosen: PGSERR."""
    unlock(app, NSCR)
    app.set_bits("FLASH.NSCR", STRT)


FAMILY = Family(
    sources=("HSI", "CSI", "HSE", "PLL1 from HSI", "PLL1 from CSI", "PLL1 from HSE"),
    tree=tree,
    locks=(NSCR, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.CR": 0x00000404,  # HSIKERON, CSIKERON
        **dict.fromkeys(("RCC.HSICFGR", "RCC.CSICFGR", "RCC.PRIVCFGR"), WORD),
        **{f"RCC.PLL{n}FRACR": WORD for n in (1, 2, 3)},
        **{f"RCC.PLL{n}DIVR": WORD for n in (2, 3)},
        **{f"RCC.PLL{n}CFGR": 0x0007_3F3C for n in (2, 3)},
        "FLASH.PRIVCFGR": WORD,
        **{f"FLASH.PRIVBB{bank}R{n}": WORD for bank in (1, 2) for n in range(1, 5)},
        "FLASH.ECCCORR": 1 << 25,  # ECCCIE
        **dict.fromkeys(("PWR.PMCR", "PWR.DBPCR", "PWR.UCPDR", "PWR.VMCR", "PWR.USBSCR"), WORD),
        **dict.fromkeys(("PWR.WUCR", "PWR.IORETR", "PWR.PRIVCFGR"), WORD),
    },
)
