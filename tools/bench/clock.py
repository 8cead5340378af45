"""Virtual time: nanoseconds derived from CPU cycles, and a queue of things that are due.

Nothing here looks at the host's clock, so a run repeats exactly. One executed instruction is one
cycle of HCLK; while the CPU sleeps the cycles go on without instructions.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

NS_PER_S = 1_000_000_000


@dataclass(order=True)
class Event:
    """Something that will happen; `cancel()` makes it not happen (harmless when it is over)."""

    due: int
    order: int
    fn: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Virtual time since power-on.

    `hclk` is the CPU clock in Hz. Changing it moves neither `now` nor `cycles`, only how fast
    one follows the other from then on; events keep their due time.
    """

    def __init__(self, hclk: int = 16_000_000) -> None:
        self._hclk = hclk
        self._base_ns = 0  # `now` at the moment of the last change of hclk ...
        self._base_cycles = 0  # ... and `cycles` at that moment
        self._cycles = 0
        self._by_ns: list[Event] = []
        self._by_cycle: list[Event] = []
        self._order = 0
        #: Cycles of a slice that is under way, set by the core: time is exact inside callbacks.
        self.under_way: Callable[[], int] = _nothing
        #: Called when something became due earlier than `cycles_to_next()` said before.
        self.on_earlier: Callable[[], None] = _ignore
        #: Called after a change of hclk, with the cycle count of the change.
        self.on_hclk: list[Callable[[], None]] = []

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on, the instruction that is executing included."""
        return self._cycles + self.under_way()

    @property
    def now(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self._ns_at(self.cycles)

    @property
    def hclk(self) -> int:
        """CPU clock in Hz (above 0)."""
        return self._hclk

    @hclk.setter
    def hclk(self, hz: int) -> None:
        if hz <= 0:
            raise ValueError(f"the CPU clock must be above 0 Hz, not {hz}")
        if hz == self._hclk:
            return
        cycles = self.cycles
        self._base_ns, self._base_cycles = self._ns_at(cycles), cycles
        self._hclk = hz
        for fn in self.on_hclk:
            fn()
        self.on_earlier()

    def after(self, ns: int, fn: Callable[[], None]) -> Event:
        """Call `fn` when `ns` nanoseconds (0 or more) have passed."""
        return self._add(self._by_ns, self.now + max(ns, 0), fn)

    def after_cycles(self, cycles: int, fn: Callable[[], None]) -> Event:
        """Call `fn` when `cycles` CPU cycles (0 or more) have passed, whatever hclk becomes."""
        return self._add(self._by_cycle, self.cycles + max(cycles, 0), fn)

    def cycles_to_next(self) -> int | None:
        """Cycles until the next event, 0 if one is due, None if nothing is waiting."""
        cycles = self.cycles
        due = [self._cycle_of(queue) for queue in (self._by_ns, self._by_cycle)]
        waiting = [cycle for cycle in due if cycle is not None]
        return max(min(waiting) - cycles, 0) if waiting else None

    def cycles_until(self, ns: int) -> int:
        """Cycles from now until virtual time `ns` at the present hclk; 0 if it is over."""
        return max(self._cycle_at(ns) - self.cycles, 0)

    def advance(self, cycles: int) -> None:
        """Let `cycles` pass, running what falls due, each at its own time and in order."""
        end = self._cycles + cycles
        while (step := self.cycles_to_next()) is not None and self._cycles + step <= end:
            self._cycles += step
            self._run_due()
        self._cycles = max(end, self._cycles)

    def _run_due(self) -> None:
        for queue in (self._by_cycle, self._by_ns):
            while (cycle := self._cycle_of(queue)) is not None and cycle <= self._cycles:
                heapq.heappop(queue).fn()

    def _add(self, queue: list[Event], due: int, fn: Callable[[], None]) -> Event:
        self._order += 1
        event = Event(due, self._order, fn)
        heapq.heappush(queue, event)
        if queue[0] is event:
            self.on_earlier()
        return event

    def _cycle_of(self, queue: list[Event]) -> int | None:
        while queue and queue[0].cancelled:
            heapq.heappop(queue)
        if not queue:
            return None
        return queue[0].due if queue is self._by_cycle else self._cycle_at(queue[0].due)

    def _ns_at(self, cycles: int) -> int:
        return self._base_ns + (cycles - self._base_cycles) * NS_PER_S // self._hclk

    def _cycle_at(self, ns: int) -> int:
        """The first cycle at which `now` is `ns` or later."""
        return self._base_cycles - (self._base_ns - ns) * self._hclk // NS_PER_S


def _nothing() -> int:
    return 0


def _ignore() -> None:
    pass
