"""What an L0 does otherwise than an F4: MSI, CSR, flash that erases to 0, USART v2 (RM0367)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, SWITCH_NS, Bench
from tools.bench.blocks.usart import Line, Usart
from tools.bench.cpu.memory import BusError
from tools.bench.rom import Bootloader
from tools.bench.rom_adapter import SocMemory, rom_facts

L073 = "STM32L073xx"
FLASH, EEPROM, KIB = 0x08000000, 0x08080000, 1024
HSION, HSIDIVEN, PLLON, RANGE_1, DBP = 1, 1 << 3, 1 << 24, 1 << 11, 1 << 8
LSEON, RTC_FROM_LSE, RTCEN, RMVF = 1 << 8, 1 << 16, 1 << 18, 1 << 23
PROG, ERASE = 1 << 3, 1 << 9
WRPERR, NOTZEROERR = 1 << 8, 1 << 16
ACK, NACK = b"\x79", b"\x1f"


def l073() -> Bench:
    return Bench(L073)


def test_it_starts_on_msi_at_2_mhz_and_msi_has_ranges() -> None:
    b = l073()
    assert (b.soc.rcc.source, b.clock.hclk) == ("MSI", 2_097_000)
    assert b.read("RCC.CSR") >> 24 == 0x0C
    b.write("RCC.ICSCR", 6 << 13)
    assert b.clock.hclk == 4_194_000


def test_hsi_can_be_divided_by_four() -> None:
    b = l073()
    b.set("RCC.CR", HSION | HSIDIVEN)
    b.pass_ns(MS)
    b.write("RCC.CFGR", 1)
    b.pass_ns(SWITCH_NS)
    assert b.read("RCC.CFGR") & 0xC == 4
    assert b.clock.hclk == 4_000_000
    b.clear("RCC.CR", HSIDIVEN)
    assert b.clock.hclk == 16_000_000


def test_32_mhz_needs_range_1_and_a_wait_state() -> None:
    b = l073()
    b.pc = FLASH
    b.enable("PWR")
    b.set("RCC.CR", HSION)
    b.pass_ns(MS)
    b.write("RCC.CFGR", 1 << 18 | 1 << 22)  # HSI * 4 / 2
    b.set("RCC.CR", PLLON)
    b.pass_ns(MS)
    b.write("RCC.CFGR", b.read("RCC.CFGR") & ~(15 << 18) | 3)  # the PLL's settings are locked
    b.pass_ns(SWITCH_NS)
    assert b.clock.hclk == 32_000_000
    assert b.soc.frequency("APB1") == b.soc.timer_frequency("APB2") == 32_000_000
    assert len(b.soc.violations) == 1
    b.soc.violations.clear()
    b.write("PWR.CR", RANGE_1)
    b.soc.violations.clear()
    b.write("FLASH.ACR", 1)
    assert b.soc.violations == []


def test_csr_has_lsi_the_flags_and_a_domain_that_is_protected_and_kept() -> None:
    b = l073()
    b.soc.rcc.lse = True
    b.write("RCC.CSR", LSEON | RTC_FROM_LSE | RTCEN | 1)
    assert b.read("RCC.CSR") & 0x000FFFFF == 1  # LSI is not protected
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.write("RCC.CSR", LSEON | RTC_FROM_LSE | RTCEN | RMVF)
    b.pass_ns(3000 * MS)
    assert b.read("RCC.CSR") == LSEON | LSEON << 1 | RTC_FROM_LSE | RTCEN
    assert b.soc.rtc.ticking
    b.soc.reset("SFT")
    assert b.read("RCC.CSR") == LSEON | LSEON << 1 | RTC_FROM_LSE | RTCEN | 0x14 << 24
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.set("RCC.CSR", 1 << 19)
    assert b.read("RCC.CSR") & 0x000F7F00 == 1 << 19


def test_a_ready_interrupt_has_three_registers() -> None:
    b = l073()
    b.write("RCC.CIER", 1 << 2)
    b.set("RCC.CR", HSION)
    b.pass_ns(MS)
    assert b.read("RCC.CIFR") == 1 << 2
    assert 4 in b.cpu.irqs
    b.write("RCC.CICR", 1 << 2)
    assert b.read("RCC.CIFR") == 0
    assert 4 not in b.cpu.irqs


def test_idcode_can_be_read_with_the_clock_of_dbgmcu_only() -> None:
    b = l073()
    assert b.read("DBGMCU.IDCODE") == 0
    b.set("RCC.APB2ENR", 1 << 22)
    assert b.read("DBGMCU.IDCODE") & 0xFFF == 0x447


def test_the_clock_of_the_firewall_cannot_be_switched_off() -> None:
    b = l073()
    b.write("RCC.APB2ENR", 1 << 7 | 1)
    b.write("RCC.APB2ENR", 0)
    assert b.read("RCC.APB2ENR") == 1 << 7
    b.soc.reset("PIN")
    assert b.read("RCC.APB2ENR") == 0


def test_brr_of_a_port_clears() -> None:
    b = l073()
    b.enable("GPIOA")
    b.write("GPIOA.ODR", 0xFF)
    b.write("GPIOA.BRR", 0x0F)
    assert b.read("GPIOA.ODR") == 0xF0


# --- flash and EEPROM --------------------------------------------------------------------------


def unlock(b: Bench) -> None:
    for key in (0x89ABCDEF, 0x02030405):
        b.write("FLASH.PEKEYR", key)
    for key in (0x8C9DAEBF, 0x13141516):
        b.write("FLASH.PRGKEYR", key)


def store(b: Bench, address: int, value: int, size: int = 4) -> None:
    base = EEPROM if address >= EEPROM else FLASH
    program = b.cpu.on_write[base]
    assert program
    program(address, size, value)
    b.cpu.finish_instruction()


def test_a_word_is_programmed_once_and_a_page_is_erased_to_0() -> None:
    b = l073()
    assert b.soc.read_memory(FLASH + 0x80, 4) == 0
    store(b, FLASH + 0x80, 1)
    assert b.read("FLASH.SR") & WRPERR
    b.write("FLASH.SR", WRPERR)
    unlock(b)
    assert b.read("FLASH.PECR") == 4
    store(b, FLASH + 0x80, 0x12345678)
    store(b, FLASH + 0x80, 0)
    assert b.read("FLASH.SR") & NOTZEROERR
    store(b, FLASH + 0x100, 7)
    assert b.soc.read_memory(FLASH + 0x80, 4) == 0x12345678
    b.write("FLASH.PECR", PROG | ERASE)
    store(b, FLASH + 0xFC, 0)
    assert b.soc.flash.get("SR") & 1
    b.pass_ns(4 * MS)
    assert not b.read("FLASH.SR") & 1
    assert [b.soc.read_memory(FLASH + at, 4) for at in (0x80, 0x100)] == [0, 7]


def test_the_locks_are_one_behind_the_other() -> None:
    b = l073()
    for key in (0x8C9DAEBF, 0x13141516):
        b.write("FLASH.PRGKEYR", key)
    assert b.read("FLASH.PECR") == 7
    unlock(b)
    b.write("FLASH.PECR", 1)
    assert b.read("FLASH.PECR") == 7
    with pytest.raises(BusError):
        b.write("FLASH.PEKEYR", 0)


def test_eeprom_is_written_in_place_once_it_is_unlocked() -> None:
    b = l073()
    store(b, EEPROM + 1, 0xAB, 1)
    assert b.soc.read_memory(EEPROM, 2) == 0
    unlock(b)
    store(b, EEPROM + 1, 0xAB, 1)
    store(b, EEPROM + 1, 0xCD, 1)
    assert b.soc.read_memory(EEPROM, 2) == 0xCD00


def test_option_bytes_are_seen_in_memory_with_their_complement() -> None:
    b = l073()
    assert b.soc.read_memory(0x1FF80000, 4) == 0xFF5500AA
    b.soc.flash.rdp = 0xBB
    assert b.soc.read_memory(0x1FF80000, 4) == 0xFF4400BB
    b.soc.reset("PIN")
    assert b.read("FLASH.OPTR") & 0xFF == 0xBB


# --- USART v2 and the watchdog ------------------------------------------------------------------


def with_usart() -> tuple[Bench, Usart, bytearray]:
    b = l073()
    b.enable("USART2")
    b.write("USART2.BRR", 2_097_000 // 9600)
    b.write("USART2.CR1", 1 | 1 << 2 | 1 << 3 | 1 << 5)  # UE, RE, TE, RXNEIE
    usart, sent = b.soc.blocks["USART2"], bytearray()
    assert isinstance(usart, Usart)
    usart.lines.append(Line(9600, lambda: True, lambda: True, sent.extend))
    return b, usart, sent


def test_usart_sends_and_receives() -> None:
    b, usart, sent = with_usart()
    assert b.read("USART2.ISR") == 0x006000C0  # TEACK, REACK, TXE, TC
    b.write("USART2.TDR", 0x41)
    assert not b.read("USART2.ISR") & 1 << 6
    b.pass_ns(2 * MS)
    assert (bytes(sent), b.read("USART2.ISR") >> 6 & 3) == (b"A", 3)
    usart.receive(usart.lines[0], b"xy")
    b.pass_ns(int(1.5 * MS))
    assert 28 in b.cpu.irqs
    assert b.read("USART2.RDR") == ord("x")
    assert 28 not in b.cpu.irqs
    b.pass_ns(MS)
    usart.receive(usart.lines[0], b"z")
    b.pass_ns(2 * MS)
    assert b.read("USART2.ISR") & 1 << 3  # ORE
    b.write("USART2.ICR", 1 << 3)
    assert not b.read("USART2.ISR") & 1 << 3
    assert b.read("USART2.RDR") == ord("y")
    b.write("USART2.CR1", 0)
    assert b.read("USART2.ISR") == 0xC0


def test_the_watchdog_has_a_window() -> None:
    b = l073()
    resets: list[str] = []
    b.soc.on_reset = resets.append
    b.write("IWDG.KR", 0xCCCC)
    b.write("IWDG.KR", 0x5555)
    b.write("IWDG.WINR", 0x800)
    b.pass_ns(100 * MS)
    b.write("IWDG.KR", 0xAAAA)  # too early
    assert resets == ["IWDG"]


# --- the ROM -----------------------------------------------------------------------------------


class Rom:
    """AN3155 with the memory of a chip."""

    def __init__(self, b: Bench) -> None:
        self.answer = bytearray()
        ignore = lambda *_: None  # noqa: E731
        self.model = Bootloader(
            rom_facts(b.soc.chip), SocMemory(b.soc), self.answer.extend, ignore, ignore
        )
        assert self.send(b"\x7f") == ACK

    def send(self, data: bytes) -> bytes:
        self.model.receive(data)
        answer = bytes(self.answer)
        self.answer.clear()
        return answer

    def checked(self, data: bytes) -> bytes:
        check = 0
        for byte in data:
            check ^= byte
        return self.send(data + bytes([check]))

    def write(self, address: int, data: bytes) -> bytes:
        assert self.send(b"\x31\xce") == ACK
        assert self.checked(address.to_bytes(4, "big")) == ACK
        return self.checked(bytes([len(data) - 1]) + data)


def test_the_rom_erases_pages_but_not_everything_at_once() -> None:
    b = l073()
    b.soc.flash.array.fill(0, 0x400, 0x55)
    rom = Rom(b)
    assert rom.send(b"\x02\xfd") == ACK + b"\x01\x04\x47" + ACK
    assert rom.send(b"\x44\xbb") == ACK
    assert rom.send(b"\xff\xff\x00") == NACK
    assert rom.send(b"\x44\xbb") == ACK
    assert rom.checked(b"\x00\x01\x00\x01\x00\x03") == ACK
    used = [b.soc.read_memory(FLASH + page * 128, 1) for page in range(5)]
    assert used == [0x55, 0, 0x55, 0, 0x55]
    assert rom.write(FLASH + 128, b"ABCD") == ACK
    assert rom.write(FLASH + 128, b"ABCD") == NACK  # it is not erased any more
    assert b.soc.flash.array.read(128, 5) == b"ABCD\0"


def test_the_rom_protects_parts_of_4_kib() -> None:
    b = l073()
    rom = Rom(b)
    assert rom.send(b"\x63\x9c") == ACK
    assert rom.checked(b"\x00\x01") == ACK
    assert b.soc.flash.nwrp == (1 << 48) - 1 - 2
    b.soc.reset("SFT")
    unlock(b)
    store(b, FLASH + 4 * KIB, 1)
    assert b.read("FLASH.SR") & WRPERR
    rom = Rom(b)
    assert rom.write(FLASH + 4 * KIB, b"ABCD") == ACK
    assert b.soc.read_memory(FLASH + 4 * KIB, 4) == 0
