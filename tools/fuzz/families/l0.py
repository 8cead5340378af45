"""STM32L0: MSI, voltage ranges, low-power run (RM0367 6.1, 7.2, 7.3); FLASH (RM0367 3.3, 3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.l0 import HSIDIVEN, LPRUN, MSI_HZ, PLL_FACTORS, VOS
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, Family, Lock, Recipe, Tree, Write
from ..system import unlock

LPSDSR, LOW_POWER_RUN_HZ = 1 << 0, 131_072  # PWR.CR, at most (RM0367 6.3.1)
# PWR.CR.VOS -> the highest HCLK, with and without a wait state, and out of the PLL's oscillator
# (RM0367 3.3.3 table 13, 7.2.4).
Ranges = Mapping[int, tuple[int, int, int]]
RANGES: Ranges = {
    1: (32 * MHZ, 16 * MHZ, 96 * MHZ),
    2: (16 * MHZ, 8 * MHZ, 48 * MHZ),
    3: (4_200_000, 4_200_000, 24 * MHZ),
}
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
ACC64 = 1 << 2  # FLASH.ACR
PROG, ERASE, BITS = 1 << 3, 1 << 9, 0x0002_0718  # FLASH.PECR; without ERASE and OBL_LAUNCH
PE = Lock("PECR", 1 << 0, "PEKEYR", (0x89ABCDEF, 0x02030405), BITS)  # RM0367 3.3.4
PROGRAM = Lock("PECR", 1 << 1, "PRGKEYR", (0x8C9DAEBF, 0x13141516), BITS, after=PE)
OPTIONS = Lock("PECR", 1 << 2, "OPTKEYR", (0xFBEAD9C8, 0x24252627), after=PE)


def tree(random: Random, die: Chip, hse_hz: int, source: str, ranges: Ranges = RANGES) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    msi_range = random.randrange(len(MSI_HZ))
    divided = bool(_can_divide_hsi(die)) and source == "HSI" and random.random() < 0.5
    hsi = die.clocks["hsi_hz"] // 4 if divided else die.clocks["hsi_hz"]
    sysclk, pll = {"MSI": MSI_HZ[msi_range], "HSI": hsi}.get(feeds, hse_hz), 0
    if name == "PLL":
        sysclk, pll = _pll(random, sysclk)
        pll |= 1 << 16 if feeds == "HSE" else 0  # PLLSRC
    vos = random.choice([v for v, limits in ranges.items() if _fits(limits, sysclk, pll)])
    waits = int(sysclk > ranges[vos][1]) | (random.getrandbits(1) if vos < 3 else 0)
    cfgr = pll | random.getrandbits(3) << 8 | random.getrandbits(3) << 11
    slowest = next(n for n in range(15, 7, -1) if sysclk >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ)
    cfgr |= random.choice((0, 0, random.randrange(8, slowest + 1))) << 4
    cfgr |= random.getrandbits(7) << 24
    alone = name == "MSI" and sysclk <= LOW_POWER_RUN_HZ and vos > 1 and random.random() < 0.7
    after = [Write("PWR.CR", vos << 11, VOS), Write("FLASH.ACR", waits, 1)]
    if alone:
        after += [Write("PWR.CR", LPSDSR, LPSDSR), Write("PWR.CR", LPRUN, LPRUN)]
    needs = (
        Write("PWR.CR", 1 << 11, VOS),
        *_wait_state(random, die),
        Write("RCC.ICSCR", msi_range << 13, 7 << 13),
        *([Write("RCC.CR", HSIDIVEN, HSIDIVEN)] if divided else []),
    )
    return Tree(name, feeds, sysclk, needs, (Write("RCC.CFGR", cfgr),), (), tuple(after), alone)


def _can_divide_hsi(die: Chip) -> int:
    return die.peripheral("RCC").by_name["CR"].mask & HSIDIVEN


def _wait_state(random: Random, die: Chip) -> Iterator[Write]:
    """Of the L1 with 64-bit access, which comes first (RM0038 3.9.1)."""
    if die.peripheral("FLASH").by_name["ACR"].mask & ACC64:
        yield Write("FLASH.ACR", ACC64, ACC64)
        yield Write("FLASH.ACR", 1 | random.getrandbits(1) << 1, 3)  # PRFTEN
    else:
        yield Write("FLASH.ACR", 1 | random.getrandbits(2) << 5)  # DISAB_BUF, PRE_READ


def _fits(limits: tuple[int, int, int], sysclk: int, pll: int) -> bool:
    divider = (pll >> 22 & 3) + 1
    return sysclk <= limits[0] and (not pll or sysclk * divider <= limits[2])


def _pll(random: Random, hz: int) -> tuple[int, int]:
    """SYSCLK and its bits in CFGR: 2 to 24 MHz in, up to 96 MHz between, 32 MHz out at most."""
    while True:
        number, divider = random.randrange(len(PLL_FACTORS)), random.randrange(1, 4)
        vco = hz * PLL_FACTORS[number]
        if vco <= 96 * MHZ and vco // (divider + 1) <= 32 * MHZ:
            return vco // (divider + 1), number << 18 | divider << 22


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, PROGRAM)
    app.change("FLASH.PECR", PROG | ERASE, BITS | ERASE)
    app.store(sector.base, 0)


def _error(app: Application) -> None:
    """The second word is an error: what is there is not erased any more."""
    unlock(app, PROGRAM, PROG)
    for value in (1, 2):
        app.store(app.soc.chip.region("FLASH").end - 0x8000, value)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    random = Random(0)
    slow = next(t for t in iter(lambda: draw_tree(random, die, hse_hz, "MSI"), None) if t.alone)
    yield Recipe("low-power run", early=(Action(f"clock: {slow}", lambda app: start(app, slow)),))


FAMILY = Family(
    sources=("MSI", "MSI", "HSI", "HSE", "PLL from HSI", "PLL from HSE"),
    tree=tree,
    locks=(PE, PROGRAM, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.ICSCR": 0xFF001F00,  # MSITRIM, HSI16TRIM
        "FLASH.ACR": 0x60,  # DISAB_BUF, PRE_READ
        "PWR.CR": 0x3F4,
    },
    directed=_directed,
)
