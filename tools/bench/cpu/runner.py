"""The run loop: slices of instructions, and what happens between them."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from . import decode, nvic
from .engine import Cause, Outcome
from .exceptions import Exceptions
from .faulting import Faulting
from .parts import Parts
from .state import Stop

_LONGEST_SLICE = 50_000_000
# While a mask register holds back a pending exception, instructions are run step by step, because
# no hook is called for a write to a mask register. After this many instructions of one
# masking, those of handlers that it does not hold back left out, ...
_STEPPED = 5_000
# ... the masks are read only after each this many.
COARSE = 1_000


def _earlier(one: int | None, other: int) -> int:
    return other if one is None or other < one else one


class Runner:
    def __init__(
        self, parts: Parts, clock: Clock, faulting: Faulting, exceptions: Exceptions
    ) -> None:
        self._engine, self._bus = parts.engine, parts.bus
        self._nvic = parts.nvic
        self._clock = clock
        self._faulting = faulting
        self._exceptions = exceptions
        self.instructions = 0  # of the slices that are over
        self.asleep: Cause | None = None  # WFI or EVENT_HINT
        self.event_register = False
        #: To be called before the next instruction.
        self.deferred: list[Callable[[], None]] = []
        #: Watched addresses: (low, high, what to call).
        self.watches: list[tuple[int, int, Callable[[int], None]]] = []
        self._straight_lines = decode.StraightLines(parts.bus.code)
        self._resets = 0
        self._slice_end = 0  # cycles
        self._waiting = False  # time passes within an instruction
        self._masked = False  # something is pending that only a mask register holds back
        self._masked_for = 0  # instructions
        self._held: tuple[int, ...] = ()  # what is held back, and the masks

    def reset(self) -> None:
        self._resets += 1
        self.asleep = None
        self.event_register = self._masked = False
        self.deferred.clear()

    def run(self, cycles: int | None, until_ns: int | None) -> Stop:
        clock = self._clock
        end = None if cycles is None else clock.cycles + cycles
        last, hclk = end, 0
        while True:
            self._between_instructions()
            if self._faulting.lockup:
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
        resets = self._resets
        try:
            outcome = self._execute(_earlier(due, end) - self._clock.reached)
        except BaseException:  # from a callback: what ran has run, whatever the caller does
            self._passed(self._engine.begun())
            raise
        self._passed(outcome.executed)
        if resets != self._resets:
            return False
        refused = self._faulting.refused
        if refused:
            self._faulting.take_refused(refused)
        elif outcome.cause is Cause.BREAK:
            return self._report_break(outcome.address)
        elif outcome.cause is not Cause.LIMIT:
            self._handle(outcome)
        return False

    def _passed(self, instructions: int) -> None:
        self.instructions += instructions
        self._clock.advance(instructions)

    def shorten_slice(self) -> None:
        """The next event is earlier than when the slice began, or time has passed."""
        if self._engine.running and not self._waiting:
            clock = self._clock
            left, due = self._slice_end - clock.cycles, clock.cycles_to_next()
            if due is not None and due < left:
                left = due
            self._engine.limit_to(0 if left < 0 else left)

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

    def reconsider(self) -> None:
        """What is enabled and its priorities have changed: look before the next instruction if
        there is anything to be taken."""
        if self._masked or self._nvic.preempting():
            self._engine.stop_after_instruction()

    def _execute(self, cycles: int) -> Outcome:
        if not self._masked:
            return self._engine.run(cycles)
        if self._masked_for < _STEPPED:
            outcome = self._engine.run_stepwise(
                min(cycles, _STEPPED - self._masked_for), self._straight_lines
            )
        else:
            outcome = self._engine.run(min(cycles, COARSE - self._masked_for % COARSE))
        self._masked_for += outcome.executed
        return outcome

    def _report_break(self, address: int) -> bool:
        """Call the functions that watch the address; False if there is none any more."""
        watching = [fn for low, high, fn in self.watches if low <= address <= high]
        for fn in watching:
            fn(address)
        return bool(watching)

    # -- between instructions --------------------------------------------------------------

    def _between_instructions(self) -> None:
        again = True
        while again:
            while self.deferred:
                self.deferred.pop(0)()
            if self._bus.stale:
                self._bus.refresh_code()
            self._masked = again = False
            if not self._nvic.pending:
                self._masked_for = 0
            elif not self._faulting.lockup:
                again = self._take_exception()
        if self.asleep is Cause.EVENT_HINT and self.event_register:
            self.event_register, self.asleep = False, None

    def _take_exception(self) -> bool:
        """Take a pending exception if its priority allows; True if another may follow at once."""
        state, exceptions = self._nvic, self._exceptions
        preempting = state.preempting()
        if preempting is None:
            return False
        number, priority = preempting
        mode = exceptions.mode()
        primask, basepri, faultmask = mode.masks
        if priority < state.execution_priority(primask, basepri, faultmask):
            if number in self._held[:1]:
                self._masked_for = 0  # the masks were lifted
            others = len(state.pending) - 1
            exceptions.enter(number, mode)
            # Of what was pending it was the first. But the entry may pend or defer something.
            return len(state.pending) > others or bool(self.deferred) or self._bus.stale
        # PRIMASK does not keep the core asleep, the other two do (B1.5.19).
        if priority < state.execution_priority(0, basepri, faultmask):
            self.asleep = None
        self._masked = True
        if self._held != (number, *mode.masks):
            self._held, self._masked_for = (number, *mode.masks), 0
        return False

    # -- what ends a slice -----------------------------------------------------------------

    def _handle(self, outcome: Outcome) -> None:
        match outcome.cause:
            case Cause.EXC_RETURN:
                self._exceptions.leave()
            case Cause.WFI:
                self.asleep = Cause.WFI
            case Cause.EVENT_HINT:
                self._wait_for_event()
            case Cause.SVC:
                self._faulting.enter(nvic.SVCALL)
            case Cause.BKPT:
                self._faulting.breakpoint()
            case _:
                self._faulting.instruction_failed(outcome)

    def _wait_for_event(self) -> None:
        pc = self._engine.pc
        last = self._bus.peek(pc - 2)
        if last not in (decode.WFE, decode.WIDE_WFE):
            return  # YIELD
        # SEV is a NOP to Unicorn; only one right before this instruction is noticed.
        if self.event_register or self._bus.peek(pc - 4) == decode.SEV:
            self.event_register = False
        else:
            self.asleep = Cause.EVENT_HINT
