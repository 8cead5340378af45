"""What an STM32H5 does otherwise than an H7: HSI at 32 MHz, ICACHE, quad-words, Go (RM0481)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, SWITCH_NS, Bench
from host_tests.bench.test_soc_l0 import ACK, NACK, Rom
from tools.bench.board import VirtualBoard
from tools.bench.wires import Wire

H573 = "STM32H573xx"
FLASH, BANK_2, SECTOR, ROM = 0x08000000, 0x08100000, 8 * 1024, 0x0BF97000
HSEON, PLL1ON, HSIDIV = 1 << 16, 1 << 24, 3 << 3
PG, SER, STRT, BKSEL = 2, 4, 1 << 5, 1 << 31
BSY, WBNE, INCERR = 1, 2, 1 << 20
EN, CACHEINV, WAYSEL, HITMEN, HITMRST = 1, 2, 4, 1 << 16, 1 << 18
BUSYF, BSYENDF = 1, 2


def h573() -> Bench:
    return Bench(H573)


def test_it_starts_on_hsi_at_32_mhz_from_the_flash_itself() -> None:
    b = h573()
    assert (b.soc.rcc.source, b.clock.hclk) == ("HSI", 32_000_000)
    assert b.read("RCC.CR") == 0x2B
    assert b.read("DBGMCU.IDCODE") & 0xFFF == 0x484
    assert b.cpu.resets == [FLASH]
    b.soc.boot0 = True
    b.soc.reset("PIN")
    assert b.cpu.resets[-1] == ROM


def test_250_mhz_and_what_cannot_change_meanwhile() -> None:
    b = h573()
    b.write("PWR.VOSCR", 3 << 4)
    assert b.read("PWR.VOSSR") == 0xE008
    b.write("FLASH.ACR", 5 | 2 << 4)
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    b.write("RCC.PLL1CFGR", 3 | 2 << 8 | 1 << 16)  # HSE / 2
    b.write("RCC.PLL1DIVR", 124 | 1 << 9)  # * 125 / 2
    b.set("RCC.CR", PLL1ON)
    b.pass_ns(MS)
    b.write("RCC.PLL1CFGR", 0)
    b.write("RCC.PLL1DIVR", 0)
    b.write("RCC.CFGR1", 3)
    b.pass_ns(SWITCH_NS)
    assert b.clock.hclk == 250_000_000
    b.write("RCC.CFGR2", 4 << 4 | 5 << 8 | 6 << 12)
    buses = [b.soc.frequency(f"APB{n}") for n in (1, 2, 3)]
    assert buses == [125_000_000, 62_500_000, 31_250_000]
    assert b.soc.violations == []
    b.pc = FLASH
    b.write("PWR.VOSCR", 0)
    assert b.soc.violations


def test_hsi_is_not_divided_anew_while_a_pll_runs_from_it() -> None:
    b = h573()
    b.write("RCC.PLL2CFGR", 1)
    b.set("RCC.CR", 1 << 26)
    b.clear("RCC.CR", HSIDIV)
    assert b.read("RCC.CR") & HSIDIV == 1 << 3
    b.clear("RCC.CR", 1 << 26)
    b.clear("RCC.CR", HSIDIV)
    assert b.clock.hclk == 64_000_000


def test_icache_empties_itself_when_it_goes_off() -> None:
    b = h573()
    b.write("ICACHE.CR", EN | HITMEN | WAYSEL)
    b.write("ICACHE.CR", EN | HITMEN)
    assert b.read("ICACHE.CR") == EN | HITMEN | WAYSEL  # the ways are chosen while it is off
    assert b.read("ICACHE.HMONR")
    b.write("ICACHE.CR", HITMRST)
    assert b.read("ICACHE.HMONR") == 0
    assert b.read("ICACHE.SR") == BUSYF
    assert b.soc.blocks["ICACHE"].leftover()
    b.pass_ns(MS)
    assert b.read("ICACHE.SR") == BSYENDF
    b.write("ICACHE.FCR", BSYENDF)
    assert b.read("ICACHE.SR") == 0
    b.write("ICACHE.CR", CACHEINV)
    assert (b.read("ICACHE.CR"), b.read("ICACHE.SR")) == (0, BUSYF)
    b.write("ICACHE.IER", BSYENDF)
    b.pass_ns(MS)
    assert 104 in b.cpu.irqs


# --- flash -------------------------------------------------------------------------------------


def unlocked() -> Bench:
    b = h573()
    for key in (0x45670123, 0xCDEF89AB):
        b.write("FLASH.NSKEYR", key)
    assert b.read("FLASH.NSCR") == 0
    return b


def store(b: Bench, address: int, *words: int) -> None:
    program = b.cpu.on_write[FLASH]
    assert program
    for n, word in enumerate(words):
        program(address + 4 * n, 4, word)
        b.cpu.finish_instruction()


def test_a_quad_word_is_programmed_by_its_fourth_word() -> None:
    b = unlocked()
    b.write("FLASH.NSCR", PG)
    store(b, FLASH + 0x40, 0, 1, 2)
    assert b.read("FLASH.NSSR") == WBNE
    assert b.soc.read_memory(FLASH + 0x40, 4) == 0xFFFFFFFF
    store(b, FLASH + 0x4C, 3)
    assert b.soc.flash.get("NSSR") & BSY
    b.pass_ns(MS)
    assert [b.soc.read_memory(FLASH + 0x40 + 4 * n, 4) for n in range(4)] == list(range(4))
    store(b, FLASH, 1)
    store(b, FLASH + 0x10, 1)
    assert b.read("FLASH.NSSR") == INCERR
    store(b, FLASH + 0x40, *range(4))
    assert "0x08000040 again without erasing it" in b.soc.violations[0]


def test_bksel_says_in_which_bank_a_sector_is_erased() -> None:
    b = unlocked()
    array = b.soc.flash.array
    array.fill(0, array.size, 0)
    b.write("FLASH.NSCR", SER | 3 << 6 | BKSEL | STRT)
    assert b.soc.read_memory(BANK_2 + 3 * SECTOR, 4) == 0xFFFFFFFF
    assert sum(array.view) == SECTOR * 0xFF


def test_a_bit_of_write_protection_is_for_four_sectors() -> None:
    b = h573()
    b.soc.flash.nwrp = ~(1 << 33) & (1 << 64) - 1
    b.soc.reset("PIN")
    rom = Rom(b)
    b.soc.flash.array.fill(0, 0x200000, 0)
    assert rom.send(b"\x44\xbb") == ACK
    assert rom.checked(bytes((0, 2, 0, 0x83, 0, 0x84, 0, 0x88))) == ACK
    erased = [b.soc.read_memory(BANK_2 + n * SECTOR, 1) == 0xFF for n in (3, 4, 8)]
    assert erased == [True, False, True]


def test_the_rom_knows_quad_words_and_answers_its_id() -> None:
    b = h573()
    rom = Rom(b)
    assert rom.send(b"\x02\xfd") == ACK + b"\x01\x04\x84" + ACK
    assert rom.write(FLASH, b"ABCD") == ACK
    assert rom.write(FLASH + 4, b"EFGH") == NACK  # of the same quad-word
    assert rom.write(FLASH + 16, bytes(32)) == ACK


# --- Go ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("boot0", [True, False])
def test_go_starts_an_application_if_the_rom_was_jumped_into(boot0: bool) -> None:
    """AN2606 4.10, boot model V3_2."""
    board = VirtualBoard.load("NUCLEO_H563ZI")
    program = (0x20010000).to_bytes(4, "little") + (FLASH + 9).to_bytes(4, "little")
    board.soc.flash.array.write(0, program + bytes.fromhex("2a20fee7"))  # movs r0, #42; b .
    board.boot0 = boot0
    board.power_on()
    if not boot0:
        board.core.reset(ROM, vtor=ROM)
    board.run_ms(20)
    wire: Wire = board.wires["rom"] if "rom" in board.wires else board.wires["console"]
    for part in (b"\x7f", b"\x21\xde", b"\x08\x00\x00\x00\x08"):
        wire.host.send(part)
        board.run_ms(20)
    assert wire.host.read().endswith(ACK * 2)
    assert (board.core.state().r[0] == 42) is not boot0
    assert board.rom is None  # it listens no more
