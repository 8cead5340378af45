"""Clock trees that an application can run on: legal ones, and oscillators on their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip
from ...bench.families.f4 import DBP, ODEN, ODSWEN
from ..application import Application
from ..trouble import Trouble

MHZ = 1_000_000
HSION, HSEON, PLLON, PLLI2SON, PLLSAION = (1 << bit for bit in (0, 16, 24, 26, 28))  # RCC.CR
LSEON = LSION = 1  # RCC.BDCR, RCC.CSR
CSSON, PWREN, VOS_UPPER = 1 << 19, 1 << 28, 1 << 15  # RCC.CR, RCC.APB1ENR, PWR.CR
SOURCES = ("HSI", "HSE", "PLL from HSI", "PLL from HSE")
OVERDRIVE_NEEDED = 168 * MHZ  # RM0090 5.1.4
# SYSCLK in MHz up to which PWR_CR.VOS may be 1, 2 or 3: RM0090 5.1.3 and RM0390 5.1.3 for most,
# RM0368 5.4.1 and RM0383 5.4.1 for these (from memory of the manuals, not read again).
SCALES = {"STM32F401xE": (60, 84), "STM32F411xE": (64, 84, 100)}
SCALES_OF_MOST = (120, 144, 180)
SCALE_1_OF_F405 = 144 * MHZ  # above it; VOS is one bit there
APB1_MAX, APB2_MAX = 42 * MHZ, 84 * MHZ  # of F401 and F405 (RM0090 6.2); others allow more
HSI_READY_NS, HSE_READY_NS, PLL_READY_NS, OVERDRIVE_NS = 5_000, 2_100_000, 250_000, 50_000
SWITCH_NS = 1_000


@dataclass(frozen=True)
class Tree:
    """SYSCLK in Hz, and the register values that make it. `overdrive`: the regulator's."""

    source: str
    sysclk: int
    pllcfgr: int
    cfgr: int
    acr: int
    overdrive: bool

    @property
    def uses_pll(self) -> bool:
        return self.source.startswith("PLL")

    @property
    def uses_hse(self) -> bool:
        return self.source.endswith("HSE")

    def __str__(self) -> str:
        words = f"{self.source}, SYSCLK {self.sysclk / MHZ:.6g} MHz, CFGR {self.cfgr:08X}"
        words += f", PLLCFGR {self.pllcfgr:08X}" if self.uses_pll else ""
        words += f", ACR {self.acr:04X}"
        return words + (", over-drive" if self.overdrive else "")


def draw(random: Random, die: Chip, hse_hz: int) -> Iterator[Trouble]:
    """The clock tree and what hangs on it."""
    tree = draw_tree(random, die, hse_hz, random.choice(SOURCES))
    yield Trouble(f"clock: {tree}", lambda app: start(app, tree))
    yield from _draw_spare(random, tree, die)
    yield from _draw_rest(random, die)


def draw_tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """One that starts from this one of SOURCES."""
    overdriven = has_overdrive(die)
    sysclk = hse_hz if source == "HSE" else die.clocks["hsi_hz"]
    pllcfgr = random.getrandbits(4) << 24 | 2 << 24 | 0x10  # Q, and any M
    if source.startswith("PLL"):
        sysclk, pllcfgr = _draw_pll(random, source, hse_hz, die, overdriven)
    hpre = random.choice((0, 0, 0, random.randrange(8, 16)))
    hclk = sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0)
    cfgr = hpre << 4 | _apb(random, hclk, APB1_MAX) << 10 | _apb(random, hclk, APB2_MAX) << 13
    cfgr |= random.getrandbits(16) << 16  # RTCPRE, MCO1, I2SSRC, MCO2 and their prescalers
    limits = die.clocks["wait_states_hz"]
    waits = next(n for n, limit in enumerate(limits) if hclk <= limit)
    waits = random.choice((waits, random.randrange(waits, 16)))
    overdrive = overdriven and (
        hclk > OVERDRIVE_NEEDED or (source.startswith("PLL") and random.random() < 0.3)
    )
    return Tree(source, sysclk, pllcfgr, cfgr, waits | random.getrandbits(3) << 8, overdrive)


def has_overdrive(die: Chip) -> bool:
    """F427 and up: the regulator can be over-driven."""
    return any(r.name == "CR" and r.mask & ODEN for r in die.peripheral("PWR").registers)


def _draw_pll(
    random: Random, source: str, hse_hz: int, die: Chip, overdriven: bool
) -> tuple[int, int]:
    """RM0090 6.3.2: 1 to 2 MHz into the VCO, 100 to 432 MHz out of it."""
    from_hse = source.endswith("HSE")
    hz = hse_hz if from_hse else die.clocks["hsi_hz"]
    limit = min((180 if overdriven else 168) * MHZ, die.clocks["wait_states_hz"][-1])
    while True:
        m = random.randrange(2, 64)
        n = random.randrange(50, 433)
        p = random.randrange(4)
        vco = hz // m * n
        if MHZ <= hz // m <= 2 * MHZ and 100 * MHZ <= vco <= 432 * MHZ:
            sysclk = vco // (2 * p + 2)
            if sysclk <= limit:
                q = random.randrange(2, 16)
                return sysclk, m | n << 6 | p << 16 | from_hse << 22 | q << 24


def _apb(random: Random, hclk: int, limit: int) -> int:
    """PPRE1 or PPRE2: slow enough."""
    shift = next(n for n in range(5) if hclk >> n <= limit)
    shift = random.randrange(shift, 5)
    return shift + 3 if shift else 0


