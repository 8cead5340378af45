"""What G0 and G4 do otherwise: option bytes choose what a reset starts, flash has double words and
protected areas, RCC does not reset all of PWR, EXTI has a flag for each edge."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, SWITCH_NS, Bench

G0B1, G474, WL55 = "STM32G0B1xx", "STM32G474xx", "STM32WL55xx"
FLASH, BANK_2, KIB = 0x08000000, 0x08040000, 1024
KEYS = (0x45670123, 0xCDEF89AB)
PG, PER, STRT, LOCK = 1, 2, 1 << 16, 1 << 31
PROGERR, WRPERR, PGAERR = 1 << 3, 1 << 4, 1 << 5
BSY1, BSY2, PROGEMPTY, ICEN, ICRST = 1 << 16, 1 << 17, 1 << 16, 1 << 9, 1 << 11
CFGBSY = 1 << 18
G0_OPTIONS, G4_OPTIONS, WL_OPTIONS = 0xFFFFFEAA, 0xFFEFF8AA, 0x3FFFF0AA  # as delivered
NBOOT_SEL, NBOOT0_G0, NSWBOOT0, NBOOT0_G4, BFB2 = 1 << 24, 1 << 26, 1 << 26, 1 << 27, 1 << 20
BOOT_LOCK, BOOT_LOCK_WL = 1 << 16, 1 << 30
LOCKS = {G0B1: "SECR", G474: "SEC1R", WL55: "OPTR"}


def loaded(chip: str) -> Bench:
    """With an application in bank 1."""
    b = Bench(chip)
    b.soc.flash.array.write(0, (0x20002000).to_bytes(4, "little"))
    b.soc.power_on()
    return b


def unlocked(chip: str) -> Bench:
    b = loaded(chip)
    for key in KEYS:
        b.write("FLASH.KEYR", key)
    return b


def store(b: Bench, address: int, value: int) -> None:
    on_write = b.cpu.on_write[FLASH]
    assert on_write
    on_write(address, 4, value)
    b.cpu.finish_instruction()


@pytest.mark.parametrize(
    ("chip", "options", "lock", "boot0", "starts"),
    [
        (G0B1, G0_OPTIONS, 0, False, "FLASH"),
        (G0B1, G0_OPTIONS, 0, True, "FLASH"),  # as delivered the pin is ignored
        (G0B1, G0_OPTIONS & ~NBOOT_SEL, 0, True, "SYSTEM"),
        (G0B1, G0_OPTIONS & ~NBOOT_SEL, BOOT_LOCK, True, "FLASH"),
        (G0B1, G0_OPTIONS & ~NBOOT0_G0, 0, False, "SYSTEM"),
        (G474, G4_OPTIONS, 0, False, "FLASH"),
        (G474, G4_OPTIONS, 0, True, "SYSTEM"),
        (G474, G4_OPTIONS & ~NSWBOOT0, 0, True, "FLASH"),
        (G474, G4_OPTIONS & ~(NSWBOOT0 | NBOOT0_G4), 0, False, "SYSTEM"),
        (G474, G4_OPTIONS, BOOT_LOCK, True, "FLASH"),
        (G474, G4_OPTIONS | BFB2, 0, False, "FLASH"),  # bank 2 is empty
        (WL55, WL_OPTIONS, 0, False, "FLASH"),
        (WL55, WL_OPTIONS, 0, True, "SYSTEM"),
        (WL55, WL_OPTIONS & ~(NSWBOOT0 | NBOOT0_G4), 0, False, "SYSTEM"),
        (WL55, WL_OPTIONS, BOOT_LOCK_WL, True, "FLASH"),
    ],
)
def test_what_a_reset_starts(chip: str, options: int, lock: int, boot0: bool, starts: str) -> None:
    """AN2606 table 2, patterns 11, 13 and 14."""
    b = loaded(chip)
    b.soc.flash.store_options("OPTR", 0xFFFFFFFF, options)
    b.soc.flash.store_options(LOCKS[chip], lock, lock)
    b.soc.boot0 = boot0
    b.soc.reset("PIN")
    assert b.soc.booted == b.soc.syscfg.shown_at_zero == starts


def test_an_empty_g0_starts_its_rom_until_power_on() -> None:
    b = Bench(G0B1)
    assert b.soc.booted == "SYSTEM" and b.read("FLASH.ACR") & PROGEMPTY
    b.soc.flash.array.write(0, (0x20002000).to_bytes(4, "little"))
    b.soc.reset("PIN")
    assert b.soc.booted == "SYSTEM"
    b.soc.power_on()
    assert b.soc.booted == "FLASH" and not b.read("FLASH.ACR") & PROGEMPTY


def test_with_bfb2_a_g4_whose_banks_are_empty_starts_its_rom() -> None:
    b = Bench(G474)
    b.soc.flash.store_options("OPTR", 0xFFFFFFFF, G4_OPTIONS | BFB2)
    b.soc.power_on()
    assert b.soc.booted == "SYSTEM"


@pytest.mark.parametrize(("chip", "bker", "busy"), [(G0B1, 13, BSY2), (G474, 11, BSY1)])
@pytest.mark.parametrize("page", [48, 176])  # counted from bank 2, and from bank 1
def test_a_page_of_bank_2_is_erased(chip: str, bker: int, busy: int, page: int) -> None:
    b = unlocked(chip)
    b.soc.flash.array.write(BANK_2 - FLASH + 48 * 2 * KIB, bytes(8))
    b.write("FLASH.CR", PER | page << 3 | 1 << bker | STRT)
    assert b.read("FLASH.SR") == busy
    b.pass_ns(30 * MS)
    assert b.read("FLASH.SR") == 0
    assert b.soc.flash.array.load(BANK_2 - FLASH + 48 * 2 * KIB, 4) == 0xFFFFFFFF


@pytest.mark.parametrize("chip", [G0B1, G474])
def test_a_double_word_is_programmed_once(chip: str) -> None:
    b = unlocked(chip)
    b.write("FLASH.CR", PG)
    for _ in range(2):
        store(b, FLASH + 0x800, 0x11223344)
        store(b, FLASH + 0x804, 0x55667788)
    assert b.soc.flash.array.load(0x800, 4) == 0x11223344
    assert b.soc.flash.array.load(0x804, 4) == 0x55667788
    assert b.read("FLASH.SR") == PROGERR
    b.write("FLASH.SR", PROGERR)
    store(b, FLASH + 0x80C, 0)
    assert b.read("FLASH.SR") == PGAERR


@pytest.mark.parametrize("chip", [G0B1, WL55])
def test_a_word_alone_sets_cfgbsy_until_the_other_comes_or_a_reset(chip: str) -> None:
    """Also while the flash is locked."""
    b = loaded(chip)
    for address, half in ((FLASH + 0x800, CFGBSY), (FLASH + 0x804, 0), (FLASH, CFGBSY)):
        store(b, address, 0)
        assert b.read("FLASH.SR") & CFGBSY == half
    b.soc.reset("SFT")
    assert not b.read("FLASH.SR")


@pytest.mark.parametrize(("hpre", "wrong"), [(0, 1), (8 << 4, 0)])
def test_a_g4_leaves_more_than_80_mhz_in_two_steps(hpre: int, wrong: int) -> None:
    """HAL_RCC_ClockConfig: overshoot management."""
    b = Bench(G474)
    b.enable("PWR")
    b.write("PWR.CR5", 0)  # boost
    b.write("RCC.PLLCFGR", 2 | 3 << 4 | 85 << 8 | 1 << 24)  # HSI / 4 * 85 / 2
    b.set("RCC.CR", 1 << 24)
    b.pass_ns(MS)
    for cfgr in (3, 3 | hpre, 1 | hpre):
        b.write("RCC.CFGR", cfgr)
        b.pass_ns(SWITCH_NS)
    assert b.clock.hclk == 16_000_000 >> bool(hpre)
    assert len(b.soc.violations) == wrong


@pytest.mark.parametrize("chip", [G0B1, G474])
def test_two_areas_of_each_bank_are_write_protected(chip: str) -> None:
    b = unlocked(chip)
    pages = len(b.soc.flash.sectors)
    writable = (1 << pages) - 1 & ~(0b11 << 4 | 1 << 9 | 1 << pages // 2)
    b.soc.flash.nwrp = writable
    assert b.soc.flash.nwrp == writable
    b.soc.reset("OBL")
    assert b.read("FLASH.WRP1AR") & 0x7F007F == 5 << 16 | 4
    assert b.read("FLASH.WRP2AR") & 0x7F007F == 0
    for key in KEYS:
        b.write("FLASH.KEYR", key)
    b.write("FLASH.CR", PER | 4 << 3 | STRT)
    assert b.read("FLASH.SR") == WRPERR


def test_the_cache_is_emptied_while_it_is_off() -> None:
    b = loaded(G0B1)
    assert b.soc.flash.leftover()
    b.write("FLASH.ACR", b.read("FLASH.ACR") | ICRST)
    assert b.soc.flash.leftover()
    b.clear("FLASH.ACR", ICEN)
    b.set("FLASH.ACR", ICRST)
    assert not b.soc.flash.leftover()


@pytest.mark.parametrize("chip", [G0B1, G474])
def test_rcc_resets_a_part_of_pwr(chip: str) -> None:
    b = loaded(chip)
    b.enable("PWR")
    b.write("PWR.CR2", 1)
    b.write("PWR.PUCRB", 0x55)
    b.pulse_reset("PWR")
    assert (b.read("PWR.CR2"), b.read("PWR.PUCRB")) == (0, 0x55)
    b.soc.reset("PIN")
    b.enable("PWR")
    assert b.read("PWR.PUCRB") == 0


def test_a_g0_has_a_pending_bit_for_each_edge() -> None:
    b = loaded(G0B1)
    b.enable("GPIOB")
    b.write("EXTI.EXTICR1", 1 << 16)  # line 2: port B
    b.write("EXTI.FTSR1", 1 << 2)
    b.set("EXTI.IMR1", 1 << 2)
    port, pin = b.soc.gpio("PB2")
    b.write("GPIOB.MODER", 0)
    port.drive(pin, True)
    assert b.read("EXTI.RPR1") == b.read("EXTI.FPR1") == 0
    port.drive(pin, False)
    assert (b.read("EXTI.RPR1"), b.read("EXTI.FPR1")) == (0, 1 << 2)
    assert 6 in b.cpu.irqs
    b.write("EXTI.FPR1", 1 << 2)
    assert 6 not in b.cpu.irqs
