"""STM32U5: MSIS, PLLs, voltage ranges, the booster (RM0456 10.5, 11.4); FLASH (RM0456 7)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.u5 import BOOSTED_HZ, BOOSTEN, FASTEST_HZ, REGSEL, VOS
from ..action import Action
from ..application import Application
from ..clocks import draw_tree, start
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock

PLLSRC = {"MSIS": 1, "HSI": 2, "HSE": 3}  # RCC.PLL1CFGR
PLL1REN, VCO = 1 << 18, (128 * MHZ, 544 * MHZ)
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
LATENCY, SETTLED_NS = 0xF, 50_000  # FLASH.ACR
WAIT_STATES = ("_range_4", "_range_3", "_range_2", "")  # of clocks.wait_states_hz, by VOS
PG, PER, BKER, STRT = 1 << 0, 1 << 1, 1 << 11, 1 << 16  # FLASH.NSCR
BITS = 0x03004BFB  # of it: PG, PER, PNB, BKER, BWR, EOPIE, ERRIE
MAIN = Lock("NSCR", 1 << 31, "NSKEYR", (0x45670123, 0xCDEF89AB), BITS)
OPTIONS = Lock("NSCR", 1 << 30, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F), after=MAIN)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """MSIS is at 4 MHz: another range needs MSIRGSEL, which only a reset clears."""
    name, feeds = source.split()[0], source.split()[-1]
    hz = {"MSIS": die.clocks["reset_hz"], "HSI": die.clocks["hsi_hz"], "HSE": hse_hz}[feeds]
    sysclk, pll, divisors = hz, random.getrandbits(32) & 0x3FF1C, random.getrandbits(31)
    if name == "PLL1":
        sysclk, m, divisors = _pll(random, hz)
        pll = pll & ~0xF00 | m << 8
    vos = random.choice([n for n, most in enumerate(FASTEST_HZ) if sysclk <= most])
    boost = BOOSTEN if vos >= 2 and (sysclk > BOOSTED_HZ or random.random() < 0.3) else 0
    slowest = next(n for n in range(15, 7, -1) if sysclk >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ)
    hpre = random.choice((0, 0, random.randrange(8, slowest + 1)))
    hclk = sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    limits = die.clocks["wait_states_hz" + WAIT_STATES[vos]]
    if hclk > limits[-1]:  # more than the voltage allows: by another draw
        return tree(random, die, hse_hz, source)
    least = next(waits for waits, most in enumerate(limits) if hclk <= most)
    needs = (
        Write("FLASH.ACR", 4 | random.getrandbits(1) << 8, LATENCY | 1 << 8),
        Write("RCC.PLL1CFGR", pll | PLLSRC[feeds] | PLL1REN),
        Write("PWR.VOSR", 3 << 16, VOS, SETTLED_NS),
        Write("PWR.VOSR", boost, BOOSTEN, SETTLED_NS),
    )
    setup = (
        Write("RCC.PLL1DIVR", divisors),
        Write("RCC.CFGR2", hpre | random.getrandbits(32) & 0x770),
        Write("RCC.CFGR3", random.getrandbits(32) & 0x70),
        Write("RCC.CFGR1", random.getrandbits(32) & 0x7F000030),
    )
    after = (
        Write("PWR.VOSR", vos << 16, VOS),
        Write("FLASH.ACR", random.choice((least, 4)), LATENCY),
    )
    return Tree(name, feeds, sysclk, needs, setup, (), after)


def _pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, M, PLL1DIVR: 4 to 16 MHz in, R 1 or even."""
    while True:
        m, n, r = random.randrange(1, 17), random.randrange(8, 137), random.choice((1, 2, 4, 8))
        vco = hz // m * n
        good = 4 * MHZ <= hz // m <= 16 * MHZ and VCO[0] <= vco <= VCO[1]
        if good and vco // r <= FASTEST_HZ[3]:
            return vco // r, m - 1, n - 1 | random.getrandbits(14) << 9 | r - 1 << 24


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, MAIN)
    page = PER | sector.number << 3 | (BKER if sector.bank == 2 else 0)
    app.poke("FLASH.NSCR", page)
    app.poke("FLASH.NSCR", page | STRT)


