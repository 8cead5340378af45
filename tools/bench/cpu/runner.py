"""The run loop: slices of instructions, and what happens between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import decode, nvic
from .engine import Cause, Outcome
from .state import MaskMeter, Stop
from .traps import MaskTraps

if TYPE_CHECKING:
    from ..core import Core

_LONGEST_SLICE = 50_000_000
_STEPWISE = 2_000  # instructions of a slice that goes step by step: it may soon be known better


def _earlier(one: int | None, other: int) -> int:
    return other if one is None or other < one else one


class Runner:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._clock = core.clock
        self._engine = core.engine
        self._loop = core.loop
        self._pace = core.loop.pace
        self.instructions = 0  # of the slices that are over
        self.asleep: Cause | None = None  # WFI or EVENT_HINT
        #: To be called before the next instruction.
        self.deferred: list[Callable[[], None]] = []
        #: Told where the CPU is, after each branch at the latest, until they return False.
        self.followers: list[Callable[[int, bytes], bool]] = []
        #: Watched addresses: (low, high, what to call).
        self.watches: list[tuple[int, int, Callable[[int], None]]] = []
        self.mask_meter: MaskMeter | None = None
        self._straight_lines = decode.StraightLines(core.bus.code)
        self._traps = MaskTraps(core.engine, core.bus)
        self._resets = 0
        self._slice_end = 0  # cycles
        self._waiting = False  # time passes within an instruction
        self._masked = False  # something is pending that only a mask register holds back

    def reset(self) -> None:
        self._resets += 1
        self.asleep = None
        self._masked = False
        self.deferred.clear()
        self.followers.clear()

    def run(self, cycles: int | None, until_ns: int | None) -> Stop:
        clock, faulting = self._clock, self._core.faulting
        end = None if cycles is None else clock.cycles + cycles
        last, hclk = end, 0
        while True:
            self._between_instructions()
            if faulting.lockup:
                return Stop.LOCKUP
            if clock.hclk != hclk and until_ns is not None:
                last, hclk = _earlier(end, clock.cycles + clock.cycles_until(until_ns)), clock.hclk
            now, due = clock.reached, clock.next_due()
            if last is not None and last <= now:
                return Stop.IDLE if self.asleep else Stop.BUDGET
            if due is not None and due <= now:
                clock.advance(0)
            elif self.asleep:
                until = last if due is None else _earlier(last, due)
                if until is None:
                    return Stop.IDLE
                clock.advance(until - now)
            elif self._slice(_earlier(last, now + _LONGEST_SLICE), due):
                return Stop.BREAK

    def _slice(self, end: int, due: int | None) -> bool:
        """Execute up to the next event; True if a watched address was reached."""
        self._slice_end = end
        resets, masked = self._resets, self.mask_meter and self._engine.masks()[0]
        try:
            outcome = self._execute(_earlier(due, end) - self._clock.reached)
        except BaseException:  # from a callback: what ran has run, whatever the caller does
            self._passed(self._engine.begun())
            raise
        self._passed(outcome.executed)
        if self.mask_meter:
            self.mask_meter.passed(bool(masked), outcome.executed)
        if resets != self._resets:
            return False
        refused = self._core.faulting.refused
        if refused:
            self._core.faulting.take_refused(refused)
        elif outcome.cause is Cause.BREAK:
            return self._report_break(outcome.address)
        elif outcome.cause is not Cause.LIMIT:
            self._handle(outcome)
        return False

    def _passed(self, instructions: int) -> None:
        self.instructions += instructions
        waited = self._pace.passed(instructions) if self._pace.on else 0
        self._clock.advance(instructions + waited)

    def shorten_slice(self) -> None:
        """Something is due earlier than was said when the slice began, or time has passed."""
        if self._engine.running and not self._waiting:
            clock = self._clock
            left, due = self._slice_end - clock.cycles, clock.cycles_to_next()
            if due is not None and due < left:
                left = due
            self._engine.limit_to(0 if left < 0 or self._pace.on else left)

    def wait(self, cycles: Callable[[], int]) -> None:
        """From a callback: let so many cycles pass after this instruction."""
        if not self._engine.running:
            self.deferred.append(lambda: self._clock.advance(cycles()))
            return
        # Nothing is executed meanwhile, so the slice need not end for it.
        self._waiting = True
        try:
            self._clock.advance(cycles())
        finally:
            self._waiting = False
        self.shorten_slice()

    def stall(self, ns: int) -> None:
        """From a callback: let so much time pass after this instruction."""
        cycles = self._clock.cycles_in(ns)
        if self._engine.running and self._clock.pass_quietly(cycles):
            self._engine.shorten(cycles)
        else:
            self.wait(lambda: cycles)

    def _execute(self, cycles: int) -> Outcome:
        outcome = self._execute_once(cycles)
        return self._execute_again(outcome) if outcome.cause is Cause.UNDEFINED else outcome

    def _execute_once(self, cycles: int) -> Outcome:
        if not self._masked and not self.mask_meter:
            self._traps.rest()
        elif not self._traps.ready():
            return self._execute_stepwise(cycles)
        if self.followers:
            return self._engine.run_stepwise(cycles, self._next_line)
        count = self._pace.instructions_in(cycles) if self._pace.on else cycles
        return self._engine.run(count)

    def _execute_stepwise(self, count: int) -> Outcome:
        # Something is pending that a mask register holds back (or that is to be measured), and no
        # hook tells of a write to those. So go from branch to branch, and end the slice where one
        # may have been written.
        self._loop.end()
        outcome = self._engine.run_stepwise(min(count, _STEPWISE), self._next_line)
        self._traps.stepped(outcome.executed)
        return outcome

    def _next_line(self, pc: int) -> tuple[int, bool]:
        """Instructions from `pc` on (0 to look at once if something is to be done, or if it can
        go on at full speed), and if the CPU is to be looked at then."""
        code, instructions, last = self._straight_lines(pc)
        if self.followers:
            self.followers = [fn for fn in self.followers if fn(pc, code)]
            if self.deferred or not self.followers:
                return 0, True
        return instructions, last

    def _execute_again(self, outcome: Outcome) -> Outcome:
        """An instruction is undefined: perhaps it was programmed where nothing was when the code
        before it was translated."""
        self._engine.forget_code(self._engine.pc, 4)
        again = self._engine.run(1)
        again.executed += outcome.executed - 1
        return again

    def _report_break(self, address: int) -> bool:
        """Tell those who watch the address; False if only a trap was there."""
        self._loop.reached(address)
        self._traps.reached(address)
        self._core.fence.at(address)
        watching = [fn for low, high, fn in self.watches if low <= address <= high]
        for fn in watching:
            fn(address)
        return bool(watching)

    # -- between instructions --------------------------------------------------------------

    def _between_instructions(self) -> None:
        core = self._core
        again = True
        while again:
            while self.deferred:
                self.deferred.pop(0)()
            if core.bus.stale:
                core.bus.refresh_code()
            self._masked = again = False
            if core.nvic.pending and not core.faulting.lockup:
                again = self._take_exception()
        if self.asleep is Cause.EVENT_HINT and self._core.event_register:
            self._core.event_register, self.asleep = False, None

    def _take_exception(self) -> bool:
        """Take what is pending, if it is to be taken; True if something else may be at once."""
        state, exceptions = self._core.nvic, self._core.exceptions
        preempting = state.preempting()
        if preempting is None:
            return False
        number, priority = preempting
        mode = exceptions.mode()
        primask, basepri, faultmask = mode.masks
        if priority < state.execution_priority(primask, basepri, faultmask):
            others = len(state.pending) - 1
            exceptions.enter(number, mode)
            # Of what was pending it was the first. But the entry may pend or defer something.
            return len(state.pending) > others or bool(self.deferred) or self._core.bus.stale
        # PRIMASK does not keep the core asleep, the other two do (B1.5.19).
        if priority < state.execution_priority(0, basepri, faultmask):
            self.asleep = None
        self._masked = True
        return False

    # -- what ends a slice -----------------------------------------------------------------

    def _handle(self, outcome: Outcome) -> None:
        match outcome.cause:
            case Cause.EXC_RETURN:
                self._core.exceptions.leave()
            case Cause.WFI:
                self.asleep = Cause.WFI
            case Cause.EVENT_HINT:
                self._wait_for_event()
            case Cause.SVC:
                self._core.faulting.enter(nvic.SVCALL)
            case Cause.BKPT:
                self._core.faulting.breakpoint()
            case _:
                self._core.faulting.instruction_failed(outcome)

    def _wait_for_event(self) -> None:
        pc = self._engine.pc
        last = self._core.bus.peek(pc - 2)
        if last not in (decode.WFE, decode.WIDE_WFE):
            return  # YIELD
        # SEV is a NOP to Unicorn; only one right before this instruction is noticed.
        if self._core.event_register or self._core.bus.peek(pc - 4) == decode.SEV:
            self._core.event_register = False
        else:
            self.asleep = Cause.EVENT_HINT
