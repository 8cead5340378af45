"""The library's script of each family, step by step on a chip that was written all over: the audit
finds nothing. Table and bench come from different sources, so this holds one against the other.

The steps are carried out here, not by the helper: that is tried on whole boards.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from unicorn.arm_const import UC_ARM_REG_PRIMASK as PRIMASK

from host_tests.bench.test_arrival import Machine
from tools import tables
from tools.bench import chip
from tools.bench.arrival import audit_peripherals, audit_system_registers
from tools.bench.chip import Peripheral
from tools.tables.family import Family
from tools.tables.language import Kind, Step

CHIPS = {chip.load(name).dev_id: name for name in reversed(chip.names())}
"""One for each DEV_ID."""
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))]
FAMILIES = {die.dev_id: family for family, die in tables.dies()}
LOOP = b"\xfe\xe7"  # b .
TRIES = 300

# What software cannot undo without a reset, so that the library refuses (watchdogs) or that has to
# be kept (keys, locks, option bytes, the backup domain)
UNTOUCHED = {"IWDG", "IWDG1", "WWDG", "WWDG1", "RTC", "FLASH", "RCC", "PWR"}
# The flash interface after an erase with interrupts: unlocked, set up, locked. (register, value)
KEYS = (0x45670123, 0xCDEF89AB)
PECR_KEYS = [
    *(("PEKEYR", key) for key in (0x89ABCDEF, 0x02030405)),
    *(("PRGKEYR", key) for key in (0x8C9DAEBF, 0x13141516)),
    *(("PECR", 0x30208), ("PECR", 0x30209)),
]
TWO_BANKS = [
    *((f"KEYR{bank}", key) for bank in (1, 2) for key in KEYS),
    *((f"CR{bank}", value) for bank in (1, 2) for value in (0x008F0000, 0x008F0001)),
    *(("OPTKEYR", key) for key in (0x08192A3B, 0x4C5D6E7F)),
    *(("OPTCR", 1 << 30), ("ACR", 0x24)),
]
FLASH_WRITES = {
    "f0": [*(("KEYR", key) for key in KEYS), ("CR", 0x1402), ("CR", 0x1482), ("ACR", 0x11)],
    "f4": [*(("KEYR", key) for key in KEYS), ("CR", 0x03000300), ("CR", 0x83000300)],
    "f7": [*(("KEYR", key) for key in KEYS), ("CR", 0x03000300), ("CR", 0x83000300)],
    "g0": [*(("KEYR", key) for key in KEYS), ("CR", 0x07000001), ("CR", 0x87000001)],
    "g4": [*(("KEYR", key) for key in KEYS), ("CR", 0x07000001), ("CR", 0x87000001)],
    "l0": [*PECR_KEYS, ("ACR", 0x7B)],
    "l4": [*(("KEYR", key) for key in KEYS), ("CR", 0x07000001), ("CR", 0x87000001)],
    "wb": [*(("KEYR", key) for key in KEYS), ("CR", 0x07000001), ("CR", 0x87000001)],
    "wl": [*(("KEYR", key) for key in KEYS), ("CR", 0x07000001), ("CR", 0x87000001)],
    "u5": [*(("NSKEYR", key) for key in KEYS), ("NSCR", 0x03000001), ("NSCR", 0x83000001)],
    "l1": [*PECR_KEYS, ("ACR", 0x04), ("ACR", 0x0F)],
    "h5": [
        *(("NSKEYR", key) for key in KEYS),
        *(("NSCR", 0x00FF0004), ("NSCR", 0x00FF0005), ("ECCCORR", 1 << 25)),
        *(("OPTKEYR", key) for key in (0x08192A3B, 0x4C5D6E7F)),
        *(("PRIVBB1R1", 0xFFFFFFFF), ("PRIVBB2R4", 0xFFFFFFFF), ("ACR", 0x124)),
    ],
    "h7": TWO_BANKS,
    "h7a": TWO_BANKS,
}
# RCC registers that hold settings and take any value while the chip runs on its first oscillator
SETTINGS = {
    "f0": {"CIR": 0x7F00, "CFGR3": 0x000F0053, "CFGR": 0x7F3F8000, "CFGR2": 0xF},
    "f4": {"CIR": 0x7F00, "SSCGR": 0xCFFFFFFF, "DCKCFGR": 0x01F31F1F, "PLLI2SCFGR": 0x7F007FC0},
    "f7": {
        **{"CIR": 0x7F00, "SSCGR": 0xCFFFFFFF, "DCKCFGR1": 0x07F31F1F, "DCKCFGR2": 0x7FFFFFFF},
        **dict.fromkeys(("PLLI2SCFGR", "PLLSAICFGR"), 0x7F037FC0),
    },
    "g0": {
        **{"ICSCR": 0x7F00, "CCIPR": 0xFFFFFFFF, "CCIPR2": 0xFFFFFFFF, "CIER": 0x3F},
        **{"CFGR": 0xFFFF0000, "PLLCFGR": 0xFF3F7F70},
    },
    "g4": {
        **{"ICSCR": 0x7F000000, "CCIPR": 0xFFFFFFFF, "CCIPR2": 0xFFFFFFFF, "CIER": 0x63B},
        **{"CFGR": 0x7F000000, "PLLCFGR": 0xFF737FF0, "CRRCR": 1},
    },
    "l1": {"ICSCR": 0xBF00, "CIR": 0x7F00, "CFGR": 0x77FD0000},
    "l0": {"ICSCR": 0xBF00, "CCIPR": 0xFFFFFFFF, "CIER": 0xFF, "CFGR": 0x7FFD0000},
    "l4": {
        **{"ICSCR": 0x1F00FF00, "CCIPR": 0xFFFFFFFF, "CIER": 0x2FF, "CFGR": 0x77008000},
        **dict.fromkeys(("PLLCFGR", "PLLSAI1CFGR", "PLLSAI2CFGR"), 0x07737F73),
    },
    "wb": {
        **{"ICSCR": 0x7F00FF00, "CCIPR": 0xFCFF3C03, "CIER": 0xE7F, "CFGR": 0x77008000},
        **{"SMPSCR": 0x32, "EXTCFGR": 0xF0, "CSR": 0xCF00},
        **dict.fromkeys(("PLLCFGR", "PLLSAI1CFGR"), 0xEF3F7F73),
    },
    "wl": {
        **{"ICSCR": 0x7F00FF00, "CCIPR": 0xF0FFFF0F, "CIER": 0x23F, "CFGR": 0x77008000},
        **{"EXTCFGR": 0xFF, "CSR": 0x8010, "PLLCFGR": 0xEF3F7F73},
    },
    "h5": {
        **{f"PLL{n}{name}": 0xFFFFFFFF for n in (1, 2, 3) for name in ("CFGR", "DIVR", "FRACR")},
        **{f"CCIPR{n}": 0xFFFFFFFF for n in range(1, 6)},
        **{"CIER": 0x1FF, "CSICFGR": 0xFFFFFFFF, "HSICFGR": 0xFFFFFFFF, "PRIVCFGR": 2},
        **{"CFGR1": 0xFFFCBFC0, "CFGR2": 0x7770},
    },
    "u5": {
        **{"ICSCR1": 0xFF400000, "ICSCR2": 0xFFFFF, "ICSCR3": 0x1F0000, "CIER": 0x19FF},
        **{"CFGR1": 0x7F000030, "PLL1CFGR": 0x7F00, "PLL2CFGR": 0x70F10, "PLL3CFGR": 0x70F10},
        **dict.fromkeys(("CCIPR1", "CCIPR2", "CCIPR3", "SRDAMR", "PRIVCFGR"), 0xFFFFFFFF),
        **dict.fromkeys(("PLL1DIVR", "PLL2DIVR", "PLL3DIVR", "PLL1FRACR"), 0xFFFFFFFF),
    },
    "h7": {
        **dict.fromkeys(("PLLCKSELR", "PLLCFGR", "PLL1DIVR", "PLL2DIVR", "PLL3DIVR"), 0xFFFFFFFF),
        **dict.fromkeys(("D1CCIPR", "D2CCIP1R", "D2CCIP2R", "D3CCIPR", "D3AMR"), 0xFFFFFFFF),
        **{"CIER": 0x3FF, "CSICFGR": 0xFFFFFFFF, "PLL1FRACR": 0xFFFF, "HSICFGR": 0x3F000000},
    },
    "h7a": {
        **dict.fromkeys(("PLLCKSELR", "PLLCFGR", "PLL1DIVR", "PLL2DIVR", "PLL3DIVR"), 0xFFFFFFFF),
        **dict.fromkeys(("CDCCIPR", "CDCCIP1R", "CDCCIP2R", "SRDCCIPR", "SRDAMR"), 0xFFFFFFFF),
        **{"CIER": 0x3FF, "CSICFGR": 0xFFFFFFFF, "PLL1FRACR": 0xFFFF, "HSICFGR": 0x3F000000},
    },
}
# RCC_CR: every oscillator and PLL
ON = {
    **{
        "f4": 0x15010000,
        "f7": 0x15010000,
        "g0": 0x01410000,
        "g4": 0x01010000,
        "h7": 0x15011080,
        "h7a": 0x15011080,
    },
    "h5": 0x15011100,
    "f0": 0x01010000,
    **{"l0": 0x01010001, "l1": 0x01010001, "l4": 0x15010100, "wb": 0x05010100},
    "wl": 0x01210100,
    "u5": 0x15015100,
}
for rows in FLASH_WRITES, SETTINGS, ON:
    rows["f72"] = rows["f7"]  # type: ignore[index]


class Application(Machine):
    """Code in RAM that does nothing, while the test does its bus accesses."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.soc.rcc.hse_hz = 8_000_000
        self.soc.boot0 = False
        self.soc.flash.array.write(0, bytes(8))
        self.soc.power_on()
        ram = self.soc.chip.region("SRAM").base
        self.soc.map.write(ram, LOOP)
        self.core.engine.set_mode(xpsr=1 << 24, control=0, msp=ram + 0x1000, psp=0)
        self.core.engine.branch(ram | 1)
        self.core.bus.store(0xE000ED08, 4, ram)

    def store(self, address: int, value: int) -> None:
        self.core.bus.store(address, 4, value & 0xFFFFFFFF)
        self.core.run(cycles=1)

    def load(self, address: int) -> int:
        value = self.core.bus.load(address)
        self.core.run(cycles=1)
        return value

    def poke(self, block: str, register: str, value: int) -> None:
        self.store(self.soc.chip.register_address(block, register), value)

    def write_all_over(self, random: random.Random) -> None:
        chip = self.soc.chip
        rcc = chip.peripheral("RCC").by_name
        for name in rcc:
            if name.rstrip("12").endswith("ENR"):
                self.poke("RCC", name, 0xFFFFFFFF & ~rcc[name].set_only)
        for name, mask in SETTINGS[chip.family].items():
            if name not in rcc:  # a G071 has no CCIPR2
                continue
            self.poke("RCC", name, random.getrandbits(32) & mask | rcc[name].reset & ~mask)
        for block in chip.peripherals:
            if block.name not in UNTOUCHED | set(chip.kept):
                for offset in self.places(block):
                    self.store(block.base + offset, random.getrandbits(32))
        for name, value in FLASH_WRITES[chip.family]:
            if self.soc.flash.has(name):  # an H723 has one bank
                self.poke("FLASH", name, value)
        self.poke("RCC", "CR", ON[chip.family] | self.load(self.soc.rcc.base))
        self.core.run(cycles=random.randrange(100_000))
        for irq in range(0, chip.irq_count, 4):
            self.store(0xE000E100 + irq // 32 * 4, 0xF << irq % 32)
            self.store(0xE000E400 + irq, 0x40404040)
        assert len(list(audit_peripherals(self.soc))) > 60

    def places(self, block: Peripheral) -> Iterable[int]:
        """Offsets of its registers. Where no bit of RCC resets it, those that the table names:
        nothing else of DMAMUX, and nothing of RAMECC, GPV and FIREWALL."""
        if block.whole:
            return block.by_offset
        if block.reset:
            return range(0, min(block.size, 0x60), 4)
        named = [each for each in FAMILIES[self.soc.chip.dev_id].blocks if each.name == block.name]
        return [register.address - block.base for each in named for register in each]


def carry_out(step: Step, app: Application) -> None:
    """As lib/romboot/chip.py says."""
    addresses = [register.address for register in step.registers]
    match step.kind:
        case Kind.WRITE | Kind.FILL:
            for address in addresses:
                app.store(address, step.values[0])
        case Kind.ROW:
            for address, value in zip(addresses, step.values, strict=True):
                app.store(address, value)
                if step.pulsed:
                    app.store(address, 0)
        case Kind.CHANGE:
            clear, bits = step.values
            app.store(addresses[0], app.load(addresses[0]) & ~clear | bits)
        case Kind.WAIT:
            mask, expected, _ = step.values
            wait(lambda: app.load(addresses[0]) & mask == expected, app, str(step))


def wait(done: Callable[[], bool], app: Application, what: str) -> None:
    for _ in range(TRIES):
        if done():
            return
        app.core.run(cycles=1000)
    raise AssertionError(f"{what}: never")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", sorted(CHIPS.values()))
def test_the_script_leaves_a_chip_as_a_reset_does(name: str, seed: int) -> None:
    app = Application(name)
    family: Family = FAMILIES[app.soc.chip.dev_id]
    app.core.engine.uc.reg_write(PRIMASK, 1)
    app.write_all_over(random.Random(f"{name} {seed}"))
    for step in family.script(family.die(app.soc.chip.dev_id)):
        carry_out(step, app)
    vtor = 0 if app.soc.chip.remap else app.soc.chip.rom["vector_table"]
    found = [*audit_peripherals(app.soc), *audit_system_registers(app.core, vtor)]
    assert not found, "\n".join(map(str, found))


def test_hsi16_that_a_ucpd_keeps_on_does_not_hold_up_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HSIRDY of a U5 falls at the reset of the UCPD; a wait before that would end in a reset."""
    app = Application("STM32U585xx")
    oscillators = app.soc.rcc.oscillators
    app.poke("RCC", "CR", ON["u5"] | app.load(app.soc.rcc.base))
    app.core.run(cycles=100_000)
    stop = oscillators._stop
    monkeypatch.setattr(oscillators, "_stop", lambda name: None if name == "HSI" else stop(name))
    app.soc.rcc.connect("APB1RSTR2", 1 << 23, lambda _: stop("HSI"))  # UCPD1RST
    family = FAMILIES[app.soc.chip.dev_id]
    for step in family.script(family.die(app.soc.chip.dev_id)):
        carry_out(step, app)
    assert not oscillators.is_ready("HSI")
