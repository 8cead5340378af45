"""STM32G0: HSI16 and its divider, voltage ranges, low-power run; pages of flash (RM0444)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.flash_g0 import EOPIE, KEYS, LOCK, OPTION_KEYS, OPTLOCK, PER, PG, STRT
from ...bench.families.g0 import LOW_POWER_HZ, LPR, RANGE_2, VOS
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock

RANGE_1, SCALING_NS = 1 << 9, 30_000  # PWR.CR1.VOS
# The highest SYSCLK of each range, and of 0, 1 ... wait states; the PLL's oscillator
RANGES = {
    RANGE_1: ((24 * MHZ, 48 * MHZ, 64 * MHZ), 344 * MHZ),
    RANGE_2: ((8 * MHZ, 16 * MHZ), 128 * MHZ),
}
PLL_IN, VCO_MIN = (2_660_000, 16 * MHZ), 96 * MHZ
PLLREN, PLLSRC = 1 << 28, {"HSI": 2, "HSE": 3}  # RCC.PLLCFGR
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
HSIDIV = 7 << 11  # RCC.CR
BITS = PG | PER | 0x3FF << 3 | 1 << 13 | EOPIE  # FLASH.CR: PNB, BKER too
MAIN = Lock("CR", LOCK, "KEYR", KEYS, BITS)
OPTIONS = Lock("CR", OPTLOCK, "OPTKEYR", OPTION_KEYS, after=MAIN)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    divided = random.randrange(8) if source == "HSI" else 0
    hz = {"HSI": die.clocks["hsi_hz"] >> divided, "LSI": die.clocks["lsi_hz"]}.get(feeds, hse_hz)
    pll, vco = random.getrandbits(32) & 0xEE3E7F70, 0
    if name == "PLL":
        hz, pll, vco = _pll(random, hz)
    fits = [vos for vos, (limits, most) in RANGES.items() if hz <= limits[-1] and vco <= most]
    vos = random.choice(fits)
    limits = RANGES[vos][0]
    waits = random.randrange(next(n for n, most in enumerate(limits) if hz <= most), 3)
    slowest = [n for n in range(8, 16) if hz >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ]
    cfgr = random.choice((0, 0, *slowest)) << 8 | random.getrandbits(3) << 12
    cfgr |= random.getrandbits(16) << 16  # MCO, MCO2
    alone = hz <= LOW_POWER_HZ and name != "PLL" and random.random() < 0.5
    needs = (
        Write("PWR.CR1", RANGE_1, VOS, SCALING_NS),
        Write("FLASH.ACR", 2 | random.getrandbits(1) << 8, 0x107),
        Write("RCC.CR", divided << 11, HSIDIV),
    )
    setup = (
        Write("RCC.PLLCFGR", pll | PLLSRC.get(feeds, 2) | PLLREN),
        Write("RCC.CFGR", cfgr),
    )
    after = [Write("PWR.CR1", vos, VOS, SCALING_NS), Write("FLASH.ACR", waits, 7)]
    after += [Write("PWR.CR1", LPR, LPR)] if alone else []
    return Tree(name, feeds, hz, needs, setup, (), tuple(after), alone)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, PLLCFGR without its source, and what the oscillator runs at."""
    while True:
        m, n, r = random.randrange(1, 9), random.randrange(8, 87), random.randrange(2, 9)
        vco = hz // m * n
        into = PLL_IN[0] <= hz // m <= PLL_IN[1]
        if into and VCO_MIN <= vco <= RANGES[RANGE_1][1] and vco // r <= RANGES[RANGE_1][0][-1]:
            return vco // r, m - 1 << 4 | n << 8 | r - 1 << 29, vco


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, MAIN, PER | sector.number << 3 | (sector.bank - 1) << 13)
    app.set_bits("FLASH.CR", STRT)


def _error(app: Application) -> None:
    """Nothing is chosen to be erased: PGSERR. Half a double word at the wrong place: PGAERR."""
    unlock(app, MAIN)
    app.set_bits("FLASH.CR", STRT)
    unlock(app, MAIN, PG)
    app.store(app.soc.chip.region("FLASH").end - 4, 0)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    random = Random(0)
    trees = iter(lambda: draw_tree(random, die, hse_hz, "HSI"), None)
    slow = next(t for t in trees if t.alone)
    low = next(t for t in trees if t.after[0].value == RANGE_2 and not t.alone)
    for words, found in (("low-power run", slow), ("voltage range 2", low)):
        yield Recipe(words, early=(Action(f"clock: {found}", lambda app, t=found: start(app, t)),))


FAMILY = Family(
    sources=("HSI", "HSI", "HSE", "LSI", "PLL from HSI", "PLL from HSE"),
    tree=tree,
    locks=(MAIN, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.ICSCR": 0x7F00,  # HSITRIM
        "RCC.CR": 0x200,  # HSIKERON
        "FLASH.ACR": 0x300,  # PRFTEN, ICEN
        "PWR.CR1": 0x13F,
        **dict.fromkeys(("PWR.CR2", "PWR.CR3", "PWR.CR4"), WORD),
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCDEF"},
    },
    directed=_directed,
    dmamux={"DMAMUX1": (12, 4)},
)
