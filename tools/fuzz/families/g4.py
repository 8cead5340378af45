"""STM32G4: HSI16, range 1 with and without boost, range 2, low-power run; flash (RM0440)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS, ahb_shift
from ...bench.chip import Chip, FlashSector
from ...bench.families.flash_g0 import EOPIE, KEYS, LOCK, OPTION_KEYS, OPTLOCK, PER, PG, STRT
from ...bench.families.g0 import LOW_POWER_HZ, LPR, RANGE_2, VOS
from ...bench.families.g4 import NORMAL_HZ, R1MODE
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock

RANGE_1, RANGE_2_HZ, SCALING_NS = 1 << 9, 26 * MHZ, 30_000  # PWR.CR1.VOS
VCO, VCO_RANGE_2, SYSCLK_MAX = (96 * MHZ, 344 * MHZ), 128 * MHZ, 170 * MHZ
PLL_IN = (2_660_000, 16 * MHZ)
PLLREN, PLLSRC = 1 << 24, {"HSI": 2, "HSE": 3}  # RCC.PLLCFGR
MOST_WAITS = 8  # FLASH.ACR: enough for every clock
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
BITS = PG | PER | 0x7F << 3 | 1 << 11 | EOPIE  # FLASH.CR: PNB, BKER too
MAIN = Lock("CR", LOCK, "KEYR", KEYS, BITS)
OPTIONS = Lock("CR", OPTLOCK, "OPTKEYR", OPTION_KEYS, after=MAIN)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    hz = die.clocks["hsi_hz"] if feeds == "HSI" else hse_hz
    pll, vco = random.getrandbits(32) & 0xF8737FF0, 0
    if name == "PLL":
        hz, pll, vco = _pll(random, hz)
    shifts = [0, *(n for n in range(8, 16) if hz >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ)]
    hpre = random.choice((0, 0, random.choice(shifts)))
    hclk = hz >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    slow = hz <= RANGE_2_HZ and vco <= VCO_RANGE_2
    vos = random.choice((RANGE_1, RANGE_2)) if slow else RANGE_1
    boost = hz > NORMAL_HZ or (vos == RANGE_1 and random.random() < 0.3)
    cfgr = hpre << 4 | random.getrandbits(6) << 8 | random.getrandbits(7) << 24  # MCO
    alone = hclk <= LOW_POWER_HZ and name != "PLL" and random.random() < 0.7
    needs = (
        Write("PWR.CR1", RANGE_1, VOS, SCALING_NS),
        Write("PWR.CR5", 0 if boost else R1MODE, R1MODE),
        Write("FLASH.ACR", MOST_WAITS | random.getrandbits(1) << 8, 0x10F),
    )
    setup = (
        Write("RCC.PLLCFGR", pll | PLLSRC[feeds] | PLLREN),
        Write("RCC.CFGR", cfgr, 0x7F003FF0),
    )
    after = [Write("PWR.CR1", vos, VOS, SCALING_NS)]
    after += [Write("PWR.CR1", LPR, LPR)] if alone else []
    return Tree(name, feeds, hz, needs, setup, (), tuple(after), alone)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, PLLCFGR without its source, and what the oscillator runs at."""
    while True:
        m, n, r = random.randrange(1, 17), random.randrange(8, 128), random.choice((2, 4, 6, 8))
        vco = hz // m * n
        into = PLL_IN[0] <= hz // m <= PLL_IN[1]
        if into and VCO[0] <= vco <= VCO[1] and vco // r <= SYSCLK_MAX:
            return vco // r, m - 1 << 4 | n << 8 | (r // 2 - 1) << 25, vco


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, MAIN, PER | sector.number << 3 | (sector.bank - 1) << 11)
    app.set_bits("FLASH.CR", STRT)


def _error(app: Application) -> None:
    """Nothing is chosen to be erased: PGSERR. Half a double word at the wrong place: PGAERR."""
    unlock(app, MAIN)
    app.set_bits("FLASH.CR", STRT)
    unlock(app, MAIN, PG)
    app.store(app.soc.chip.region("FLASH").end - 4, 0)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    random = Random(0)
    slow = next(t for t in iter(lambda: draw_tree(random, die, hse_hz, "HSI"), None) if t.alone)
    yield Recipe("low-power run", early=(Action(f"clock: {slow}", lambda app: start(app, slow)),))
    fast = next(
        t
        for t in iter(lambda: draw_tree(random, die, hse_hz, "PLL from HSI"), None)
        if t.hz > die.rcc["one_step_hz"] and not ahb_shift(t.setup[1].value >> 4)
    )
    yield Recipe(
        "HCLK above 80 MHz", early=(Action(f"clock: {fast}", lambda app: start(app, fast)),)
    )


FAMILY = Family(
    sources=("HSI", "HSI", "HSE", "PLL from HSI", "PLL from HSE"),
    tree=tree,
    locks=(MAIN, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.ICSCR": 0x7F000000,  # HSITRIM
        "RCC.CR": 0x200,  # HSIKERON
        "FLASH.ACR": 0x700,  # PRFTEN, ICEN, DCEN
        "PWR.CR1": 0x107,
        **dict.fromkeys(("PWR.CR2", "PWR.CR3", "PWR.CR4"), WORD),
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCDEFG"},
    },
    directed=_directed,
    dmamux={"DMAMUX1": (16, 4)},
)
