"""What an STM32H7 does otherwise than an F4: domains, flash words, no remap (RM0433)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, SWITCH_NS, Bench
from host_tests.bench.test_soc_l0 import ACK, NACK, Rom
from tools.bench.blocks.usart import Usart
from tools.bench.cpu.memory import BusError

H743 = "STM32H743xx"
FLASH, BANK_2, SECTOR = 0x08000000, 0x08100000, 128 * 1024
HSEON, CSSHSEON, PLL1ON = 1 << 16, 1 << 19, 1 << 24
LOCK, PG, SER, START = 1, 2, 4, 1 << 7
QW, INCERR = 4, 1 << 21


H7A3, H723, H747 = "STM32H7A3xxQ", "STM32H723xx", "STM32H747xx"


def h743() -> Bench:
    return Bench(H743)


def test_it_starts_on_hsi_at_64_mhz_from_the_flash_itself() -> None:
    b = h743()
    assert (b.soc.rcc.source, b.clock.hclk) == ("HSI", 64_000_000)
    assert b.read("RCC.CR") & 0x3FFF == 0x25
    assert b.read("DBGMCU.IDCODE") & 0xFFF == 0x450
    assert b.cpu.resets == [FLASH]
    assert b.cpu.memories[0].name == "ITCM"
    b.soc.boot0 = True
    b.soc.reset("PIN")
    assert b.cpu.resets[-1] == 0x1FF09800
    assert b.soc.syscfg.shown_at_zero is None


def test_the_window_watchdog_has_three_bits_of_prescaler() -> None:
    """64 steps of 4096 * 128 / 64 MHz are 524.288 ms."""
    b = h743()
    b.set("RCC.APB3ENR", 1 << 6)
    b.write("WWDG1.CFR", 0x7F | 7 << 11)
    b.write("WWDG1.CR", 0xFF)
    resets = len(b.cpu.resets)
    b.pass_ns(524 * MS)
    assert len(b.cpu.resets) == resets
    b.pass_ns(MS)
    assert len(b.cpu.resets) == resets + 1
    assert b.read("RCC.APB3ENR") == 0


def test_400_mhz_and_the_share_of_each_domain() -> None:
    b = h743()
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    b.write("RCC.PLLCKSELR", 4 << 4 | 2)  # HSE / 4
    b.write("RCC.PLL1DIVR", 399 | 1 << 9)  # * 400 / 2
    b.set("RCC.CR", PLL1ON)
    b.pass_ns(MS)
    b.write("RCC.D1CFGR", 8 | 4 << 4)
    b.write("RCC.D2CFGR", 5 << 4 | 4 << 8)
    b.write("RCC.CFGR", 3)
    b.pass_ns(SWITCH_NS)
    assert b.read("RCC.CFGR") == 3 | 3 << 3
    assert b.clock.hclk == 400_000_000  # of the CPU
    buses = ("AHB4", "APB1", "APB2", "APB3", "APB4")
    assert [b.soc.frequency(bus) // 1_000_000 for bus in buses] == [200, 50, 100, 100, 200]
    assert b.soc.timer_frequency("APB1") == 100_000_000
    b.pc = FLASH
    b.write("FLASH.ACR", 1)
    assert "HCLK at 200000000 Hz and 1 wait states" in b.soc.violations[0]


def test_what_only_a_system_reset_switches_off() -> None:
    b = h743()
    b.set("RCC.CR", CSSHSEON)
    b.set("RCC.APB3ENR", 1 << 6)
    b.clear("RCC.CR", CSSHSEON)
    b.write("RCC.APB3ENR", 0)
    assert b.read("RCC.CR") & CSSHSEON and b.read("RCC.APB3ENR") == 1 << 6
    b.soc.reset("PIN")
    assert not b.read("RCC.CR") & CSSHSEON and not b.read("RCC.APB3ENR")


def test_registers_of_the_cpu_are_the_same_again() -> None:
    b = h743()
    rcc = b.soc.rcc
    rcc.write(0x148, 4, 1 << 18)  # C1_APB1LENR
    assert b.read("RCC.APB1LENR") == rcc.read(0x148, 4) == 1 << 18
    b.write("USART3.BRR", 5)
    assert b.read("USART3.BRR") == 5
    b.soc.flash.write(0x100, 4, 2)  # ACR beside the registers of bank 2
    assert b.read("FLASH.ACR") == 2


@pytest.mark.parametrize(("presc", "divides"), [(0, 1), (1, 2), (3, 6), (7, 16), (11, 256)])
def test_a_usart_divides_its_clock_first(presc: int, divides: int) -> None:
    b = h743()
    b.enable("USART3")
    usart = b.soc.blocks["USART3"]
    assert isinstance(usart, Usart)
    b.write("USART3.BRR", 100)
    clock = usart.baud * 100
    b.write("USART3.PRESC", presc)
    assert usart.baud == clock // divides // 100


def test_a_reset_leaves_its_flags() -> None:
    b = h743()
    assert b.read("RCC.RSR") == 0x00FA0000
    b.write("RCC.RSR", 1 << 16)
    assert b.read("RCC.RSR") == 0
    b.soc.reset("SFT")
    assert b.read("RCC.RSR") == 0x01420000


def test_ram_in_domain_2_is_there_with_its_clock() -> None:
    b = h743()
    assert 0x30000000 not in b.cpu.memories
    b.set("RCC.AHB2ENR", 1 << 29)
    b.soc.write_memory(0x30000000, 4, 7)
    b.write("RCC.AHB2ENR", 0)
    assert 0x30000000 not in b.cpu.memories
    b.set("RCC.AHB2ENR", 1 << 29)
    assert b.soc.read_memory(0x30000000, 4) == 7


def test_a_pin_reaches_its_interrupt() -> None:
    b = h743()
    b.enable("GPIOC", "SYSCFG")
    b.write("GPIOC.MODER", 0)
    b.write("SYSCFG.EXTICR4", 2 << 4)
    b.write("EXTI.RTSR1", 1 << 13)
    b.set("EXTI.IMR1", 1 << 13)
    port, pin = b.soc.gpio("PC13")
    port.drive(pin, True)
    assert 40 in b.cpu.irqs
    b.write("EXTI.PR1", 1 << 13)
    assert 40 not in b.cpu.irqs


# --- flash -------------------------------------------------------------------------------------


def unlocked(bank: int = 1, chip: str = H743) -> Bench:
    b = Bench(chip)
    b.write(f"FLASH.KEYR{bank}", 0x45670123)
    b.write(f"FLASH.KEYR{bank}", 0xCDEF89AB)
    assert not b.read(f"FLASH.CR{bank}") & LOCK
    return b


def store(b: Bench, address: int, *words: int) -> None:
    program = b.cpu.on_write[FLASH]
    assert program
    for n, word in enumerate(words):
        program(address + 4 * n, 4, word)
        b.cpu.finish_instruction()


def test_a_flash_word_is_programmed_by_its_eighth_word() -> None:
    b = unlocked()
    b.write("FLASH.CR1", PG)
    store(b, FLASH + 0x40, *range(7))
    assert b.soc.read_memory(FLASH + 0x40, 4) == 0xFFFFFFFF
    store(b, FLASH + 0x5C, 7)
    assert b.soc.flash.get("SR1") & QW
    b.pass_ns(MS)
    assert not b.read("FLASH.SR1") & QW
    assert [b.soc.read_memory(FLASH + 0x40 + 4 * n, 4) for n in range(8)] == list(range(8))
    assert b.soc.violations == []
    store(b, FLASH + 0x40, *range(8))
    assert "0x08000040 again without erasing it" in b.soc.violations[0]


def test_a_store_elsewhere_spoils_a_flash_word_that_is_not_full() -> None:
    b = unlocked()
    b.write("FLASH.CR1", PG)
    store(b, FLASH, 1)
    store(b, FLASH + 0x20, 1)
    assert b.read("FLASH.SR1") & INCERR
    b.write("FLASH.CCR1", INCERR)
    assert not b.read("FLASH.SR1")


def test_a_sector_of_bank_2_is_erased_by_the_registers_of_bank_2() -> None:
    b = unlocked(2)
    array = b.soc.flash.array
    array.fill(0, array.size, 0)
    b.write("FLASH.CR1", SER | START)  # locked
    b.write("FLASH.CR2", SER | 1 << 8 | START)
    assert b.soc.read_memory(BANK_2 + SECTOR, 4) == 0xFFFFFFFF
    assert sum(array.view) == SECTOR * 0xFF
    b.pass_ns(1200 * MS)
    assert not b.read("FLASH.SR2")


def test_a_wrong_key_is_a_bus_error() -> None:
    b = h743()
    with pytest.raises(BusError):
        b.write("FLASH.KEYR1", 1)


def test_the_rom_knows_flash_words_and_answers_its_id() -> None:
    b = h743()
    rom = Rom(b)
    assert rom.send(b"\x02\xfd") == ACK + b"\x01\x04\x50" + ACK
    assert rom.write(FLASH, b"ABCD") == ACK
    assert rom.write(FLASH + 4, b"EFGH") == NACK  # of the same flash word
    assert rom.write(FLASH + 32, bytes(64)) == ACK
    assert b.soc.flash.array.read(0, 5) == b"ABCD\xff"
    assert rom.send(b"\x44\xbb") == ACK
    assert rom.send(b"\xff\xff\x00") == ACK
    assert b.soc.flash.array.read(0, 5) == b"\xff" * 5
    assert rom.send(b"\x63\x9c") == ACK
    assert rom.checked(b"\x00\x09") == ACK
    assert b.soc.flash.nwrp == 0xFFFF & ~(1 << 9)
    b.soc.reset("SFT")
    assert b.read("FLASH.WPSN_CUR2") == 0xFD


# --- other dies --------------------------------------------------------------------------------


def test_an_h7a_has_flash_words_of_16_bytes() -> None:
    b = unlocked(chip=H7A3)
    b.write("FLASH.CR1", PG)
    store(b, FLASH + 0x40, *range(3))
    assert b.soc.read_memory(FLASH + 0x40, 4) == 0xFFFFFFFF
    store(b, FLASH + 0x4C, 3)
    b.pass_ns(MS)
    assert [b.soc.read_memory(FLASH + 0x40 + 4 * n, 4) for n in range(4)] == list(range(4))


def test_an_h7a_has_128_sectors_of_8_kib_in_a_bank_and_protects_four_at_once() -> None:
    b = unlocked(2, H7A3)
    array = b.soc.flash.array
    array.fill(0, array.size, 0)
    b.write("FLASH.CR2", SER | 127 << 6 | 1 << 5)
    assert b.soc.read_memory(BANK_2 + 127 * 8192, 4) == 0xFFFFFFFF
    assert sum(array.view) == 8192 * 0xFF
    b.pass_ns(3 * MS)
    b.soc.flash.nwrp &= ~(1 << 32)
    b.soc.reset("SFT")
    assert b.read("FLASH.WPSN_CUR2") == 0xFFFFFFFE
    b.write("FLASH.KEYR2", 0x45670123)
    b.write("FLASH.KEYR2", 0xCDEF89AB)
    for sector, flag in ((3, 1 << 17), (4, 0)):
        b.write("FLASH.CR2", SER | sector << 6 | 1 << 5)
        assert b.soc.flash.get("SR2") & 1 << 17 == flag
        b.write("FLASH.CCR2", flag)


def test_an_h7a_has_its_clock_enables_at_one_address() -> None:
    b = Bench(H7A3)
    rcc = b.soc.rcc
    rcc.write(0xE8, 4, 1 << 18)  # APB1LENR of an H743
    assert not b.read("RCC.APB1LENR")
    rcc.write(0x148, 4, 1 << 18)
    assert b.read("RCC.APB1LENR") == 1 << 18
    b.write("RCC.CDCFGR1", 8 | 4 << 4)
    b.write("RCC.SRDCFGR", 5 << 4)
    assert [b.soc.frequency(bus) // 1_000_000 for bus in ("AHB4", "APB3", "APB4")] == [32, 16, 8]


def test_an_h7a_starts_at_scale_3_where_22_mhz_need_a_wait_state() -> None:
    b = Bench(H7A3)
    b.pc = FLASH
    assert b.read("PWR.SRDCR") == 1 << 13
    b.write("FLASH.ACR", 2)
    assert b.soc.violations == []
    b.write("FLASH.ACR", 1)
    assert "HCLK at 64000000 Hz and 1 wait states" in b.soc.violations[0]


def test_an_h723_has_one_bank_and_scale_0_in_pwr() -> None:
    b = Bench(H723)
    assert not b.soc.flash.read(0x128, 4)  # PRAR_CUR2 of an H743
    assert b.soc.flash.nwrp == 0xFF
    b.pc = FLASH
    b.write("FLASH.ACR", 0)
    b.soc.violations.clear()
    b.write("PWR.D3CR", 0)
    assert b.soc.violations == []
    b.write("PWR.D3CR", 3 << 14)
    assert b.soc.violations == []
    b.write("PWR.D3CR", 2 << 14)
    assert "HCLK at 64000000 Hz and 0 wait states" in b.soc.violations[0]


def test_what_starts_the_second_core_of_an_h747_stays_until_a_reset() -> None:
    b = Bench(H747)
    b.write("RCC.GCR", 1 << 3)
    b.write("RCC.GCR", 0)
    b.set("RCC.APB1LENR", 1 << 11)
    b.write("RCC.APB1LENR", 0)
    assert (b.read("RCC.GCR"), b.read("RCC.APB1LENR")) == (1 << 3, 1 << 11)
    b.soc.reset("SFT")
    assert (b.read("RCC.GCR"), b.read("RCC.APB1LENR")) == (0, 0)
    assert b.read("FLASH.OPTSR_CUR") >> 22 & 1  # BCM4, as ST delivers it
