"""STM32H7, but for H7A3, H7B0 and H7B3: clocks (RM0433 6.6, 8.5, 8.7), flash (RM0433 4.9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.h7 import CSI_HZ, VOS
from .. import facts
from ..action import Action
from ..application import Application
from ..family import MHZ, WORD, Family, Lock, Recipe, Tree, Write
from ..system import unlock

H723 = 0x483
PLLSRC = {"HSI": 0, "CSI": 1, "HSE": 2}  # RCC.PLLCKSELR
HSIDIV = 3 << 3  # RCC.CR
SER, START, BITS = 1 << 2, 1 << 7, 0x30 | 1 << 16  # FLASH.CR; PSIZE and EOPIE
KEYS = (0x45670123, 0xCDEF89AB)  # RM0433 4.5.1
BANKS = tuple(Lock(f"CR{n}", 1, f"KEYR{n}", KEYS, BITS) for n in (1, 2))
TARG7_FN_MOD = 0x51008108  # of the AXI interconnect
OPTIONS = Lock("OPTCR", 1, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F))


@dataclass(frozen=True)
class Limits:
    """Of a voltage scale (datasheets, operating conditions). sysclk, hclk (AXI): Hz; vos: of
    PWR.D3CR; vco: MHz of a PLL, from 2 MHz on (RM0433 8.5.5); waits: FLASH.ACR up to hclk (RM0433
    table 17); names: registers that this die has in place of those of the H743."""

    sysclk: int
    hclk: int
    vos: int
    waits: int
    vco: tuple[int, int] = (192, 836)
    names: Mapping[str, str] = field(default_factory=dict)


SCALE_1 = Limits(400 * MHZ, 200 * MHZ, vos=3, waits=2 | 2 << 4)
# Of the H723; that of the H743 is a bit of SYSCFG, which is drawn there
SCALE_0 = Limits(550 * MHZ, 275 * MHZ, vos=0, waits=3 | 3 << 4)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    scales = (SCALE_1, SCALE_0) if die.dev_id == H723 else (SCALE_1,)
    return draw(random, die, hse_hz, source, random.choice(scales))


def draw(random: Random, die: Chip, hse_hz: int, source: str, limits: Limits) -> Tree:
    """A tree within these limits."""

    def write(block: str, name: str, *value: int) -> Write:
        return Write(f"{block}.{limits.names.get(name, name)}", *value)

    name, feeds = source.split()[0], source.split()[-1]
    sysclk = {"HSI": die.clocks["hsi_hz"], "CSI": CSI_HZ, "HSE": hse_hz}[feeds]
    m, divr, pllcfgr = random.randrange(64), random.getrandbits(31), random.getrandbits(4)
    if name == "PLL1":
        sysclk, m, divr = _pll(random, sysclk, limits)
    least = 0 if sysclk <= limits.hclk else 8
    hpre = random.choice((least, random.randrange(8, 16)))
    while sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0) < MHZ // 10:
        hpre = least
    divided = random.getrandbits(2) << 3 if feeds != "HSI" else 0
    needs = (
        write("PWR", "D3CR", limits.vos << 14, VOS),
        Write("FLASH.ACR", limits.waits),
        Write("RCC.CR", divided, HSIDIV),
    )
    setup = (
        Write("RCC.PLLCKSELR", PLLSRC[feeds] | m << 4),
        Write("RCC.PLLCFGR", pllcfgr | 1 << 16, 0x1000F),
        Write("RCC.PLL1DIVR", divr),
        write("RCC", "D1CFGR", hpre | random.randrange(4, 8) << 4),
        write("RCC", "D2CFGR", random.getrandbits(32) & 0x330 | 0x440),
        write("RCC", "D3CFGR", random.getrandbits(32) & 0x30 | 0x40),
        Write("RCC.CFGR", random.getrandbits(32) & 0xFFFC_3F80),
    )
    return Tree(name, feeds, sysclk, needs, setup)


def _pll(random: Random, hz: int, limits: Limits) -> tuple[int, int, int]:
    """SYSCLK, DIVM1, PLL1DIVR."""
    m, (low, high) = hz // (2 * MHZ), limits.vco
    while True:
        n, p = random.randrange(low // 2, high // 2 + 1), random.choice((2, 4, 8, 16))
        if 2 * MHZ * n // p <= limits.sysclk:
            return 2 * MHZ * n // p, m, n - 1 | p - 1 << 9 | 3 << 16 | 3 << 24


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, BANKS[sector.bank - 1])
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 8)
    app.poke(f"FLASH.CR{sector.bank}", SER | sector.number << 8 | START)


def _error(app: Application) -> None:
    """No sector is chosen: PGSERR."""
    for bank in (lock for lock in facts.locks(app.soc.chip) if lock in BANKS):
        unlock(app, bank)
        app.set_bits(f"FLASH.{bank.register}", START)


def _directed(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    if die.dev_id == H723:
        return
    words = "AXI SRAM is read once at a time, as SystemInit does on revision Y"
    yield Recipe(words, early=(Action(words, lambda app: app.store(TARG7_FN_MOD, 1)),))


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
    directed=_directed,
    dmamux={"DMAMUX1": (16, 8), "DMAMUX2": (8, 8)},
)
