"""RCC and PWR: oscillators, the system clock, clock gates, resets (RM0090 5, 6)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, SWITCH_NS, Bench
from tools.bench.chip import names
from tools.bench.cpu.memory import BusError

HSION, HSIRDY, HSEON, HSERDY, HSEBYP, CSSON = 1, 2, 1 << 16, 1 << 17, 1 << 18, 1 << 19
PLLON, PLLRDY = 1 << 24, 1 << 25
LSION, LSIRDY, RMVF = 1, 2, 1 << 24
DBP = 1 << 8
RCC_IRQ = 5


def test_after_power_on_the_chip_runs_on_hsi_at_16_mhz() -> None:
    b = Bench()
    assert b.read("RCC.CR") & (HSION | HSIRDY) == HSION | HSIRDY
    assert b.read("RCC.CFGR") == 0
    assert b.clock.hclk == 16_000_000
    assert b.read("RCC.CSR") >> 24 == 0x0E  # power-on, brown-out and pin


def test_hse_takes_its_start_up_time() -> None:
    b = Bench()
    b.set("RCC.CR", HSEON)
    b.pass_ns(1 * MS)
    assert not b.read("RCC.CR") & HSERDY
    b.pass_ns(2 * MS)
    assert b.read("RCC.CR") & HSERDY


def test_a_board_without_crystal_never_gets_hse_ready() -> None:
    b = Bench(hse_hz=0)
    b.set("RCC.CR", HSEON)
    b.pass_ns(1000 * MS)
    assert not b.read("RCC.CR") & HSERDY


def test_switching_hse_off_before_it_is_ready_stops_it() -> None:
    b = Bench()
    b.set("RCC.CR", HSEON)
    b.clear("RCC.CR", HSEON)
    b.pass_ns(10 * MS)
    assert not b.read("RCC.CR") & HSERDY


def test_hsebyp_can_only_be_written_while_hse_is_off() -> None:
    b = Bench()
    b.set("RCC.CR", HSEON)
    b.set("RCC.CR", HSEBYP)
    assert not b.read("RCC.CR") & HSEBYP
    b.clear("RCC.CR", HSEON)
    b.set("RCC.CR", HSEBYP)
    assert b.read("RCC.CR") & HSEBYP


def test_hse_runs_for_some_cycles_after_it_is_switched_off() -> None:
    """RM0090 7.3.1: HSERDY falls after 6 of them. Until then HSEBYP cannot be written."""
    b = Bench()
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    b.clear("RCC.CR", HSEON)
    b.set("RCC.CR", HSEBYP)
    assert b.read("RCC.CR") & (HSERDY | HSEBYP) == HSERDY
    b.pass_ns(1_000)
    b.set("RCC.CR", HSEBYP)
    assert b.read("RCC.CR") & (HSERDY | HSEBYP) == HSEBYP


def test_the_old_clock_drives_the_chip_until_the_new_one_does() -> None:
    """So it cannot be switched off yet."""
    b = Bench()
    b.start_pll()
    b.write("RCC.CFGR", 0)
    b.clear("RCC.CR", PLLON)
    assert b.read("RCC.CFGR") & 0xC == 8
    assert b.read("RCC.CR") & PLLON
    b.pass_ns(SWITCH_NS)
    assert b.read("RCC.CFGR") & 0xC == 0
    assert b.clock.hclk == 16_000_000
    b.clear("RCC.CR", PLLON)
    assert not b.read("RCC.CR") & PLLON


def test_pll_gives_168_mhz_and_the_buses_their_share() -> None:
    b = Bench()
    b.start_pll()
    assert b.read("RCC.CFGR") & 0xC == 8
    assert b.clock.hclk == 168_000_000
    assert b.soc.frequency("APB1") == 42_000_000
    assert b.soc.frequency("APB2") == 84_000_000
    assert b.soc.timer_frequency("APB1") == 84_000_000
    assert b.soc.timer_frequency("APB2") == 168_000_000
    assert b.soc.violations == []


def test_a_pll_that_multiplies_by_0_does_not_stop_time() -> None:
    b = Bench()
    b.write("RCC.PLLCFGR", 8)
    b.set("RCC.CR", PLLON)
    b.pass_ns(MS)
    b.write("RCC.CFGR", 2 | 0xF << 4 | 7 << 10 | 7 << 13)
    b.pass_ns(MS)
    assert [b.soc.frequency(bus) for bus in ("HCLK", "APB1", "APB2")] == [1, 1, 1]


def test_pll_does_not_lock_without_its_source() -> None:
    b = Bench()
    b.write("RCC.PLLCFGR", 8 | 336 << 6 | 1 << 22)
    b.set("RCC.CR", PLLON)
    b.pass_ns(10 * MS)
    assert not b.read("RCC.CR") & PLLRDY
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    assert b.read("RCC.CR") & PLLRDY


def test_pll_settings_are_frozen_while_it_is_on() -> None:
    b = Bench()
    b.set("RCC.CR", PLLON)
    before = b.read("RCC.PLLCFGR")
    b.write("RCC.PLLCFGR", 8 | 336 << 6)
    assert b.read("RCC.PLLCFGR") == before


def test_the_switch_waits_for_a_source_that_is_not_ready() -> None:
    b = Bench()
    b.write("RCC.CFGR", 1)  # HSE, which is off
    assert b.read("RCC.CFGR") == 1
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    assert b.read("RCC.CFGR") == 5
    assert b.clock.hclk == 8_000_000


@pytest.mark.parametrize("bit", [PLLON, HSEON])
def test_what_the_system_clock_needs_cannot_be_switched_off(bit: int) -> None:
    b = Bench()
    b.start_pll()
    b.clear("RCC.CR", bit)
    assert b.read("RCC.CR") & bit


def test_hsi_cannot_be_switched_off_while_it_is_the_system_clock() -> None:
    b = Bench()
    b.clear("RCC.CR", HSION)
    assert b.read("RCC.CR") & HSION


def test_ahb_prescaler_16_divides_hclk() -> None:
    b = Bench()
    b.write("RCC.CFGR", 0b1011 << 4)
    assert b.clock.hclk == 1_000_000


def test_a_ready_interrupt_is_flagged_and_cleared() -> None:
    b = Bench()
    b.write("RCC.CIR", 1 << 11)  # HSERDYIE
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    assert b.read("RCC.CIR") & 1 << 3
    assert RCC_IRQ in b.cpu.irqs
    b.write("RCC.CIR", 1 << 19)
    assert not b.read("RCC.CIR")
    assert RCC_IRQ not in b.cpu.irqs


def test_clock_security_falls_back_to_hsi_and_raises_nmi() -> None:
    b = Bench()
    b.start_pll()
    b.set("RCC.CR", CSSON)
    b.soc.rcc.fail_hse()
    assert b.cpu.nmis == 1
    assert b.clock.hclk == 16_000_000
    assert b.read("RCC.CIR") & 1 << 7
    b.write("RCC.CIR", 1 << 23)
    assert not b.read("RCC.CIR") & 1 << 7


def test_a_crystal_that_fails_takes_every_pll_that_it_feeds() -> None:
    b = Bench()
    b.start_pll()
    b.set("RCC.CR", 1 << 26)  # PLLI2SON
    b.pass_ns(MS)
    assert b.read("RCC.CR") & 1 << 27
    b.soc.rcc.fail_hse()
    assert not b.read("RCC.CR") & 1 << 27


@pytest.mark.parametrize(("cause", "flag"), [("PIN", 26), ("SFT", 28), ("IWDG", 29), ("WWDG", 30)])
def test_a_reset_leaves_its_flag_until_rmvf(cause: str, flag: int) -> None:
    b = Bench()
    b.set("RCC.CSR", RMVF)
    assert b.read("RCC.CSR") >> 25 == 0
    b.soc.reset(cause)
    assert b.read("RCC.CSR") >> 25 == (1 << flag | 1 << 26) >> 25


def test_bdcr_is_protected_by_dbp_and_survives_a_reset() -> None:
    b = Bench()
    b.write("RCC.BDCR", 0x8200)
    assert b.read("RCC.BDCR") == 0
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.write("RCC.BDCR", 0x8200)  # RTC on, from LSI
    b.soc.reset("PIN")
    assert b.read("RCC.BDCR") == 0x8200
    b.enable("PWR")
    b.set("PWR.CR", DBP)
    b.write("RCC.BDCR", 1 << 16)
    b.write("RCC.BDCR", 0)
    assert b.read("RCC.BDCR") == 0


def test_a_block_without_clock_reads_0_and_drops_writes() -> None:
    b = Bench()
    b.write("USART3.BRR", 0x123)
    assert b.read("USART3.SR") == 0
    b.enable("USART3")
    assert b.read("USART3.BRR") == 0
    assert b.read("USART3.SR") == 0xC0


def test_a_block_keeps_its_settings_while_its_clock_is_off() -> None:
    b = Bench()
    b.enable("USART3")
    b.write("USART3.BRR", 0x123)
    b.write("RCC.APB1ENR", 0)
    b.enable("USART3")
    assert b.read("USART3.BRR") == 0x123


def test_the_reset_bit_resets_and_holds() -> None:
    b = Bench()
    b.enable("TIM2")
    b.write("TIM2.PSC", 7)
    b.write("RCC.APB1RSTR", 1)
    b.write("TIM2.PSC", 7)
    assert b.read("TIM2.PSC") == 0
    b.write("RCC.APB1RSTR", 0)
    b.write("TIM2.PSC", 7)
    assert b.read("TIM2.PSC") == 7


def test_the_adcs_share_one_reset_bit() -> None:
    b = Bench()
    b.enable("ADC1", "ADC3")
    b.write("ADC1+0x04", 1)
    b.write("ADC3+0x04", 1)
    b.pulse_reset("ADC3")
    assert b.read("ADC1+0x04") == b.read("ADC3+0x04") == 0


@pytest.mark.parametrize("chip", names())
def test_writing_ones_everywhere_and_resetting_leaves_no_trace(chip: str) -> None:
    b = Bench(chip)
    kept = {"RCC", "FLASH", "PWR", "SYSCFG", "RTC", "DBGMCU"}
    before = {name: dict(block.values) for name, block in b.soc.blocks.items()}
    flags = b.soc.chip.rcc["reset_flags"]
    for register in b.soc.rcc.by_name.values():
        if register.name.endswith("ENR"):
            b.write(f"RCC.{register.name}", 0xFFFFFFFF)
    for block in b.soc.blocks.values():
        if block.name in kept or block.facts.kind in ("iwdg", "wwdg"):
            continue
        for offset in {*block.by_offset, *range(0, 0x100, 4)}:
            block.write(offset, 4, 0xFFFFFFFF)
    b.cpu.deferred.clear()
    b.soc.reset("PIN")
    b.soc.rcc.put(flags["register"], before["RCC"][b.soc.rcc.by_name[flags["register"]].offset])
    assert {name: dict(block.values) for name, block in b.soc.blocks.items()} == before
    assert not any(block.written for block in b.soc.blocks.values())


def test_too_few_wait_states_are_noticed_only_for_code_in_flash() -> None:
    b = Bench()
    b.start_pll()
    b.write("FLASH.ACR", 0)
    assert b.soc.violations == []
    b.pc = 0x08000100
    b.write("FLASH.ACR", 0)
    assert b.soc.violations == [
        "code runs from flash with HCLK at 168000000 Hz and 0 wait states: more are needed"
    ]


def test_over_drive_has_to_be_ready_for_180_mhz() -> None:
    b = Bench()
    b.enable("PWR")
    b.write("FLASH.ACR", 5)
    b.set("RCC.CR", HSEON)
    b.pass_ns(3 * MS)
    b.write("RCC.PLLCFGR", 8 | 360 << 6 | 1 << 22)
    b.set("RCC.CR", PLLON)
    b.pass_ns(MS)
    b.set("PWR.CR", 1 << 16)
    b.pass_ns(MS)
    assert b.read("PWR.CSR") & 3 << 16 == 1 << 16
    b.set("PWR.CR", 1 << 17)
    assert not b.read("PWR.CSR") & 1 << 17
    b.pass_ns(MS)
    assert b.read("PWR.CSR") & 3 << 16 == 3 << 16
    b.write("RCC.CFGR", 2)
    b.pass_ns(SWITCH_NS)
    assert b.clock.hclk == 180_000_000
    assert b.soc.violations == []
    b.clear("PWR.CR", 3 << 16)
    b.soc.check_speed()
    assert len(b.soc.violations) == 1


def test_the_voltage_scale_changes_only_while_the_pll_is_off() -> None:
    b = Bench()
    b.enable("PWR")
    b.write("PWR.CR", 0x4000)
    assert b.read("PWR.CR") == 0x4000
    assert not b.read("PWR.CSR") & 1 << 14
    b.set("RCC.CR", PLLON)
    b.pass_ns(MS)
    assert b.read("PWR.CSR") & 1 << 14  # VOSRDY
    b.write("PWR.CR", 0xC000)
    assert b.read("PWR.CR") == 0x4000


def test_the_hal_switches_oscillators_by_bit_banding() -> None:
    b = Bench()
    cr = 0x42470000  # 0x42000000 + 32 * 0x23800 (PM0214 2.2.5)
    alias = next(found for found in b.cpu.blocks if 0 <= cr - found.base < found.size)
    cr -= alias.base
    alias.write(cr + 24 * 4, 4, 1)
    assert b.read("RCC.CR") & PLLON
    assert alias.read(cr + 24 * 4, 4) == 1
    alias.write(cr + 0x74 * 32, 4, 1)
    b.pass_ns(MS)
    assert b.read("RCC.CSR") & (LSION | LSIRDY) == LSION | LSIRDY


def test_no_bit_band_alias_where_no_block_is() -> None:
    b = Bench()
    hole = 0x42000000 + 0x23400 * 32  # between CRC and RCC (RM0090 2.3)
    alias = next(found for found in b.cpu.blocks if 0 <= hole - found.base < found.size)
    with pytest.raises(BusError, match=f"0x{hole:08X}"):
        alias.read(hole - alias.base, 4)


def test_waiting_for_an_oscillator_is_not_a_million_reads() -> None:
    b = Bench()
    b.set("RCC.CR", HSEON)
    reads = 0
    while not b.read("RCC.CR") & HSERDY:
        reads += 1
    assert reads < 20
    assert 2 * MS <= b.clock.now < 3 * MS


def test_waiting_for_a_crystal_that_is_not_there_still_meets_the_other_events() -> None:
    b = Bench(hse_hz=0)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(b.clock.now)
        b.clock.after(MS, tick)

    b.clock.after(MS, tick)
    b.set("RCC.CR", HSEON)
    for _ in range(30):
        assert not b.read("RCC.CR") & HSERDY
    assert len(ticks) > 20
    assert all(at % MS == 0 for at in ticks)


@pytest.mark.parametrize(("hpre", "wrong"), [(0, 1), (8, 0)])
def test_a_pll_above_80_mhz_is_not_left_in_one_step(hpre: int, wrong: int) -> None:
    """Of a G4: HCLK is halved before (HAL_RCC_ClockConfig)."""
    b = Bench("STM32G474xx")
    b.write("FLASH.ACR", 8)
    b.write("RCC.PLLCFGR", 2 | 3 << 4 | 75 << 8 | 1 << 24)  # 16 MHz / 4 * 75 / 2
    b.set("RCC.CR", PLLON)
    b.pass_ns(MS)
    b.write("RCC.CFGR", 3 | 8 << 4)
    b.pass_ns(SWITCH_NS)
    b.write("RCC.CFGR", 3 | hpre << 4)
    b.write("RCC.CFGR", 1 | hpre << 4)
    b.pass_ns(SWITCH_NS)
    assert b.clock.hclk == 16_000_000 >> (hpre == 8)
    assert sum("in one step" in sentence for sentence in b.soc.violations) == wrong
