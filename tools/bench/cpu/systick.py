"""SysTick in virtual time (DDI 0403E B3.3)."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock, Event

ENABLE, TICKINT, CLKSOURCE, COUNTFLAG = 1 << 0, 1 << 1, 1 << 2, 1 << 16
_EXTERNAL_DIVIDER = 8  # on STM32 the reference clock is HCLK/8 (PM0214 4.5)


class SysTick:
    """A 24-bit down counter; its value is computed when it is read."""

    def __init__(self, clock: Clock, pend: Callable[[], None]) -> None:
        self._clock = clock
        self._pend = pend
        self._event: Event | None = None
        self.reset()

    def reset(self) -> None:
        """LOAD and VAL are unknown after a reset of the chip; here they are 0."""
        self._cancel()
        self._control = 0
        self._count_flag = False
        self.reload = 0
        self._value = 0  # at cycle _since
        self._since = 0

    @property
    def control(self) -> int:
        """CTRL without the effect of reading it."""
        return self._control | (COUNTFLAG if self._count_flag else 0)

    def read_control(self) -> int:
        self._catch_up()
        value, self._count_flag = self.control, False
        return value

    def write_control(self, value: int) -> None:
        self._settle()
        self._control = value & (ENABLE | TICKINT | CLKSOURCE)
        self._plan()

    def write_reload(self, value: int) -> None:
        self._settle()
        self.reload = value & 0xFFFFFF
        self._plan()

    def write_value(self) -> None:
        """Any write clears VAL and COUNTFLAG, without an interrupt."""
        self._settle()
        self._value, self._count_flag = 0, False
        self._plan()

    @property
    def value(self) -> int:
        if not self._control & ENABLE:
            return self._value
        ticks = (self._clock.cycles - self._since) // self._cycles_per_tick
        if ticks <= self._value:
            return self._value - ticks
        if not self.reload:
            return 0
        return self.reload - (ticks - self._value - 1) % (self.reload + 1)

    @property
    def _cycles_per_tick(self) -> int:
        return 1 if self._control & CLKSOURCE else _EXTERNAL_DIVIDER

    def _settle(self) -> None:
        """Count from the present cycle on."""
        self._catch_up()
        self._value, self._since = self.value, self._clock.cycles

    def _plan(self) -> None:
        """Set an event for the next change from 1 to 0."""
        self._cancel()
        ticks = self._value or (self.reload + 1 if self.reload else 0)
        if self._control & ENABLE and ticks:
            due = self._since + ticks * self._cycles_per_tick
            self._event = self._clock.at_cycle(due, self._expired)

    def _catch_up(self) -> None:
        # Within a slice the clock can stand on the zero whose event runs at the slice's end.
        if self._event and self._event.due <= self._clock.cycles:
            self._expired()

    def _expired(self) -> None:
        assert self._event
        self._value, self._since = 0, self._event.due
        self._count_flag = True
        self._plan()
        if self._control & TICKINT:
            self._pend()

    def _cancel(self) -> None:
        if self._event:
            self._event.cancel()
            self._event = None
