"""Timers and watchdogs (RM0090 17 to 22)."""

from __future__ import annotations

import pytest

from host_tests.bench.fake_cpu import MS, Bench

# --- timers ------------------------------------------------------------------------------------


def started(b: Bench, name: str, psc: int, arr: int, cr1: int = 1) -> None:
    b.enable(name)
    b.write(f"{name}.PSC", psc)
    b.write(f"{name}.ARR", arr)
    b.write(f"{name}.EGR", 1)
    b.write(f"{name}.SR", 0)
    b.write(f"{name}.DIER", 1)
    b.write(f"{name}.CR1", cr1)


def test_a_timer_counts_and_interrupts_at_its_update() -> None:
    b = Bench()
    started(b, "TIM2", 15, 999)  # 16 MHz / 16: 1 us a count, 1 ms a period
    b.pass_ns(500_000)
    assert b.read("TIM2.CNT") == pytest.approx(500, abs=1)
    assert 28 not in b.cpu.irqs
    b.pass_ns(600_000)
    assert b.read("TIM2.SR") & 1
    assert 28 in b.cpu.irqs
    b.write("TIM2.SR", 0)
    assert 28 not in b.cpu.irqs
    assert b.read("TIM2.CNT") == pytest.approx(100, abs=1)


def test_a_flag_that_is_cleared_late_does_not_move_the_next_update() -> None:
    b = Bench()
    started(b, "TIM2", 15, 999)
    b.pass_ns(3 * MS + MS // 2)
    assert b.read("TIM2.CNT") == pytest.approx(500, abs=1)
    b.write("TIM2.SR", 0)
    b.pass_ns(MS // 2 - 2000)
    assert 28 not in b.cpu.irqs
    b.pass_ns(4000)
    assert 28 in b.cpu.irqs


def test_a_new_prescaler_counts_from_the_next_update_on() -> None:
    b = Bench()
    started(b, "TIM2", 15, 999)
    b.pass_ns(MS + MS // 2)
    b.write("TIM2.PSC", 31)
    b.pass_ns(MS // 4)
    assert b.read("TIM2.CNT") == pytest.approx(750, abs=1)
    b.pass_ns(MS // 4 + MS)
    assert b.read("TIM2.CNT") == pytest.approx(500, abs=1)


def test_one_pulse_mode_stops_at_the_update() -> None:
    b = Bench()
    started(b, "TIM7", 15, 99, cr1=0x9)
    b.pass_ns(10 * MS)
    assert b.read("TIM7.CR1") == 8
    assert b.read("TIM7.CNT") == 0
    assert b.read("TIM7.SR") == 1


def test_the_update_of_an_advanced_timer_has_its_own_interrupt() -> None:
    b = Bench()
    started(b, "TIM1", 15, 99)
    b.pass_ns(MS)
    assert b.cpu.irqs == {25}


def test_a_timer_follows_a_change_of_the_clock() -> None:
    b = Bench()
    started(b, "TIM2", 15, 0xFFFFFFFF)
    b.pass_ns(MS)
    b.write("RCC.CFGR", 0b1000 << 4)  # HCLK / 2
    b.pass_ns(MS)
    assert b.read("TIM2.CNT") == pytest.approx(1500, abs=2)


def test_a_timer_stands_still_without_clock_and_after_reset() -> None:
    b = Bench()
    started(b, "TIM2", 15, 0xFFFF)
    b.pass_ns(MS)
    b.write("RCC.APB1ENR", 0)
    b.pass_ns(MS)
    b.enable("TIM2")
    assert b.read("TIM2.CNT") == pytest.approx(1000, abs=1)
    b.pulse_reset("TIM2")
    b.pass_ns(100 * MS)
    assert b.read("TIM2.CNT") == 0
    assert b.read("TIM2.SR") == 0


# --- watchdogs ---------------------------------------------------------------------------------


def test_iwdg_resets_the_chip_when_it_is_not_fed() -> None:
    b = Bench()
    b.set("RCC.CSR", 1 << 24)
    b.write("IWDG.KR", 0x5555)
    b.write("IWDG.RLR", 31)  # 32 * 4 / 32 kHz = 4 ms
    b.pass_ns(MS)
    b.write("IWDG.KR", 0xCCCC)
    b.pass_ns(MS // 10)
    assert b.read("RCC.CSR") & 3 == 2  # LSI is forced on, though LSION is as software left it
    b.set("RCC.CSR", 1)
    b.clear("RCC.CSR", 1)
    assert b.read("RCC.CSR") & 3 == 2  # and cannot be switched off
    for _ in range(5):
        b.pass_ns(3 * MS)
        b.write("IWDG.KR", 0xAAAA)
    assert not b.read("RCC.CSR") >> 29 & 1
    resets = len(b.cpu.resets)
    b.pass_ns(5 * MS)
    assert len(b.cpu.resets) == resets + 1
    assert b.read("RCC.CSR") >> 29 & 1
    assert not b.soc.iwdg.running


def test_iwdg_settings_need_the_key_and_a_while() -> None:
    b = Bench()
    b.write("IWDG.PR", 3)
    assert b.read("IWDG.PR") == 0
    b.write("IWDG.KR", 0x5555)
    b.write("IWDG.PR", 3)
    assert b.read("IWDG.SR") == 1
    b.pass_ns(MS)
    assert (b.read("IWDG.SR"), b.read("IWDG.PR")) == (0, 3)


def test_wwdg_resets_and_warns_before() -> None:
    b = Bench()
    b.enable("WWDG")
    assert b.read("WWDG.CR") == b.read("WWDG.CFR") == 0x7F
    b.write("WWDG.CFR", 0x7F | 1 << 9)
    b.write("WWDG.CR", 0xFF)  # 63 steps of 4096 / 16 MHz = 256 us
    b.pass_ns(63 * 256_000 + 1000)
    assert 0 in b.cpu.irqs
    assert b.read("WWDG.SR") == 1
    resets = len(b.cpu.resets)
    b.pass_ns(256_000)
    assert len(b.cpu.resets) == resets + 1
    assert b.read("RCC.CSR") >> 30 & 1


def test_the_window_watchdog_goes_on_at_the_pace_of_a_new_clock() -> None:
    """HPRE / 8: what was counted before stays."""
    b = Bench()
    b.enable("WWDG")
    b.write("WWDG.CR", 0xFF)
    step_ns = 256_000
    b.pass_ns(20 * step_ns)
    assert b.read("WWDG.CR") & 0x7F == 0x7F - 20
    b.write("RCC.CFGR", 0xA << 4)
    b.pass_ns(80 * step_ns)
    assert b.read("WWDG.CR") & 0x7F == 0x7F - 30
    resets: list[str] = []
    b.soc.on_reset = resets.append
    b.pass_ns(33 * 8 * step_ns)
    assert not resets
    b.pass_ns(2 * 8 * step_ns)
    assert resets == ["WWDG"]
