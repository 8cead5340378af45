"""Virtual time."""

from __future__ import annotations

import pytest

from tools.bench.clock import Clock


def test_events_run_in_order_of_time_each_at_its_own_moment() -> None:
    clock = Clock(hclk=1_000_000)
    seen: list[tuple[str, int]] = []
    clock.after(5_000, lambda: seen.append(("b", clock.now)))
    clock.after(2_000, lambda: seen.append(("a", clock.now)))
    clock.after(5_000, lambda: seen.append(("c", clock.now)))
    clock.after_cycles(3, lambda: seen.append(("x", clock.cycles)))
    assert clock.cycles_to_next() == 2
    clock.advance(10)
    assert seen == [("a", 2_000), ("x", 3), ("b", 5_000), ("c", 5_000)]
    assert (clock.cycles, clock.now, clock.cycles_to_next()) == (10, 10_000, None)


def test_an_event_may_make_and_cancel_others() -> None:
    clock = Clock(hclk=1_000_000)
    seen: list[int] = []
    late = clock.after(4_000, lambda: seen.append(4))

    def first() -> None:
        late.cancel()
        clock.after(1_000, lambda: seen.append(clock.cycles))

    clock.after(1_000, first)
    clock.advance(10)
    assert seen == [2]
    late.cancel()


def test_an_event_is_never_early() -> None:
    clock = Clock(hclk=168_000_000)
    seen: list[int] = []
    clock.after(1_001, lambda: seen.append(clock.now))
    step = clock.cycles_to_next()
    assert step == 169  # 168.168 cycles
    clock.advance(step - 1)
    assert seen == []
    clock.advance(1)
    assert seen and seen[0] >= 1_001


def test_a_change_of_hclk_moves_neither_now_nor_due_times() -> None:
    clock = Clock(hclk=16_000_000)
    clock.advance(1_600)
    seen: list[int] = []
    clock.after(10_000, lambda: seen.append(clock.now))
    assert clock.cycles_to_next() == 160
    clock.hclk = 160_000_000
    assert (clock.now, clock.cycles) == (100_000, 1_600)
    assert clock.cycles_to_next() == 1_600
    clock.advance(1_600)
    assert seen == [110_000]
    assert clock.cycles_until(clock.now + 1_000) == 160


def test_hclk_must_be_a_frequency() -> None:
    with pytest.raises(ValueError, match="above 0 Hz"):
        Clock().hclk = 0


@pytest.mark.parametrize("hclk", [16_000_000, 168_000_000, 33_333_333])
def test_a_time_in_cycles_is_never_short(hclk: int) -> None:
    clock = Clock(hclk)
    for ns in (0, 1, 16_000, 99_999, 1_000_001):
        cycles = clock.cycles_in(ns)
        assert (cycles - 1) * 1_000_000_000 < ns * hclk <= cycles * 1_000_000_000
