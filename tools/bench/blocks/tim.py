"""TIMx as an up-counter with update interrupt and one-pulse mode (RM0090 17.3, 18.3, 20.3).

CNT is computed when it is read; only the next update event is in the clock's queue, and only if it
changes anything: one while the flag of the last is still set does not. Channels, capture and DMA
are registers without behaviour.
"""

from __future__ import annotations

from ..chip import Peripheral
from ..clock import NS_PER_S, Event
from .base import RegisterBlock, System

CEN, UDIS, URS, OPM = 1, 2, 4, 8  # CR1
UIF, UIE, UG = 1, 1, 1  # SR, DIER, EGR
UPDATE_LINE = {4: 1}  # advanced timers have lines for break, update, trigger, capture/compare


class Timer(RegisterBlock):
    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._line = UPDATE_LINE.get(len(facts.irqs), 0)
        self._since = 0  # ns at which the counter was `_count`
        self._count = 0
        self._hz = 1  # of the input, since then
        self._prescaler = 0  # the one in use: PSC is preloaded at each update
        self._next: Event | None = None
        self.on_write("CR1", self._write_cr1)
        self.on_write("EGR", self._write_egr)
        self.on_write("SR", self._write_sr)
        self.on_write("DIER", self._write_dier)
        self.on_write("ARR", self._write_arr)
        self.on_write("CNT", self._write_cnt)
        self.on_write("PSC", self._write_psc)
        self.on_read("CNT", self._counter)

    @property
    def running(self) -> bool:
        return bool(self.get("CR1") & CEN) and self.clocked

    def peek(self, offset: int) -> int:
        return self._counter() if offset == self.by_name["CNT"].offset else super().peek(offset)

    def reset(self) -> None:
        super().reset()
        self._count = self._prescaler = 0
        self._plan()

    def set_clock(self, on: bool) -> None:
        self._freeze()
        super().set_clock(on)
        self._plan()

    def clock_changed(self) -> None:
        if self._hz != self.system.timer_frequency(self.facts.bus):
            self._freeze()
            self._plan()

    # --- time ----------------------------------------------------------------------------------

    def _tick_ns(self, ticks: int) -> int:
        return ticks * (self._prescaler + 1) * NS_PER_S // self._hz

    def _ticks(self) -> int:
        """Those since `_since`."""
        ns = self.system.clock.now - self._since
        return ns * self._hz // (NS_PER_S * (self._prescaler + 1))

    def _counter(self) -> int:
        if not self.running:
            return self._count
        return (self._count + self._ticks()) % (self.get("ARR") + 1)

    def _freeze(self) -> None:
        self._count = self._counter()

    def _plan(self) -> None:
        """It counts from `_count` on."""
        self._since, self._hz = self.system.clock.now, self.system.timer_frequency(self.facts.bus)
        self._queue()

    def _queue(self) -> None:
        """Put the next update event on the queue."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self.running and self.get("ARR") and self._update_matters():  # ARR = 0: it is blocked
            passed = self.system.clock.now - self._since
            ns = self._tick_ns(self._ticks_to_update()) - passed
            self._next = self.system.clock.after(max(ns, 1), self._overflow)

    def _update_matters(self) -> bool:
        control = self.get("CR1")
        sets_flag = not (control & UDIS or self.get("SR") & UIF)
        return sets_flag or bool(control & OPM) or self._prescaler != self.get("PSC")

    def _ticks_to_update(self) -> int:
        """From `_since` to the next one."""
        period = self.get("ARR") + 1
        first = max(period - self._count, 1)
        over = self._ticks() - first
        return first if over < 0 else first + (over // period + 1) * period

    def _overflow(self) -> None:
        self._next = None
        self._count = 0
        self._prescaler = self.get("PSC")
        if not self.get("CR1") & UDIS:
            self._update()
        if self.get("CR1") & OPM:
            self.put("CR1", self.get("CR1") & ~CEN)
        self._plan()

    def _update(self) -> None:
        self.put("SR", self.get("SR") | UIF)
        self._drive()

    def _drive(self) -> None:
        self.irq(bool(self.get("SR") & self.get("DIER") & UIE), self._line)

    # --- registers -----------------------------------------------------------------------------

    def _write_cr1(self, value: int) -> None:
        self._freeze()
        self.store("CR1", value)
        self._plan()

    def _write_egr(self, value: int) -> None:
        if not value & UG:
            return
        self._count = 0
        self._prescaler = self.get("PSC")
        if not self.get("CR1") & (UDIS | URS):
            self._update()
        self._plan()

    def _write_sr(self, value: int) -> None:
        self.put("SR", self.get("SR") & value)
        self._drive()
        self._queue()

    def _write_dier(self, value: int) -> None:
        self.store("DIER", value)
        self._drive()

    def _write_arr(self, value: int) -> None:
        self._freeze()
        self.store("ARR", value)
        self._plan()

    def _write_cnt(self, value: int) -> None:
        self._count = value & self.by_name["CNT"].mask
        self._plan()

    def _write_psc(self, value: int) -> None:
        self.store("PSC", value)
        self._queue()
