"""STM32H7, those of the H743: clocks (RM0433 6.6, 8.5, 8.7), two banks of flash (RM0433 4.9)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.h7 import CSI_HZ, VOS
from ..application import Application
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock
from ..trouble import Trouble

SYSCLK_MAX, AXI_MAX = 400 * MHZ, 200 * MHZ  # VOS1 (DS12110, operating conditions)
SLOWEST_WAITS = 4 | 2 << 4  # FLASH.ACR at VOS1 up to AXI_MAX (RM0433 table 17)
PLLSRC = {"HSI": 0, "CSI": 1, "HSE": 2}  # RCC.PLLCKSELR
HSIDIV = 3 << 3  # RCC.CR
SER, START, BITS = 1 << 2, 1 << 7, 0x30 | 1 << 16  # FLASH.CR; PSIZE and EOPIE
KEYS = (0x45670123, 0xCDEF89AB)  # RM0433 4.5.1
BANKS = tuple(Lock(f"CR{n}", 1, f"KEYR{n}", KEYS, BITS) for n in (1, 2))
TARG7_FN_MOD = 0x51008108  # of the AXI interconnect
OPTIONS = Lock("OPTCR", 1, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F))


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    sysclk = {"HSI": die.clocks["hsi_hz"], "CSI": CSI_HZ, "HSE": hse_hz}[feeds]
    m, divr, pllcfgr = random.randrange(64), random.getrandbits(31), random.getrandbits(4)
    if name == "PLL1":
        sysclk, m, divr = _pll(random, sysclk)
    least = 0 if sysclk <= AXI_MAX else 8
    hpre = random.choice((least, random.randrange(8, 16)))
    while sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0) < MHZ // 10:
        hpre = least
    divided = random.getrandbits(2) << 3 if feeds != "HSI" else 0
    needs = (
        Write("PWR.D3CR", VOS, VOS),
        Write("FLASH.ACR", SLOWEST_WAITS),
        Write("RCC.CR", divided, HSIDIV),
    )
    setup = (
        Write("RCC.PLLCKSELR", PLLSRC[feeds] | m << 4),
        Write("RCC.PLLCFGR", pllcfgr | 1 << 16, 0x1000F),
        Write("RCC.PLL1DIVR", divr),
        Write("RCC.D1CFGR", hpre | random.randrange(4, 8) << 4),
        Write("RCC.D2CFGR", random.getrandbits(32) & 0x330 | 0x440),
        Write("RCC.D3CFGR", random.getrandbits(32) & 0x30 | 0x40),
        Write("RCC.CFGR", random.getrandbits(32) & 0xFFFC_3F80),
    )
    return Tree(name, feeds, sysclk, needs, setup)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, DIVM1, PLL1DIVR: 2 MHz in, 192 to 836 MHz between (RM0433 8.5.5)."""
    m = hz // (2 * MHZ)
    while True:
        n, p = random.randrange(96, 419), random.choice((2, 4, 8, 16))
        if 2 * MHZ * n // p <= SYSCLK_MAX:
            return 2 * MHZ * n // p, m, n - 1 | p - 1 << 9 | 3 << 16 | 3 << 24


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, BANKS[sector.bank - 1])
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 8)
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 8 | START)


def _error(app: Application) -> None:
    """No sector is chosen: PGSERR."""
    for bank in BANKS:
        unlock(app, bank)
        app.set_bits(f"FLASH.{bank.register}", START)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    words = "AXI SRAM is read once at a time, as SystemInit does on revision Y"
    yield Recipe(words, early=(Trouble(words, lambda app: app.store(TARG7_FN_MOD, 1)),))


FAMILY = Family(
    sources=("HSI", "CSI", "HSE", "PLL1 from HSI", "PLL1 from CSI", "PLL1 from HSE"),
    tree=tree,
    locks=(*BANKS, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        **dict.fromkeys(("RCC.D3AMR", "RCC.HSICFGR", "RCC.CSICFGR"), WORD),
        **dict.fromkeys(("RCC.PLL2DIVR", "RCC.PLL3DIVR"), WORD),
        **{f"RCC.PLL{n}FRACR": WORD for n in (1, 2, 3)},
        "RCC.PLLCFGR": 0x01FE0FF0,  # of PLL2 and PLL3; the other outputs of PLL1
        "PWR.CR1": WORD,
        "PWR.CPUCR": WORD,
        "PWR.WKUPEPR": WORD,
    },
    changing={"FLASH.SR1": 0xF, "FLASH.SR2": 0xF, "PWR.CSR1": WORD, "PWR.D3CR": 1 << 13},
    directed=_directed,
    dmamux={"DMAMUX1": (16, 8), "DMAMUX2": (8, 8)},
)