def _error(app: Application) -> None:
    """The second quad-word is an error: what is there is not erased any more."""
    unlock(app, MAIN, PG)
    address = app.soc.chip.region("FLASH").end - 0x8000
    for value in (1, 2):
        for at in range(address, address + 16, 4):
            app.store(at, value)


def _supply(app: Application) -> None:
    app.enable("PWR")
    app.poke("PWR.CR3", REGSEL)
    app.wait(SETTLED_NS)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """The other regulator; ranges of MSIS that are not used, as MSIRGSEL is 0, while it is off."""
    yield Recipe(
        "the SMPS regulates, PWR has no clock",
        early=(
            Action("REGSEL", _supply),
            Action("PWREN 0", lambda app: app.clear_bits("RCC.AHB3ENR", 1 << 2)),
        ),
    )
    random = Random(0)
    hsi = draw_tree(random, die, hse_hz, "HSI")
    yield Recipe(
        "MSIS and MSIK are off and set to other ranges, AHB3 and its clocks are off",
        early=(
            Action(f"clock: {hsi}", lambda app: start(app, hsi)),
            Action("MSISON, MSIKON 0", lambda app: app.clear_bits("RCC.CR", 0x11)),
            Action("ICSCR1", lambda app: app.change("RCC.ICSCR1", 0, 0xFF << 24)),
            Action("AHB3DIS", lambda app: app.set_bits("RCC.CFGR3", 1 << 16)),
        ),
    )
    fast = next(
        t
        for t in iter(lambda: draw_tree(random, die, hse_hz, "PLL1 from HSI"), None)
        if any(w.register == "PWR.VOSR" and w.value == BOOSTEN for w in t.needs)
    )
    yield Recipe(
        "the booster runs from PLL1",
        early=(Action(f"clock: {fast}", lambda app: start(app, fast)),),
    )


FAMILY = Family(
    sources=(*("MSIS", "MSIS", "HSI", "HSE", "PLL1 from MSIS", "PLL1 from HSI", "PLL1 from HSE"),),
    tree=tree,
    locks=(MAIN, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.CR": 0x00000282,  # MSIKERON, MSIPLLFAST, HSIKERON
        "RCC.ICSCR1": 0x0F400000,  # MSIKRANGE, MSIBIAS; that of MSIS would count with MSIRGSEL
        **dict.fromkeys(("RCC.ICSCR2", "RCC.ICSCR3", "RCC.SRDAMR", "RCC.PRIVCFGR"), WORD),
        **{f"RCC.PLL{n}FRACR": WORD for n in (1, 2, 3)},
        **{f"RCC.PLL{n}DIVR": WORD for n in (2, 3)},
        **{f"RCC.PLL{n}CFGR": 0x00070F1C for n in (2, 3)},
        "FLASH.ACR": 0x4900,  # PRFTEN, LPM, SLEEP_PD
        "FLASH.ECCR": 1 << 24,  # ECCIE
        "FLASH.PRIVCFGR": WORD,
        **{f"FLASH.PRIVBB{bank}R{n}": WORD for bank in (1, 2) for n in range(1, 9)},
        "PWR.CR1": 0xE7,  # not the power of SRAM
        **dict.fromkeys(("PWR.CR2", "PWR.SVMCR", "PWR.DBPR", "PWR.UCPDR", "PWR.CR4"), WORD),
        "PWR.CR3": 1 << 2,  # FSTEN
        **dict.fromkeys((f"PWR.WUCR{n}" for n in (1, 2, 3)), WORD),
        **dict.fromkeys(("PWR.APCR", "PWR.PRIVCFGR"), WORD),
        **{f"PWR.P{way}CR{port}": WORD for way in "UD" for port in "ABCDEFGHIJ"},
    },
    directed=_directed,
)
