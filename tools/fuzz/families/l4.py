"""STM32L4: MSI, PLLs, voltage ranges, low-power run (RM0351 5.1, 6.2, 6.4); FLASH (RM0351 3)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.l4 import LPR, MSIRANGE, RANGE_2, VOS
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock

PLLSRC = {"MSI": 1, "HSI": 2, "HSE": 3}  # RCC.PLLCFGR
PLLREN = 1 << 24
RANGE_1 = 1 << 9  # PWR.CR1.VOS
# The highest SYSCLK, and out of the PLL's oscillator, by VOS (RM0351 table 9, DS10198)
RANGES = {RANGE_1: (80 * MHZ, 344 * MHZ), RANGE_2: (26 * MHZ, 128 * MHZ)}
VCO_LEAST = 64 * MHZ
LOW_POWER_RUN_HZ = 2 * MHZ  # at most (RM0351 5.3.2)
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
LATENCY = 7  # FLASH.ACR
PG, PER, BKER, STRT = 1 << 0, 1 << 1, 1 << 11, 1 << 16  # FLASH.CR
BITS = 0x07000FFB  # of FLASH.CR: PG, PER, PNB, BKER, EOPIE, ERRIE, RDERRIE
MAIN = Lock("CR", 1 << 31, "KEYR", (0x45670123, 0xCDEF89AB), BITS)  # RM0351 3.3.5
OPTIONS = Lock("CR", 1 << 30, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F), after=MAIN)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """MSI is at 4 MHz: another range needs MSIRGSEL, which only a reset clears."""
    name, feeds = source.split()[0], source.split()[-1]
    hz = {"MSI": die.clocks["msi_hz"], "HSI": die.clocks["hsi_hz"], "HSE": hse_hz}[feeds]
    sysclk, pll, vco = hz, random.getrandbits(32) & 0x00737F70, 0
    if name == "PLL":
        sysclk, vco, pll = _pll(random, hz)
    fits = [v for v, (most, fastest) in RANGES.items() if sysclk <= most and vco <= fastest]
    vos = random.choice(fits)
    slowest = next(n for n in range(15, 7, -1) if sysclk >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ)
    hpre = random.choice((0, 0, random.randrange(8, slowest + 1)))
    hclk = sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    cfgr = hpre << 4 | random.getrandbits(32) & 0x7700BF00
    alone = name == "MSI" and hclk <= LOW_POWER_RUN_HZ and random.random() < 0.7
    limits = die.clocks["wait_states_hz_range_2" if vos == RANGE_2 else "wait_states_hz"]
    least = next(waits for waits, most in enumerate(limits) if hclk <= most)
    after = [Write("PWR.CR1", vos, VOS), Write("FLASH.ACR", random.choice((least, 4)), LATENCY)]
    if alone:
        after.append(Write("PWR.CR1", LPR, LPR))
    setup = (
        Write("RCC.PLLCFGR", pll | PLLSRC[feeds] | PLLREN),
        Write("RCC.CFGR", cfgr),
    )
    needs = (Write("FLASH.ACR", 4, LATENCY),)
    return Tree(name, feeds, sysclk, needs, setup, (), tuple(after), alone)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, the frequency of its oscillator, and M, N, R of PLLCFGR: 4 to 16 MHz in."""
    while True:
        m, n, r = random.randrange(1, 9), random.randrange(8, 87), random.randrange(4)
        vco = hz // m * n
        good = 4 * MHZ <= hz // m <= 16 * MHZ and VCO_LEAST <= vco <= RANGES[RANGE_1][1]
        if good and vco // (2 * r + 2) <= RANGES[RANGE_1][0]:
            return vco // (2 * r + 2), vco, m - 1 << 4 | n << 8 | r << 25


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, MAIN)
    page = PER | sector.number << 3 | (BKER if sector.bank == 2 else 0)
    app.poke("FLASH.CR", page)
    app.poke("FLASH.CR", page | STRT)


def _error(app: Application) -> None:
    """The second double word is an error: what is there is not erased any more."""
    unlock(app, MAIN, PG)
    address = app.soc.chip.region("FLASH").end - 0x8000
    for value in (1, 2):
        app.store(address, value)
        app.store(address + 4, value)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """Low-power run; a range of MSI that is not used, as MSIRGSEL is 0."""
    random = Random(0)
    slow = next(t for t in iter(lambda: draw_tree(random, die, hse_hz, "MSI"), None) if t.alone)
    yield Recipe("low-power run", early=(Action(f"clock: {slow}", lambda app: start(app, slow)),))
    fast = next(
        t
        for t in iter(lambda: draw_tree(random, die, hse_hz, "PLL from HSI"), None)
        if any(w.register == "PWR.CR1" and w.value == RANGE_2 for w in t.after)
    )
    yield Recipe(
        "MSI set to another range, VCORE in range 2",
        early=(
            Action("MSIRANGE 0", lambda app: app.clear_bits("RCC.CR", MSIRANGE)),
            Action(f"clock: {fast}", lambda app: start(app, fast)),
        ),
    )


FAMILY = Family(
    sources=("MSI", "MSI", "HSI", "HSE", "PLL from MSI", "PLL from HSI", "PLL from HSE"),
    tree=tree,
    locks=(MAIN, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.CR": 0x00000A04,  # MSIPLLEN, HSIKERON, HSIASFS
        "RCC.ICSCR": 0x7F00FF00,  # MSITRIM, HSITRIM
        "RCC.PLLSAI1CFGR": WORD,
        "RCC.PLLSAI2CFGR": WORD,
        "FLASH.ACR": 0x700,  # PRFTEN, ICEN, DCEN
        "FLASH.ECCR": 1 << 24,  # ECCIE
        "PWR.CR1": 0x107,  # LPMS, DBP
        **dict.fromkeys(("PWR.CR2", "PWR.CR3", "PWR.CR4"), WORD),
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCDEFGHI"},
    },
    directed=_directed,
)