# --- how an application sets it up (RM0090 3.5.1, 5.1.4) ---------------------------------------


def start(app: Application, tree: Tree) -> None:
    """The application runs on it from now on."""
    app.set_bits("RCC.APB1ENR", PWREN)
    _scale(app, tree)
    app.poke("FLASH.ACR", tree.acr)
    if tree.uses_hse:
        app.set_bits("RCC.CR", HSEON)
        app.wait(HSE_READY_NS)
    if tree.uses_pll:
        app.poke("RCC.PLLCFGR", tree.pllcfgr)
        app.set_bits("RCC.CR", PLLON)
        app.wait(PLL_READY_NS)
    if tree.overdrive:
        app.set_bits("PWR.CR", ODEN)
        app.wait(OVERDRIVE_NS)
        app.set_bits("PWR.CR", ODSWEN)
        app.wait(OVERDRIVE_NS)
    switch = 2 if tree.uses_pll else 1 if tree.uses_hse else 0
    app.poke("RCC.CFGR", tree.cfgr)
    app.poke("RCC.CFGR", tree.cfgr | switch)
    app.wait(SWITCH_NS)


def _scale(app: Application, tree: Tree) -> None:
    """The lowest voltage scale that will do; it takes effect with the PLL."""
    if not app.mask("PWR.CR") & VOS_UPPER:
        scale = int(tree.sysclk > SCALE_1_OF_F405)
    elif tree.overdrive:
        scale = 3
    else:
        limits = SCALES.get(app.soc.chip.name, SCALES_OF_MOST)
        scale = next(n for n, mhz in enumerate(limits, start=1) if tree.sysclk <= mhz * MHZ)
    app.poke("PWR.CR", scale << 14)


# --- what is not needed for SYSCLK -------------------------------------------------------------


def _draw_spare(random: Random, tree: Tree, die: Chip) -> Iterator[Trouble]:
    """Oscillators that nobody needs, started long ago or just now; HSI switched off."""
    spare = [("PLLI2S", PLLI2SON)]
    if any(register.name == "PLLSAICFGR" for register in die.peripheral("RCC").registers):
        spare.append(("PLLSAI", PLLSAION))
    if not tree.uses_hse:
        spare.append(("HSE", HSEON))
    if not tree.uses_pll:
        spare.append(("PLL", PLLON))
    for name, bit in spare:
        if random.random() < 0.3:
            ns = random.choice((0, 0, random.randrange(HSE_READY_NS)))
            setup = random.getrandbits(32)
            yield Trouble(
                f"{name} on since {ns} ns",
                lambda app, name=name, bit=bit, ns=ns, setup=setup: _spare(
                    app, name, bit, ns, setup
                ),
            )
    if tree.source in ("HSE", "PLL from HSE"):
        if random.random() < 0.4:
            yield Trouble("HSI off", lambda app: app.clear_bits("RCC.CR", HSION))
        if random.random() < 0.4:
            yield Trouble("clock security on", lambda app: app.set_bits("RCC.CR", CSSON))
    elif random.random() < 0.2:
        yield Trouble("SYSCLK asked to go to HSE, which starts", _ask_for_hse)
    if random.random() < 0.3:
        trim = random.randrange(32)
        yield Trouble(
            f"HSITRIM {trim}",
            lambda app: app.poke("RCC.CR", app.peek("RCC.CR") & ~0xF8 | trim << 3),
        )


def _spare(app: Application, name: str, bit: int, ns: int, setup: int) -> None:
    register = {"PLLI2S": "RCC.PLLI2SCFGR", "PLLSAI": "RCC.PLLSAICFGR"}.get(name)
    if register:
        app.poke(register, setup)
    if name == "HSE" and setup & 1:
        app.set_bits("RCC.CR", 1 << 18)  # HSEBYP: only before HSEON
    app.set_bits("RCC.CR", bit)
    app.wait(ns)


def _ask_for_hse(app: Application) -> None:
    """RM0090 6.2.6: the switch happens when the source is ready."""
    if not app.peek("RCC.CR") & HSEON << 1:
        app.set_bits("RCC.CR", HSEON)
        app.poke("RCC.CFGR", app.peek("RCC.CFGR") & ~3 | 1)


def _draw_rest(random: Random, die: Chip) -> Iterator[Trouble]:
    """Low-speed oscillators, the backup domain, ready interrupts, and more of RCC."""
    if random.random() < 0.5:
        bits = LSION | random.getrandbits(1) << 24  # RMVF
        yield Trouble("LSI on", lambda app: app.poke("RCC.CSR", bits))
    if random.random() < 0.5:
        bdcr = random.choice((LSEON, random.getrandbits(16) & 0x8300 | LSEON))
        yield Trouble(f"backup domain open, BDCR {bdcr:04X}", lambda app: open_backup(app, bdcr))
    if random.random() < 0.5:
        cir = random.getrandbits(7) << 8
        yield Trouble(f"ready interrupts, CIR {cir:04X}", lambda app: app.poke("RCC.CIR", cir))
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
    names = ["SSCGR", "DCKCFGR", "CKGATENR", "DCKCFGR2"]
    return [n for n in (*names, *(n for n in there if n.endswith("LPENR"))) if n in there]


def open_backup(app: Application, bdcr: int) -> None:
    app.set_bits("PWR.CR", DBP)
    app.poke("RCC.BDCR", bdcr)
