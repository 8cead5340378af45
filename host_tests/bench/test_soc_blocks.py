"""RTC and backup SRAM, RNG, DMA, USB, CAN."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, Bench

DBP = 1 << 8


# --- RTC and backup domain ---------------------------------------------------------------------


def with_rtc() -> Bench:
    b = Bench()
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.set("RCC.CSR", 1)
    b.pass_ns(MS)
    b.write("RCC.BDCR", 0x8200)
    return b


def set_clock(b: Bench) -> None:
    b.write("RTC.WPR", 0xCA)
    b.write("RTC.WPR", 0x53)
    b.write("RTC.ISR", 0x80)
    assert b.read("RTC.ISR") & 0x40
    b.write("RTC.PRER", 127 << 16 | 249)
    b.write("RTC.TR", 0x235958)
    b.write("RTC.DR", 0x251231 | 3 << 13)
    b.write("RTC.ISR", 0)
    b.write("RTC.WPR", 0xFF)


def test_rtc_keeps_time_in_virtual_seconds() -> None:
    b = with_rtc()
    set_clock(b)
    assert b.read("RTC.TR") == 0x235958
    b.pass_ns(2_500 * MS)
    assert b.read("RTC.TR") == 0x000000
    assert b.read("RTC.DR") & 0xFF1FFF == 0x260101
    assert b.read("RTC.SSR") == pytest.approx(125, abs=2)
    assert b.read("RTC.ISR") & 0x30 == 0x30  # in step, and initialised


def test_rtc_is_write_protected_and_survives_a_reset() -> None:
    b = with_rtc()
    b.write("RTC.PRER", 0)
    assert b.read("RTC.PRER") == 0x007F00FF
    set_clock(b)
    b.write("RTC+0x5C", 0x1234)
    b.soc.reset("PIN")
    assert b.read("RTC.PRER") == 127 << 16 | 249
    assert b.read("RTC+0x5C") == 0x1234
    b.write("RTC+0x5C", 0)  # DBP is 0 again
    assert b.read("RTC+0x5C") == 0x1234
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.write("RCC.BDCR", 1 << 16)
    assert b.read("RTC+0x5C") == 0


def test_backup_sram_needs_its_clock_and_dbp_and_keeps_its_bytes() -> None:
    b = Bench()
    (sram,) = b.soc.peripheral_rams
    sram.write(0, 4, 1)
    b.enable("PWR")
    b.set("RCC.AHB1ENR", 1 << 18)
    sram.write(0, 4, 1)
    assert sram.read(0, 4) == 0
    b.set("PWR.CR", DBP)
    sram.write(0, 4, 0x11223344)
    assert sram.read(2, 1) == 0x22
    b.soc.reset("PIN")
    assert sram.read(0, 4) == 0
    b.set("RCC.AHB1ENR", 1 << 18)
    assert sram.read(0, 4) == 0x11223344


# --- RNG, DMA ----------------------------------------------------------------------------------


def test_rng_numbers_differ_and_repeat_in_every_run() -> None:
    def numbers() -> list[int]:
        b = Bench()
        b.enable("RNG")
        b.write("RNG.CR", 4)
        found = []
        for _ in range(5):
            assert not b.read("RNG.SR") & 1
            b.pass_ns(10_000)
            assert b.read("RNG.SR") & 1
            found.append(b.read("RNG.DR"))
        return found

    assert len(set(numbers())) == 5
    assert numbers() == numbers()


def test_dma_copies_memory_and_interrupts() -> None:
    b = Bench()
    b.enable("DMA2")
    for n in range(8):
        b.soc.write_memory(0x20000000 + 4 * n, 4, n * 0x01010101)
    b.write("DMA2.S1PAR", 0x20000000)
    b.write("DMA2.S1M0AR", 0x20000100)
    b.write("DMA2.S1NDTR", 8)
    b.write("DMA2.S1CR", 2 << 13 | 2 << 11 | 1 << 10 | 1 << 9 | 2 << 6 | 1 << 4 | 1)
    b.pass_ns(MS)
    assert b.soc.read_memory(0x2000011C, 4) == 0x07070707
    assert b.read("DMA2.S1CR") & 1 == 0
    assert b.read("DMA2.LISR") == 1 << 11
    assert 57 in b.cpu.irqs
    b.write("DMA2.LIFCR", 1 << 11)
    assert 57 not in b.cpu.irqs


def test_a_stream_that_waits_for_a_peripheral_stays_enabled() -> None:
    b = Bench()
    b.enable("DMA1")
    b.write("DMA1.S3CR", 1)
    b.pass_ns(10 * MS)
    assert b.read("DMA1.S3CR") == 1


# --- USB, CAN ----------------------------------------------------------------------------------


@pytest.mark.parametrize("core", ["OTG_FS", "OTG_HS"])
def test_usb_core_reset_clears_itself(core: str) -> None:
    b = Bench()
    b.enable(core)
    b.write(f"{core}.GINTMSK", 0xFF)
    b.write(f"{core}.GRSTCTL", 1)
    assert b.read(f"{core}.GRSTCTL") == 1 << 31
    assert b.read(f"{core}.GINTMSK") & 0xFF == 0


def test_usb_mode_follows_the_force_bits() -> None:
    b = Bench()
    b.enable("OTG_FS")
    assert not b.read("OTG_FS.GINTSTS") & 1
    b.set("OTG_FS.GUSBCFG", 1 << 29)
    assert b.read("OTG_FS.GINTSTS") & 1


def test_usb_fifos_swallow_what_is_pushed() -> None:
    b = Bench()
    b.enable("OTG_FS")
    b.soc.blocks["OTG_FS"].write(0x1000, 4, 0x1234)
    assert b.soc.blocks["OTG_FS"].read(0x1000, 4) == 0
    assert b.soc.unmodelled == []


@pytest.mark.parametrize("core", ["OTG_FS", "OTG_HS"])
def test_usb_endpoint_flags_are_cleared_by_ones_as_st_hal_does(core: str) -> None:
    b = Bench()
    b.enable(core)
    for number in range(9):  # USB_StopDevice
        for base in (0x908, 0xB08):
            b.write(f"{core}+0x{base + 0x20 * number:X}", 0xFF)
            assert b.read(f"{core}+0x{base + 0x20 * number:X}") & 0x7F == 0
    assert b.soc.unmodelled == []


def test_can_acknowledges_initialisation() -> None:
    b = Bench()
    b.enable("CAN1")
    b.write("CAN1.MCR", 1)
    assert b.read("CAN1.MSR") & 3 == 1
    b.write("CAN1.MCR", 0)
    assert b.read("CAN1.MSR") & 3 == 0
