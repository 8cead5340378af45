"""Which exception is next: pending and active states, enables and priorities (DDI 0403E B1.5).

Exceptions are named by their number: 2 NMI, 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault,
11 SVCall, 12 DebugMonitor, 14 PendSV, 15 SysTick, 16 + n external interrupt n.
"""

from __future__ import annotations

from collections.abc import Callable

from .spec import CoreSpec

NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = 2, 3, 4, 5, 6
SVCALL, DEBUG_MONITOR, PENDSV, SYSTICK, FIRST_IRQ = 11, 12, 14, 15, 16

#: The priority of thread mode, below every exception.
THREAD_PRIORITY = 256

NAMES = {
    1: "Reset",
    NMI: "NMI",
    HARD_FAULT: "HardFault",
    MEM_MANAGE: "MemManage",
    BUS_FAULT: "BusFault",
    USAGE_FAULT: "UsageFault",
    SVCALL: "SVCall",
    DEBUG_MONITOR: "DebugMonitor",
    PENDSV: "PendSV",
    SYSTICK: "SysTick",
}

_FIXED = {1: -3, NMI: -2, HARD_FAULT: -1}


def name_of(number: int) -> str:
    return NAMES.get(number) or f"IRQ{number - FIRST_IRQ}"


class Nvic:
    def __init__(self, spec: CoreSpec) -> None:
        self.count = FIRST_IRQ + spec.irq_count
        self.priority_mask = 0xFF << (8 - spec.prio_bits) & 0xFF
        self.lines: set[int] = set()  # exception numbers whose input is high
        self.on_pend: Callable[[], None] = lambda: None  # something became pending
        self._preempting: tuple[int, int] | None = None
        self._decided = False
        self._group_priorities: dict[int, int] = {}  # cache
        #: Group priority of the handlers under way, without the mask registers.
        self.active_priority = THREAD_PRIORITY
        self.reset()

    def reset(self) -> None:
        """All but the input lines, which belong to the peripherals."""
        self.pending: set[int] = set(self.lines)
        self.active: set[int] = set()
        self.enabled: set[int] = set()  # external interrupts, and faults 4 to 6
        self.priority = [0] * self.count
        self.prigroup = 0
        self.reconsider()

    def reconsider(self) -> None:
        """Something changed here: decide anew what is next."""
        self._decided = False
        self._group_priorities.clear()
        self._find_active_priority()

    def is_irq(self, number: int) -> bool:
        return FIRST_IRQ <= number < self.count

    def pend(self, number: int) -> None:
        if number not in self.pending:
            self.pending.add(number)
            self._decided = False
            self.on_pend()

    def set_line(self, number: int, level: bool) -> None:
        """Input of an external interrupt; it pends while high and not active (B3.4.1)."""
        if not level:
            self.lines.discard(number)
        elif number not in self.lines:
            self.lines.add(number)
            self.pend(number)

    def clear_pending(self, number: int) -> None:
        self._decided = False
        self.pending.discard(number)
        if number in self.lines and number not in self.active:
            self.pending.add(number)

    def activate(self, number: int) -> None:
        self._decided = False
        priority = self.group_priority(number)
        if priority < self.active_priority:
            self.active_priority = priority
        self.pending.discard(number)
        self.active.add(number)

    def deactivate(self, number: int) -> None:
        self._decided = False
        self.active.discard(number)
        self._find_active_priority()
        if number in self.lines:
            self.pend(number)

    def can_run(self, number: int) -> bool:
        """It is enabled, or has no enable bit."""
        if number >= FIRST_IRQ or MEM_MANAGE <= number <= USAGE_FAULT:
            return number in self.enabled
        return True

    def priority_of(self, number: int) -> int:
        return _FIXED.get(number, self.priority[number])

    def group_priority(self, number: int) -> int:
        priority = self._group_priorities.get(number)
        if priority is None:
            priority = self._group_priorities[number] = self.group(self.priority_of(number))
        return priority

    def group(self, priority: int) -> int:
        """The part of a priority that decides about preemption (AIRCR.PRIGROUP)."""
        return priority if priority < 0 else priority & ~((2 << self.prigroup) - 1)

    def next_pending(self) -> int | None:
        """The enabled pending exception of the highest priority, the lowest number first."""
        if len(self.pending) == 1:  # the usual case
            (number,) = self.pending
            return number if self.can_run(number) else None
        first, its_rank = None, 0
        for number in self.pending:
            if self.can_run(number):
                rank = (self.priority_of(number) << 9) + number
                if first is None or rank < its_rank:
                    first, its_rank = number, rank
        return first

    def preempting(self) -> tuple[int, int] | None:
        """The exception that would be taken without mask registers, and its group priority."""
        if not self._decided:
            self._preempting = self._decide()
            self._decided = True
        return self._preempting

    def _decide(self) -> tuple[int, int] | None:
        number = self.next_pending()
        if number is None:
            return None
        priority = self.group_priority(number)
        return (number, priority) if priority < self.active_priority else None

    def _find_active_priority(self) -> None:
        self.active_priority = THREAD_PRIORITY
        if self.active:
            self.active_priority = min(self.group_priority(n) for n in self.active)

    def execution_priority(self, primask: int, basepri: int, faultmask: int) -> int:
        """A pending exception is taken if its priority is numerically below this (B1.5.4)."""
        if not (primask or basepri or faultmask):
            return self.active_priority
        boosted = self.group(basepri) if basepri else THREAD_PRIORITY
        if primask:
            boosted = 0
        if faultmask:
            boosted = -1
        return min(self.active_priority, boosted)
