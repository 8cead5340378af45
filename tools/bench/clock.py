"""Virtual time: nanoseconds derived from CPU cycles, and a queue of events.

Nothing here reads the host's clock, so a run repeats exactly. One executed instruction is one
cycle of HCLK; while the CPU sleeps the cycles go on without instructions.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(slots=True, eq=False)
class Event:
    """A call at a point in time; `cancel()` prevents it, and does nothing afterwards."""

    due: int
    order: int
    fn: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True

    def __lt__(self, other: Event) -> bool:
        return self.due < other.due or (self.due == other.due and self.order < other.order)


class Clock:
    """Virtual time since power-on.

    `hclk` is the CPU clock in Hz. A change leaves `now` and `cycles` as they are and sets the
    relation between them from then on; events keep their due time.
    """

    def __init__(self, hclk: int = 16_000_000) -> None:
        self._hclk = hclk
        self._base_ns = 0  # `now` at the moment of the last change of hclk ...
        self._base_cycles = 0  # ... and `cycles` at that moment
        #: Cycles since power-on, without those of a slice that is running.
        self.reached = 0
        self._by_ns: list[Event] = []
        self._by_cycle: list[Event] = []
        self._order = 0
        self._known = False  # these two are up to date:
        self._next: Event | None = None
        self._due: int | None = None  # its cycle
        #: Cycles of the slice that is running. Set by the core, so that time is exact in
        #: callbacks.
        self.under_way: Callable[[], int] = _nothing
        #: Called when the next event has become earlier than `cycles_to_next()` said.
        self.on_earlier: Callable[[], None] = _ignore

    @property
    def cycles(self) -> int:
        """CPU cycles since power-on, the instruction that is executing included."""
        return self.reached + self.under_way()

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
        self._hclk, self._known = hz, False
        self.on_earlier()

    def after(self, ns: int, fn: Callable[[], None]) -> Event:
        """Call `fn` when `ns` nanoseconds (0 or more) have passed."""
        return self._add(self._by_ns, self.now + max(ns, 0), fn)

    def after_cycles(self, cycles: int, fn: Callable[[], None]) -> Event:
        """Call `fn` when `cycles` CPU cycles (0 or more) have passed, whatever hclk becomes."""
        return self.at_cycle(self.cycles + max(cycles, 0), fn)

    def at_cycle(self, cycle: int, fn: Callable[[], None]) -> Event:
        """Call `fn` when `cycles` reads this, or at once if that has passed."""
        return self._add(self._by_cycle, cycle, fn)

    def cycles_to_next(self) -> int | None:
        """Cycles until the next event, 0 if one is due, None if there is none."""
        due = self.next_due()
        if due is None:
            return None
        cycles = due - self.cycles
        return cycles if cycles > 0 else 0

    def next_due(self) -> int | None:
        """The cycle of the next event, None if there is none."""
        if not self._known or (self._next and self._next.cancelled):
            self._look()
        return self._due

    def cycles_in(self, ns: int) -> int:
        """Cycles that take `ns` or longer at the present hclk."""
        return -(-ns * self._hclk // NS_PER_S)

    def cycles_until(self, ns: int) -> int:
        """Cycles from now until virtual time `ns` at the present hclk; 0 if that has passed."""
        return max(self._cycle_at(ns) - self.cycles, 0)

    def advance(self, cycles: int) -> None:
        """Let `cycles` pass and run the events that become due, in order.

        Called from a callback of the CPU, the present instruction takes that much longer.
        """
        under_way = self.under_way()
        end = self.reached + cycles
        while (due := self.next_due()) is not None and due <= end + under_way:
            if due - under_way > self.reached:
                self.reached = due - under_way
            self._run_due(self.reached + under_way)
        if end > self.reached:
            self.reached = end

    def _run_due(self, now: int) -> None:
        by_cycle, by_ns = self._by_cycle, self._by_ns
        while by_cycle and (by_cycle[0].cancelled or by_cycle[0].due <= now):
            self._happen(by_cycle)
        while by_ns and (by_ns[0].cancelled or self._cycle_at(by_ns[0].due) <= now):
            self._happen(by_ns)

    def _happen(self, queue: list[Event]) -> None:
        event = heapq.heappop(queue)
        self._known = False
        if not event.cancelled:
            event.fn()

    def _add(self, queue: list[Event], due: int, fn: Callable[[], None]) -> Event:
        self._order += 1
        event = Event(due, self._order, fn)
        heapq.heappush(queue, event)
        if queue[0] is event:
            self._known = False
            self.on_earlier()
        return event

    def _look(self) -> None:
        """Find the next event."""
        by_ns, by_cycle = self._by_ns, self._by_cycle
        while by_cycle and by_cycle[0].cancelled:
            heapq.heappop(by_cycle)
        while by_ns and by_ns[0].cancelled:
            heapq.heappop(by_ns)
        self._next, self._due = (by_cycle[0], by_cycle[0].due) if by_cycle else (None, None)
        if by_ns:
            cycle = self._cycle_at(by_ns[0].due)
            if self._due is None or cycle <= self._due:
                self._next, self._due = by_ns[0], cycle
        self._known = True

    def _ns_at(self, cycles: int) -> int:
        return self._base_ns + (cycles - self._base_cycles) * NS_PER_S // self._hclk

    def _cycle_at(self, ns: int) -> int:
        """The first cycle at which `now` is `ns` or later."""
        return self._base_cycles - (self._base_ns - ns) * self._hclk // NS_PER_S


def _nothing() -> int:
    return 0


def _ignore() -> None:
    pass
