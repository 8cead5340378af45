"""STM32WB: MSI with its range, PLLs, voltage ranges, low-power run (RM0434 6, 8); FLASH."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip, FlashSector
from ...bench.families.l4 import LPR, MSI_HZ, MSIRANGE, RANGE_2, VOS
from ...bench.families.wb import HPRE, HSEPRE
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Recipe, Tree, Write
from ..system import unlock
from .l4 import FAMILY as L4
from .l4 import LATENCY, LOW_POWER_RUN_HZ, MAIN, OPTIONS, PLLSRC, RANGE_1, SLOWEST_HZ, STRT

PLLREN = 1 << 28
# The highest SYSCLK, and out of the PLL's oscillator, by VOS (RM0434 table 4, DS11929)
RANGES = {RANGE_1: (64 * MHZ, 344 * MHZ), RANGE_2: (16 * MHZ, 128 * MHZ)}
VCO_LEAST = 96 * MHZ
PER = 1 << 1  # FLASH.CR


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    name, feeds = source.split()[0], source.split()[-1]
    msi = random.randrange(6 if name == "PLL" else 0, len(MSI_HZ))
    half = random.choice((0, HSEPRE)) if feeds == "HSE" else 0
    hz = {"MSI": MSI_HZ[msi], "HSI": die.clocks["hsi_hz"], "HSE": hse_hz // (2 if half else 1)}[
        feeds
    ]
    sysclk, pll, vco = hz, random.getrandbits(32) & 0xEF3F7F70, 0
    if name == "PLL":
        sysclk, vco, pll = _pll(random, hz)
    fits = [v for v, (most, fastest) in RANGES.items() if sysclk <= most and vco <= fastest]
    # nothing faster runs while the tree is built, in the range that it is for
    vos = RANGE_1 if msi > 8 and feeds == "MSI" else random.choice(fits)
    slow_enough = [n for n, by in enumerate(HPRE) if sysclk // by >= SLOWEST_HZ]
    hpre = random.choice((0, 0, random.choice(slow_enough)))
    hclk = sysclk // HPRE[hpre]
    cfgr = hpre << 4 | random.getrandbits(32) & 0x7F00BF00
    alone = name == "MSI" and hclk <= LOW_POWER_RUN_HZ and random.random() < 0.7
    limits = die.clocks["wait_states_hz_range_2" if vos == RANGE_2 else "wait_states_hz"]
    least = next(waits for waits, most in enumerate(limits) if hclk <= most)
    after = [Write("PWR.CR1", vos, VOS), Write("FLASH.ACR", random.choice((least, 3)), LATENCY)]
    if alone:
        after.append(Write("PWR.CR1", LPR, LPR))
    setup = (
        *([Write("RCC.CR", msi << 4, MSIRANGE)] if feeds == "MSI" else []),
        *([Write("RCC.CR", half, HSEPRE)] if feeds == "HSE" else []),
        Write("RCC.PLLCFGR", pll | PLLSRC[feeds] | PLLREN),
        Write("RCC.CFGR", cfgr),
    )
    needs = (Write("FLASH.ACR", 3, LATENCY),)
    return Tree(name, feeds, sysclk, needs, setup, (), tuple(after), alone)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, the frequency of its oscillator, and M, N, R of PLLCFGR: 4 to 16 MHz in."""
    while True:
        m, n, r = random.randrange(1, 9), random.randrange(8, 87), random.randrange(1, 8)
        vco = hz // m * n
        good = 4 * MHZ <= hz // m <= 16 * MHZ and VCO_LEAST <= vco <= RANGES[RANGE_1][1]
        if good and vco // (r + 1) <= RANGES[RANGE_1][0]:
            return vco // (r + 1), vco, m - 1 << 4 | n << 8 | r << 29


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, MAIN)
    page = PER | sector.number << 3
    app.poke("FLASH.CR", page)
    app.poke("FLASH.CR", page | STRT)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """Low-power run; trim of HSE, behind its key."""
    random = Random(0)
    slow = next(t for t in iter(lambda: draw_tree(random, die, hse_hz, "MSI"), None) if t.alone)
    yield Recipe("low-power run", early=(Action(f"clock: {slow}", lambda app: start(app, slow)),))
    hsi = next(
        t
        for t in iter(lambda: draw_tree(random, die, hse_hz, "HSI"), None)
        if Write("PWR.CR1", RANGE_2, VOS) in t.after and not t.setup[-1].value & 0xF0
    )
    yield Recipe(
        "MSI off, for 48 MHz, VCORE in range 2",
        early=(
            Action(f"clock: {hsi}", lambda app: start(app, hsi)),
            Action("MSI off, range 11", _msi_off),
        ),
    )
    yield Recipe("trim of HSE", early=(Action("HSECR", _hsecr),))


def _msi_off(app: Application) -> None:
    app.clear_bits("RCC.CR", 1 | MSIRANGE)
    app.set_bits("RCC.CR", 11 << 4)


def _hsecr(app: Application) -> None:
    app.poke("RCC.HSECR", 0xCAFECAFE)
    app.poke("RCC.HSECR", 0x1A68)


FAMILY = Family(
    sources=L4.sources,
    tree=tree,
    locks=(MAIN, OPTIONS),
    erase=_erase,
    error=L4.error,
    anytime={
        "RCC.CR": 0x00000A04,  # MSIPLLEN, HSIKERON, HSIASFS
        "RCC.ICSCR": 0x7F00FF00,  # MSITRIM, HSITRIM
        "RCC.PLLSAI1CFGR": WORD,
        "RCC.SMPSCR": WORD,
        "RCC.CSR": 0x0000CF00,  # RFWKPSEL, LSI2TRIM
        "RCC.EXTCFGR": WORD,
        **{f"RCC.C2{n}ENR": WORD for n in ("AHB1", "AHB2", "AHB3", "APB2", "APB3")},
        **{f"RCC.C2APB1ENR{n}": WORD for n in (1, 2)},
        "FLASH.ACR": 0x8700,  # PES, PRFTEN, ICEN, DCEN
        **{"FLASH.C2ACR": 0x8300, "FLASH.C2CR": WORD},
        "FLASH.ECCR": 1 << 24,  # ECCIE
        "PWR.CR1": 0x107,  # LPMS, DBP
        **dict.fromkeys(("PWR.CR2", "PWR.CR3", "PWR.CR4", "PWR.C2CR1", "PWR.C2CR3"), WORD),
        "PWR.CR5": 0x8100,  # SMPSEN, BORHC
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCDEH"},
        **dict.fromkeys(("SYSCFG.VREFBUF_CSR", "SYSCFG.COMP1_CSR", "SYSCFG.COMP2_CSR"), WORD),
        **dict.fromkeys(("SYSCFG.IMR1", "SYSCFG.IMR2", "SYSCFG.C2IMR1", "SYSCFG.C2IMR2"), WORD),
        "SYSCFG.SIPCR": WORD,
    },
    directed=_directed,
)
