"""Clock trees of the L0 (RM0367 6.1, 7.2, 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip
from ...bench.families.l0 import MSI_HZ, PLL_FACTORS
from ..application import Application
from ..trouble import Trouble

MHZ = 1_000_000
MSION, HSION, HSEON, PLLON, HSIDIVEN = 1 << 8, 1 << 0, 1 << 16, 1 << 24, 1 << 3  # RCC.CR
HSEBYP, CSSON, LSION = 1 << 18, 1 << 19, 1 << 0  # RCC.CR, RCC.CSR
LSEON = 1 << 8  # RCC.CSR
HSI48ON = 1 << 0  # RCC.CRRCR
SW = {"MSI": 0, "HSI": 1, "HSE": 2, "PLL": 3}  # RCC.CFGR
PLLSRC_HSE = 1 << 16
LOW_POWER_RUN, LPSDSR, DBP = 1 << 14, 1 << 0, 1 << 8  # PWR.CR
LOW_POWER_RUN_HZ = 131_072  # at most (RM0367 6.3.1)
# PWR.CR.VOS -> the highest HCLK, with and without a wait state, and out of the PLL's oscillator
# (RM0367 3.3.3 table 13, 7.2.4).
RANGES = {1: (32 * MHZ, 16 * MHZ, 96 * MHZ), 2: (16 * MHZ, 8 * MHZ, 48 * MHZ)}
RANGE_3 = 4_200_000, 4_200_000, 24 * MHZ
SLOWEST_HZ = 15_000  # a call takes some thousand cycles; see run.LIMIT_NS
READY_NS = {"MSI": 10_000, "HSI": 10_000, "HSE": 2_100_000, "PLL": 200_000}
SWITCH_NS = 100_000  # of the slowest MSI, 65 kHz, some cycles


@dataclass(frozen=True)
class Tree:
    """sysclk in Hz; vos: of PWR.CR; the values of CFGR without SW, and of ICSCR's range."""

    source: str
    sysclk: int
    vos: int
    cfgr: int
    msi_range: int
    acr: int
    hsi_divided: bool
    low_power: bool

    def __str__(self) -> str:
        words = f"{self.source}, SYSCLK {self.sysclk / MHZ:.6g} MHz, CFGR {self.cfgr:08X}"
        words += f", MSI range {self.msi_range}, VOS {self.vos}, ACR {self.acr:02X}"
        words += ", HSI / 4" if self.hsi_divided else ""
        return words + (", low-power run" if self.low_power else "")


def draw(random: Random, die: Chip, hse_hz: int) -> Iterator[Trouble]:
    """The clock tree and what hangs on it."""
    sources = ("MSI", "MSI", "HSI", "HSE", "PLL from HSI", "PLL from HSE")
    tree = draw_tree(random, die, hse_hz, random.choice(sources))
    yield Trouble(f"clock: {tree}", lambda app: start(app, tree))
    yield from _draw_spare(random, tree)
    yield from _draw_rest(random, die)


def draw_tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """One that starts from this source."""
    msi_range = random.randrange(len(MSI_HZ))
    divided = source == "HSI" and random.random() < 0.5
    hsi = die.clocks["hsi_hz"] // 4 if divided else die.clocks["hsi_hz"]
    sysclk, pll = {"MSI": MSI_HZ[msi_range], "HSI": hsi}.get(source, hse_hz), 0
    if source.startswith("PLL"):
        sysclk, pll = _draw_pll(random, hse_hz if source.endswith("HSE") else hsi)
        pll |= PLLSRC_HSE if source.endswith("HSE") else 0
    fits = [vos for vos, limits in _ranges().items() if _fits(limits, sysclk, pll)]
    vos = random.choice(fits)
    waits = int(sysclk > _ranges()[vos][1]) | (random.getrandbits(1) if vos < 3 else 0)
    low_power = source == "MSI" and sysclk <= LOW_POWER_RUN_HZ and vos > 1
    cfgr = pll | random.getrandbits(3) << 8 | random.getrandbits(3) << 11
    slowest = next(n for n in range(15, 7, -1) if sysclk >> AHB_SHIFTS[n - 8] >= SLOWEST_HZ)
    cfgr |= random.choice((0, 0, random.randrange(8, slowest + 1))) << 4
    cfgr |= random.getrandbits(7) << 24
    acr = waits | random.getrandbits(2) << 5  # DISAB_BUF, PRE_READ
    return Tree(
        source, sysclk, vos, cfgr, msi_range, acr, divided, low_power and random.random() < 0.7
    )


def _ranges() -> dict[int, tuple[int, int, int]]:
    return {**RANGES, 3: RANGE_3}


def _fits(limits: tuple[int, int, int], sysclk: int, pll: int) -> bool:
    divider = (pll >> 22 & 3) + 1
    return sysclk <= limits[0] and (not pll or sysclk * divider <= limits[2])


