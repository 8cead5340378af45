"""Clock trees of the H7 (RM0433 6.6, 8.5, 8.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ...bench.blocks.clocktree import AHB_SHIFTS
from ...bench.chip import Chip
from ..application import Application
from ..trouble import Trouble

MHZ = 1_000_000
HSION, CSION, HSI48ON, HSEON = 1 << 0, 1 << 7, 1 << 12, 1 << 16  # RCC.CR
HSEBYP, PLL1ON, PLL2ON, PLL3ON = 1 << 18, 1 << 24, 1 << 26, 1 << 28
LSION, LSEON, DBP = 1 << 0, 1 << 0, 1 << 8  # RCC.CSR, RCC.BDCR, PWR.CR1
SW = {"HSI": 0, "CSI": 1, "HSE": 2, "PLL1": 3}  # RCC.CFGR
PLLSRC = {"HSI": 0, "CSI": 1, "HSE": 2}  # RCC.PLLCKSELR
CSI_HZ = 4 * MHZ
VOS1, VOS_SHIFT = 3, 14  # PWR.D3CR
SYSCLK_MAX, AXI_MAX = 400 * MHZ, 200 * MHZ  # VOS1 (DS12110, operating conditions)
SLOWEST_WAITS = 4 | 2 << 4  # FLASH.ACR at VOS1 up to AXI_MAX (RM0433 table 17)
READY_NS = {"HSI": 10_000, "CSI": 10_000, "HSE": 2_100_000, "PLL1": 100_000}
SWITCH_NS = 100_000


@dataclass(frozen=True)
class Tree:
    """sysclk in Hz, and the values of the registers that make it."""

    source: str
    sysclk: int
    pllckselr: int
    pll1divr: int
    d1cfgr: int
    others: int

    def __str__(self) -> str:
        words = f"{self.source}, SYSCLK {self.sysclk / MHZ:.6g} MHz, D1CFGR {self.d1cfgr:03X}"
        return words + (f", PLL1DIVR {self.pll1divr:08X}" if "PLL1" in self.source else "")


def draw(random: Random, die: Chip, hse_hz: int) -> Iterator[Trouble]:
    """The clock tree and what hangs on it."""
    sources = ("HSI", "CSI", "HSE", "PLL1 from HSI", "PLL1 from CSI", "PLL1 from HSE")
    tree = draw_tree(random, die, hse_hz, random.choice(sources))
    yield Trouble(f"clock: {tree}", lambda app: start(app, tree))
    yield from _draw_spare(random, tree)
    yield from _draw_rest(random, die)


def draw_tree(random: Random, die: Chip, hse_hz: int, source: str) -> Tree:
    """One that starts from this source."""
    hz = {"HSI": die.clocks["hsi_hz"], "CSI": CSI_HZ, "HSE": hse_hz}
    feeds = source.split()[-1]
    sysclk, m, divr = hz[feeds], random.randrange(64), random.getrandbits(31)
    if source.startswith("PLL1"):
        sysclk, m, divr = _draw_pll(random, hz[feeds])
    least = 0 if sysclk <= AXI_MAX else 8
    hpre = random.choice((least, random.randrange(8, 16)))
    while sysclk >> (AHB_SHIFTS[hpre - 8] if hpre else 0) < MHZ // 10:
        hpre = least
    d1cfgr = hpre | random.randrange(4, 8) << 4
    return Tree(source, sysclk, PLLSRC[feeds] | m << 4, divr, d1cfgr, random.getrandbits(32))


def _draw_pll(random: Random, hz: int) -> tuple[int, int, int]:
    """SYSCLK, DIVM1, PLL1DIVR: 2 MHz in, 192 to 836 MHz between (RM0433 8.5.5)."""
    m = hz // (2 * MHZ)
    while True:
        n, p = random.randrange(96, 419), random.choice((2, 4, 8, 16))
        if 2 * MHZ * n // p <= SYSCLK_MAX:
            return 2 * MHZ * n // p, m, n - 1 | p - 1 << 9 | 3 << 16 | 3 << 24


def start(app: Application, tree: Tree) -> None:
    """The application runs on it from now on."""
    name, feeds = tree.source.split()[0], tree.source.split()[-1]
    app.poke("PWR.D3CR", VOS1 << VOS_SHIFT)
    app.poke("FLASH.ACR", SLOWEST_WAITS)
    app.set_bits("RCC.CR", {"HSI": HSION, "CSI": CSION, "HSE": HSEON}[feeds])
    app.wait(READY_NS[feeds])
    app.poke("RCC.PLLCKSELR", tree.pllckselr)
    app.poke("RCC.PLL1DIVR", tree.pll1divr)
    if name == "PLL1":
        app.set_bits("RCC.CR", PLL1ON)
        app.wait(READY_NS["PLL1"])
    app.poke("RCC.D1CFGR", tree.d1cfgr)
    app.poke("RCC.D2CFGR", tree.others & 0x330 | 0x440)
    app.poke("RCC.D3CFGR", tree.others & 0x30 | 0x40)
    app.poke("RCC.CFGR", tree.others & 0xFFFC_3F80 | SW[name])
    app.wait(SWITCH_NS)


def _draw_spare(random: Random, tree: Tree) -> Iterator[Trouble]:
    """Oscillators that nobody needs; HSI switched off."""
    spare = {"CSI": CSION, "HSI48": HSI48ON, "HSE": HSEON, "PLL2": PLL2ON, "PLL3": PLL3ON}
    for name, bit in spare.items():
        if name not in tree.source and random.random() < 0.3:
            ns = random.choice((0, 0, random.randrange(READY_NS["HSE"])))
            if name == "HSE" and random.random() < 0.5:
                yield Trouble("HSE bypassed", lambda app: app.set_bits("RCC.CR", HSEBYP))
            yield Trouble(f"{name} on since {ns} ns", lambda app, b=bit, ns=ns: _on(app, b, ns))
    if "HSI" not in tree.source and random.random() < 0.5:
        yield Trouble("HSI off", lambda app: app.clear_bits("RCC.CR", HSION))


def _on(app: Application, bit: int, ns: int) -> None:
    app.set_bits("RCC.CR", bit)
    app.wait(ns)


def _draw_rest(random: Random, die: Chip) -> Iterator[Trouble]:
    """Low-speed oscillators, the backup domain, and more of RCC."""
    if random.random() < 0.5:
        yield Trouble("LSI on", lambda app: app.set_bits("RCC.CSR", LSION))
    if random.random() < 0.5:
        bits = random.choice((LSEON, random.getrandbits(16) & 0x8300 | LSEON))
        yield Trouble(f"backup domain open, BDCR {bits:04X}", lambda app: open_backup(app, bits))
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
    names = ["CIER", "D1CCIPR", "D2CCIP1R", "D2CCIP2R", "D3CCIPR", "D3AMR", "HSICFGR", "CSICFGR"]
    names += ["PLL2DIVR", "PLL3DIVR", "PLL1FRACR", "PLL2FRACR", "PLL3FRACR"]
    return [n for n in (*names, *(n for n in there if n.endswith("LPENR"))) if n in there]


def open_backup(app: Application, bits: int) -> None:
    """Let the backup domain be written, and write it."""
    app.set_bits("PWR.CR1", DBP)
    app.poke("RCC.BDCR", bits)
