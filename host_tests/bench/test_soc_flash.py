"""FLASH: keys, programming, erasing, option bytes (RM0090 3)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, Bench
from tools.bench.cpu.memory import BusError

BASE = 0x08000000
ICEN, DCEN, ICRST, DCRST = (1 << bit for bit in (9, 10, 11, 12))  # ACR
KEY1, KEY2, OPTKEY1, OPTKEY2 = 0x45670123, 0xCDEF89AB, 0x08192A3B, 0x4C5D6E7F
PG, SER, X32, STRT, LOCK = 1, 2, 2 << 8, 1 << 16, 1 << 31
BSY, WRPERR, PGAERR, PGPERR, PGSERR = 1 << 16, 1 << 4, 1 << 5, 1 << 6, 1 << 7


def unlocked(chip: str = "STM32F429xx") -> Bench:
    b = Bench(chip)
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    return b


def store(b: Bench, address: int, value: int, size: int = 4) -> None:
    """A store of the program into flash."""
    program = b.cpu.on_write[BASE]
    assert program
    program(address, size, value)
    b.cpu.finish_instruction()


def word(b: Bench, address: int) -> int:
    return b.soc.read_memory(address, 4)


def test_a_key_for_an_open_lock_shuts_it_until_a_reset() -> None:
    """No manual says what it does, so no program may write one."""
    b = Bench()
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    with pytest.raises(BusError):
        b.write("FLASH.KEYR", KEY1)


def test_caches_keep_what_was_read_until_they_are_reset() -> None:
    b = Bench()
    flash = b.soc.flash
    assert not flash.leftover()
    b.write("FLASH.ACR", ICEN | DCEN)
    b.write("FLASH.ACR", ICRST | DCRST | ICEN | DCEN)  # not while they are on
    b.write("FLASH.ACR", 0)
    assert flash.leftover()
    b.write("FLASH.ACR", ICRST)
    assert flash.leftover()
    b.write("FLASH.ACR", DCRST)
    b.write("FLASH.ACR", 0)
    assert not flash.leftover()


def test_cr_is_locked_until_both_keys_came() -> None:
    b = Bench()
    b.write("FLASH.CR", PG)
    assert b.read("FLASH.CR") == LOCK
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    b.write("FLASH.CR", PG)
    assert b.read("FLASH.CR") == PG


def test_a_wrong_key_is_a_bus_error_and_locks_until_the_next_reset() -> None:
    b = Bench()
    with pytest.raises(BusError):
        b.write("FLASH.KEYR", 0)
    with pytest.raises(BusError):
        b.write("FLASH.KEYR", KEY1)
    assert b.read("FLASH.CR") & LOCK
    b.soc.reset("PIN")
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    assert not b.read("FLASH.CR") & LOCK


def test_programming_clears_bits_and_takes_16_us() -> None:
    b = unlocked()
    b.write("FLASH.CR", PG | X32)
    before = b.clock.now
    store(b, BASE + 0x100, 0x12345678)
    assert word(b, BASE + 0x100) == 0x12345678
    assert 16_000 <= b.clock.now - before < 17_000
    store(b, BASE + 0x100, 0xFFFF0000)
    assert word(b, BASE + 0x100) == 0x12340000
    assert b.read("FLASH.SR") == 0


@pytest.mark.parametrize(
    ("cr", "address", "size", "flag"),
    [
        (0, BASE, 4, PGSERR),
        (PG, BASE, 4, PGPERR),
        (PG | X32, BASE + 2, 4, PGAERR),
    ],
)
def test_a_store_that_does_not_fit_sets_its_flag(
    cr: int, address: int, size: int, flag: int
) -> None:
    b = unlocked()
    b.write("FLASH.CR", cr)
    store(b, address, 0, size)
    assert b.read("FLASH.SR") == flag
    assert word(b, BASE) == 0xFFFFFFFF
    b.write("FLASH.SR", flag)
    assert b.read("FLASH.SR") == 0


def test_a_store_without_pg_is_reported() -> None:
    b = unlocked()
    store(b, BASE + 8, 0)
    assert b.soc.unmodelled == [
        "the program writes to flash at 0x08000008 without FLASH_CR.PG: nothing is programmed "
        "(PC 0x20000000)"
    ]


@pytest.mark.parametrize(
    ("snb", "base", "size", "ms"),
    [
        (0, BASE, 0x4000, 250),
        (4, BASE + 0x10000, 0x10000, 550),
        (16, BASE + 0x100000, 0x4000, 250),  # sector 12, the first one of bank 2
        (27, BASE + 0x1E0000, 0x20000, 1000),
    ],
)
def test_erasing_a_sector(snb: int, base: int, size: int, ms: int) -> None:
    b = unlocked()
    array = b.soc.flash.array
    array.fill(0, array.size, 0)
    b.write("FLASH.CR", SER | snb << 3 | STRT)
    b.pass_ns(int(0.99 * ms * MS))
    assert b.soc.flash.get("SR") == BSY
    b.pass_ns(int(0.02 * ms * MS))
    assert b.read("FLASH.SR") == 0
    assert array.read(base - BASE, size) == b"\xff" * size
    assert sum(array.view) == size * 0xFF


def test_an_option_bit_divides_the_flash_of_an_f767() -> None:
    """RM0410 table 4, 3.7.5: nDBANK is 0. A reset loads it; a bit of nWRP is for two sectors."""
    b = Bench("STM32F767xx")
    flash = b.soc.flash
    assert len(flash.sectors) == 12 and flash.nwrp == 0xFFF
    flash.store_options("OPTCR", 1 << 29 | 1 << 16, 0)
    b.soc.power_on()
    assert len(flash.sectors) == 24 and flash.nwrp == 0xFFFFFC
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    flash.array.fill(0, flash.array.size, 0)
    b.write("FLASH.CR", SER | 17 << 3 | STRT)  # sector 13
    b.pass_ns(300 * MS)
    assert sum(flash.array.view) == 0x4000 * 0xFF
    assert flash.array.read(0x104000, 0x4000) == b"\xff" * 0x4000
    b.write("FLASH.CR", SER | 1 << 3 | STRT)
    assert b.read("FLASH.SR") == WRPERR


def test_code_in_flash_stands_still_during_an_erase() -> None:
    b = unlocked()
    b.pc = BASE + 0x100
    b.write("FLASH.CR", SER | STRT)
    b.cpu.execute(BASE + 0x10C)  # of the same line: it is in the buffer already
    assert b.clock.now < MS
    b.cpu.execute(0x20000000)
    assert b.clock.now < MS
    b.cpu.execute(BASE + 0x110)
    assert b.clock.now >= 250 * MS
    assert b.read("FLASH.SR") == 0
    assert not b.cpu.watches


@pytest.mark.parametrize(("address", "ms"), [(0x110, 0), (0x120, 250)])
def test_the_next_line_is_there_too_if_it_is_prefetched(address: int, ms: int) -> None:
    b = unlocked()
    b.pc = BASE + 0x10E
    b.write("FLASH.ACR", 1 << 8)
    b.write("FLASH.CR", SER | STRT)
    b.cpu.execute(BASE + address)
    assert ms * MS <= b.clock.now < (ms + 1) * MS


@pytest.mark.parametrize(("acr", "ms"), [(1 << 9, 0), (0, 250)])
def test_an_interrupt_handler_during_an_erase_needs_the_instruction_cache(
    acr: int, ms: int
) -> None:
    b = unlocked()
    b.write("FLASH.ACR", acr)
    b.write("FLASH.CR", SER | STRT)  # by code in RAM
    b.cpu.handlers = 1
    b.cpu.execute(BASE + 0x1000)
    assert ms * MS <= b.clock.now < (ms + 1) * MS


def test_code_in_ram_that_polls_meets_every_event_on_time() -> None:
    b = unlocked()
    seen: list[int] = []
    b.clock.after(MS, lambda: seen.append(b.clock.now))
    b.write("FLASH.CR", SER | STRT)
    polls = 0
    while b.read("FLASH.SR") & BSY:
        polls += 1
    assert polls == 2
    assert seen == [MS]


def test_a_reset_during_an_erase_lets_code_run_again() -> None:
    b = unlocked()
    b.pc = BASE
    b.write("FLASH.CR", SER | STRT)
    assert b.cpu.watches
    b.soc.reset("PIN")
    assert not b.cpu.watches
    now = b.clock.now
    b.cpu.execute(BASE + 0x100)
    assert b.clock.now == now


def test_sectors_of_f413_and_f405() -> None:
    f413 = Bench("STM32F413xx").soc.flash.sectors
    assert (len(f413), f413[15].base, f413[15].number) == (16, BASE + 0x160000, 15)
    f405 = Bench("STM32F405xx").soc.flash.sectors
    assert [s.size // 1024 for s in f405] == [16] * 4 + [64] + [128] * 7


def test_caches_can_be_reset_only_while_they_are_off() -> None:
    b = Bench()
    b.write("FLASH.ACR", 1 << 10)
    b.write("FLASH.ACR", 1 << 10 | 1 << 12)
    assert b.read("FLASH.ACR") == 1 << 10
    b.write("FLASH.ACR", 0)
    b.write("FLASH.ACR", 1 << 12)
    assert b.read("FLASH.ACR") == 1 << 12


def program_options(b: Bench, optcr: int) -> None:
    b.write("FLASH.OPTKEYR", OPTKEY1)
    b.write("FLASH.OPTKEYR", OPTKEY2)
    b.write("FLASH.OPTCR", optcr)
    b.write("FLASH.OPTCR", optcr | 2)
    b.pass_ns(MS)


def test_option_bytes_count_after_a_reset_only_if_they_were_programmed() -> None:
    b = Bench()
    b.write("FLASH.OPTKEYR", OPTKEY1)
    b.write("FLASH.OPTKEYR", OPTKEY2)
    b.write("FLASH.OPTCR", 0x0FFE55EC)
    b.soc.reset("PIN")
    assert b.read("FLASH.OPTCR") == 0x0FFFAAED
    program_options(b, 0x0FFE55EC)
    b.soc.reset("PIN")
    assert b.read("FLASH.OPTCR") == 0x0FFE55ED
    assert b.soc.read_memory(0x1FFFC000, 2) == 0x55EC
    assert b.soc.read_memory(0x1FFFC008, 2) == 0xFFFE


def test_a_write_protected_sector_is_neither_erased_nor_programmed() -> None:
    b = Bench()
    program_options(b, 0x0FFEAAEC)  # sector 0
    b.soc.reset("PIN")
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    b.write("FLASH.CR", PG | X32)
    store(b, BASE, 0)
    assert b.read("FLASH.SR") == WRPERR
    assert word(b, BASE) == 0xFFFFFFFF
    store(b, BASE + 0x4000, 0)
    assert word(b, BASE + 0x4000) == 0
    b.soc.flash.array.fill(0, 16, 0)
    b.write("FLASH.CR", SER | STRT)
    assert word(b, BASE) == 0


def test_the_last_bit_of_an_f413_stands_for_two_sectors() -> None:
    b = unlocked("STM32F413xx")
    flash = b.soc.flash
    assert flash.nwrp == 0xFFFF
    flash.nwrp = 0x7FFF
    assert flash.nwrp == 0x3FFF
    b.soc.reset("SFT")
    b.write("FLASH.KEYR", KEY1)
    b.write("FLASH.KEYR", KEY2)
    for sector in (14, 15):
        b.write("FLASH.CR", SER | sector << 3 | X32 | STRT)
        assert b.read("FLASH.SR") & WRPERR
        b.write("FLASH.SR", WRPERR)


def test_the_hardware_watchdog_option_starts_iwdg_at_reset() -> None:
    b = Bench()
    program_options(b, 0x0FFFAACC)
    assert not b.soc.iwdg.running
    b.soc.reset("PIN")
    assert b.soc.iwdg.running