def _draw_pll(random: Random, hz: int) -> tuple[int, int]:
    """SYSCLK and its bits in CFGR: 2 to 24 MHz in, up to 96 MHz between, 32 MHz out at most."""
    while True:
        number, divider = random.randrange(len(PLL_FACTORS)), random.randrange(1, 4)
        vco = hz * PLL_FACTORS[number]
        if vco <= 96 * MHZ and vco // (divider + 1) <= 32 * MHZ:
            return vco // (divider + 1), number << 18 | divider << 22


def start(app: Application, tree: Tree) -> None:
    """The application runs on it from now on."""
    name = tree.source.split()[0]
    app.enable("PWR")
    app.poke("PWR.CR", app.peek("PWR.CR") & ~(3 << 11) | 1 << 11)
    app.poke("FLASH.ACR", tree.acr | 1)
    app.poke("RCC.ICSCR", app.peek("RCC.ICSCR") & ~(7 << 13) | tree.msi_range << 13)
    if "HSE" in tree.source:
        app.set_bits("RCC.CR", HSEON)
        app.wait(READY_NS["HSE"])
    if "HSI" in tree.source:
        app.set_bits("RCC.CR", HSION | (HSIDIVEN if tree.hsi_divided else 0))
        app.wait(READY_NS["HSI"])
    app.poke("RCC.CFGR", tree.cfgr)
    if name == "PLL":
        app.set_bits("RCC.CR", PLLON)
        app.wait(READY_NS["PLL"])
    app.poke("RCC.CFGR", tree.cfgr | SW[name])
    app.wait(SWITCH_NS)
    app.poke("PWR.CR", app.peek("PWR.CR") & ~(3 << 11) | tree.vos << 11)
    app.poke("FLASH.ACR", tree.acr)
    if tree.low_power:
        app.set_bits("PWR.CR", LPSDSR)
        app.set_bits("PWR.CR", LOW_POWER_RUN)


# --- what is not needed for SYSCLK -------------------------------------------------------------


def _draw_spare(random: Random, tree: Tree) -> Iterator[Trouble]:
    """Oscillators that nobody needs, started long ago or just now; MSI switched off."""
    spare = [("HSI", HSION), ("HSE", HSEON), ("PLL", PLLON)]
    for name, bits in spare:
        if name not in tree.source and not tree.low_power and random.random() < 0.3:
            ns = random.choice((0, 0, random.randrange(READY_NS["HSE"])))
            if name == "HSE" and random.random() < 0.5:
                yield Trouble("HSE bypassed", lambda app: app.set_bits("RCC.CR", HSEBYP))
            yield Trouble(
                f"{name} on since {ns} ns", lambda app, b=bits, ns=ns: _spare(app, b, ns)
            )
    if tree.source != "MSI" and random.random() < 0.5:
        yield Trouble("MSI off", lambda app: app.clear_bits("RCC.CR", MSION))
    if "HSE" in tree.source and random.random() < 0.4:
        yield Trouble("clock security on", lambda app: app.set_bits("RCC.CR", CSSON))
    if random.random() < 0.3:
        trim = random.getrandbits(5) << 8
        yield Trouble(f"HSI16TRIM {trim:04X}", lambda app: _trim(app, trim))


def _spare(app: Application, bits: int, ns: int) -> None:
    app.set_bits("RCC.CR", bits)
    app.wait(ns)


def _trim(app: Application, trim: int) -> None:
    app.poke("RCC.ICSCR", app.peek("RCC.ICSCR") & ~0x1F00 | trim)


def _draw_rest(random: Random, die: Chip) -> Iterator[Trouble]:
    """Low-speed oscillators, the RTC domain, ready interrupts, and more of RCC."""
    if random.random() < 0.5:
        yield Trouble("LSI on", lambda app: app.set_bits("RCC.CSR", LSION))
    if random.random() < 0.5:
        bits = random.choice((LSEON, LSEON | random.getrandbits(2) << 16 | 1 << 18))
        yield Trouble(f"RTC domain open, CSR {bits:08X}", lambda app: open_backup(app, bits))
    if random.random() < 0.3:
        yield Trouble("HSI48 on", lambda app: app.set_bits("RCC.CRRCR", HSI48ON))
    for name in plain_registers(die):
        if random.random() < 0.3:
            value = random.getrandbits(32)
            yield Trouble(
                f"RCC.{name} {value:08X}",
                lambda app, name=name, value=value: app.poke(f"RCC.{name}", value),
            )


def plain_registers(die: Chip) -> list[str]:
    """Those of RCC that anything can be written to at any time."""
    there = die.peripheral("RCC").by_name
    return ["CIER", "CCIPR", *(name for name in there if name.endswith("SMENR"))]


def open_backup(app: Application, bits: int) -> None:
    """Let the RTC domain be written, and write it."""
    app.set_bits("PWR.CR", DBP)
    app.set_bits("RCC.CSR", bits)
