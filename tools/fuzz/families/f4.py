"""STM32F4: PLL, voltage scales, over-drive (RM0090 3.5.1, 5.1, 6.2, 6.3); FLASH (RM0090 3.9)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip, FlashSector
from ...bench.families.f4 import ODEN, ODSWEN, VOS
from ..application import Application
from ..family import MHZ, WORD, Family, Lock, Tree, Write
from ..system import unlock

OVERDRIVE_NS = 50_000
# SYSCLK in MHz up to which PWR_CR.VOS may be 1, 2 or 3: RM0090 5.1.3 and RM0390 5.1.3 for most,
# RM0368 5.4.1 and RM0383 5.4.1 for these (from memory of the manuals, not read again).
SCALES = {"STM32F401xE": (60, 84), "STM32F411xE": (64, 84, 100)}
SCALES_OF_MOST = (120, 144, 180)
SCALE_1_OF_F405 = 144 * MHZ  # above it; VOS is one bit there
SER, STRT = 1 << 1, 1 << 16  # FLASH_CR
SNB_OF_BANK_2 = 16  # RM0090 3.9.8

CONTROL = Lock("CR", 1 << 31, "KEYR", (0x45670123, 0xCDEF89AB), 0x3FD)  # RM0090 3.6.1
OPTIONS = Lock("OPTCR", 1, "OPTKEYR", (0x08192A3B, 0x4C5D6E7F))


@dataclass(frozen=True)
class Limits:
    """In Hz; scales in MHz. control: the register of PWR with VOS and the over-drive; sysclk:
    without over-drive and with it."""

    control: str
    scales: tuple[int, ...]
    sysclk: tuple[int, int]
    apb1: int
    apb2: int


def limits(die: Chip) -> Limits:
    scales = SCALES.get(die.name, SCALES_OF_MOST)
    # APB1 and APB2 are those of F401 and F405 (RM0090 6.2); others allow more. Over-drive: 5.1.4
    return Limits("CR", scales, (168 * MHZ, 180 * MHZ), 42 * MHZ, 84 * MHZ)


def tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    return tree_within(limits(die), random, die, hse_hz, source)


def tree_within(most: Limits, random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """Also of the F7."""
    control = die.peripheral("PWR").by_name[most.control].mask
    name, feeds = source.split()[0], source.split()[-1]
    sysclk, setup = hse_hz if feeds == "HSE" else die.clocks["hsi_hz"], []
    if name == "PLL":
        sysclk, pllcfgr = _pll(random, sysclk, die, most.sysclk[bool(control & ODEN)])
        setup.append(Write("RCC.PLLCFGR", pllcfgr | (feeds == "HSE") << 22))
    hpre = random.choice((0, 0, 0, random.randrange(8, 16)))
    hclk = sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    cfgr = hpre << 4 | _apb(random, hclk, most.apb1) << 10 | _apb(random, hclk, most.apb2) << 13
    cfgr |= random.getrandbits(16) << 16  # RTCPRE, MCO1, I2SSRC, MCO2 and their prescalers
    setup.append(Write("RCC.CFGR", cfgr))
    waits = next(n for n, limit in enumerate(die.clocks["wait_states_hz"]) if hclk <= limit)
    waits = random.choice((waits, random.randrange(waits, 16)))
    overdrive = bool(control & ODEN) and (
        hclk > most.sysclk[0] or (name == "PLL" and random.random() < 0.3)
    )
    register = f"PWR.{most.control}"
    scale = Write(register, _scale(most, control, sysclk, overdrive) << 14, VOS & control)
    acr = Write("FLASH.ACR", waits | random.getrandbits(3) << 8)
    steps = [Write(register, bit, bit, OVERDRIVE_NS) for bit in (ODEN, ODSWEN) if overdrive]
    return Tree(name, feeds, sysclk, (scale, acr), tuple(setup), tuple(steps))


def _pll(random: Random, hz: int, die: Chip, limit: int) -> tuple[int, int]:
    """RM0090 6.3.2: 1 to 2 MHz into the VCO, 100 to 432 MHz out of it."""
    limit = min(limit, die.clocks["wait_states_hz"][-1])
    while True:
        m, n, p = random.randrange(2, 64), random.randrange(50, 433), random.randrange(4)
        vco = hz // m * n
        if MHZ <= hz // m <= 2 * MHZ and 100 * MHZ <= vco <= 432 * MHZ:
            sysclk = vco // (2 * p + 2)
            if sysclk <= limit:
                return sysclk, m | n << 6 | p << 16 | random.randrange(2, 16) << 24


def _apb(random: Random, hclk: int, limit: int) -> int:
    """PPRE1 or PPRE2: slow enough."""
    shift = next(n for n in range(5) if hclk >> n <= limit)
    shift = random.randrange(shift, 5)
    return shift + 3 if shift else 0


def _scale(most: Limits, control: int, sysclk: int, overdrive: bool) -> int:
    """The lowest voltage scale that will do; it takes effect with the PLL."""
    if VOS & control != VOS:
        return int(sysclk > SCALE_1_OF_F405)
    return 3 if overdrive else next(n for n, m in enumerate(most.scales, 1) if sysclk <= m * MHZ)


def _erase(app: Application, sector: FlashSector) -> None:
    unlock(app, CONTROL)
    number = sector.number + (SNB_OF_BANK_2 if sector.bank == 2 else 0)
    app.poke("FLASH.CR", SER | number << 3)
    app.poke("FLASH.CR", SER | number << 3 | STRT)


def _error(app: Application) -> None:
    """No sector is chosen: PGSERR."""
    unlock(app, CONTROL)
    app.set_bits("FLASH.CR", STRT)


FAMILY = Family(
    sources=("HSI", "HSE", "PLL from HSI", "PLL from HSE"),
    tree=tree,
    locks=(CONTROL, OPTIONS),
    erase=_erase,
    error=_error,
    anytime={
        "RCC.CR": 0xF8,  # HSITRIM
        **dict.fromkeys(("RCC.SSCGR", "RCC.DCKCFGR", "RCC.CKGATENR", "RCC.DCKCFGR2"), WORD),
        **dict.fromkeys(("RCC.PLLI2SCFGR", "RCC.PLLSAICFGR"), WORD),
        "FLASH.ACR": 7 << 8,  # PRFTEN, ICEN, DCEN
        "PWR.CR": 0x3FF,
        "PWR.CSR": 0x300,  # EWUP, BRE
    },
)
