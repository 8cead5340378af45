"""STM32WL: as the WB, with MSI at 4 MHz as on the L4, TCXO, and the SPI of the radio (RM0453)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ...bench.families.l4 import LPR, RANGE_2, VOS
from ...bench.families.wb import HPRE, HSEPRE
from ..action import Action
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Recipe, Tree, Write
from .l4 import FAMILY as L4
from .l4 import LATENCY, LOW_POWER_RUN_HZ, PLLSRC, RANGE_1, SLOWEST_HZ
from .wb import FAMILY as WB
from .wb import PLLREN, VCO_LEAST

# The highest SYSCLK, and out of the PLL's oscillator, by VOS (RM0453 7.2, DS13293)
RANGES = {RANGE_1: (48 * MHZ, 344 * MHZ), RANGE_2: (16 * MHZ, 128 * MHZ)}


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """MSI is at 4 MHz: another range needs MSIRGSEL, which only a reset clears."""
    name, feeds = source.split()[0], source.split()[-1]
    half = random.choice((0, HSEPRE)) if feeds == "HSE" else 0
    hz = {
        **{"MSI": die.clocks["msi_hz"], "HSI": die.clocks["hsi_hz"]},
        "HSE": hse_hz // (2 if half else 1),
    }[feeds]
    sysclk, pll, vco = hz, random.getrandbits(32) & 0xEF3F7F70, 0
    if name == "PLL":
        sysclk, vco, pll = _pll(random, hz)
    fits = [v for v, (most, fastest) in RANGES.items() if sysclk <= most and vco <= fastest]
    vos = random.choice(fits)
    slow_enough = [n for n, by in enumerate(HPRE) if sysclk // by >= SLOWEST_HZ]
    hpre = random.choice((0, 0, random.choice(slow_enough)))
    hclk = sysclk // HPRE[hpre]
    cfgr = hpre << 4 | random.getrandbits(32) & 0x7F00BF00
    alone = name == "MSI" and hclk <= LOW_POWER_RUN_HZ and random.random() < 0.7
    limits = die.clocks["wait_states_hz_range_2" if vos == RANGE_2 else "wait_states_hz"]
    least = next(waits for waits, most in enumerate(limits) if hclk <= most)
    after = [Write("PWR.CR1", vos, VOS), Write("FLASH.ACR", random.choice((least, 2)), LATENCY)]
    if alone:
        after.append(Write("PWR.CR1", LPR, LPR))
    setup = (
        *([Write("RCC.CR", half, HSEPRE)] if feeds == "HSE" else []),
        Write("RCC.PLLCFGR", pll | PLLSRC[feeds] | PLLREN),
        Write("RCC.CFGR", cfgr),
    )
    needs = (Write("FLASH.ACR", 2, LATENCY),)
    return Tree(name, feeds, sysclk, needs, setup, (), tuple(after), alone)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, the frequency of its oscillator, and M, N, R of PLLCFGR: 4 to 16 MHz in."""
    while True:
        m, n, r = random.randrange(1, 9), random.randrange(6, 128), random.randrange(1, 8)
        vco = hz // m * n
        good = 4 * MHZ <= hz // m <= 16 * MHZ and VCO_LEAST <= vco <= RANGES[RANGE_1][1]
        if good and vco // (r + 1) <= RANGES[RANGE_1][0]:
            return vco // (r + 1), vco, m - 1 << 4 | n << 8 | r << 29


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """Those of the L4, and HSE out of a TCXO, whose supply yields only while HSE is off."""
    yield from L4.directed(die, hse_hz)
    random = Random(0)
    hse = next(iter(lambda: draw_tree(random, die, hse_hz, "PLL from HSE"), None))
    yield Recipe(
        "48 MHz from a TCXO",
        early=(
            Action("HSEBYPPWR", lambda app: app.set_bits("RCC.CR", 1 << 21)),
            Action(f"clock: {hse}", lambda app: start(app, hse)),
        ),
    )


FAMILY = Family(
    sources=L4.sources,
    tree=tree,
    locks=WB.locks,
    erase=WB.erase,
    error=L4.error,
    anytime={
        "RCC.CR": 0x00000A04,  # MSIPLLEN, HSIKERON, HSIASFS
        "RCC.ICSCR": 0x7F00FF00,  # MSITRIM, HSITRIM
        "RCC.CSR": 0x00008010,  # RFRST, LSIPRE
        "RCC.EXTCFGR": WORD,
        **{f"RCC.C2{n}ENR": WORD for n in ("AHB1", "AHB2", "AHB3", "APB2", "APB3")},
        **{f"RCC.C2APB1ENR{n}": WORD for n in (1, 2)},
        "FLASH.ACR": 0x8700,  # PES, PRFTEN, ICEN, DCEN
        **{"FLASH.ACR2": WORD, "FLASH.C2ACR": 0x8300, "FLASH.C2CR": WORD},
        "FLASH.ECCR": 1 << 24,  # ECCIE
        "PWR.CR1": 0x13F,  # LPMS, SUBGHZSPINSSSEL, FPDR, FPDS, DBP
        **dict.fromkeys(("PWR.CR2", "PWR.CR3", "PWR.CR4", "PWR.C2CR1", "PWR.C2CR3"), WORD),
        **dict.fromkeys(("PWR.CR5", "PWR.SECCFGR", "PWR.SUBGHZSPICR", "PWR.RSSCMDR"), WORD),
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCH"},
        **dict.fromkeys(("SYSCFG.VREFBUF_CSR", "SYSCFG.COMP1_CSR", "SYSCFG.COMP2_CSR"), WORD),
        **dict.fromkeys(("SYSCFG.IMR1", "SYSCFG.IMR2", "SYSCFG.C2IMR1", "SYSCFG.C2IMR2"), WORD),
        "SYSCFG.RFDCR": WORD,
    },
    directed=_directed,
)
