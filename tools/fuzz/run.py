"""Sets a state up, calls `helper` there and judges what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from random import Random

from unicorn import arm_const as arm

from ..bench.core import FetchCounter, Stop
from .application import CODE, RETURN, STRAY, Application
from .layout import plain
from .states import State
from .subject import FuzzError, Subject
from .witness import Witness

PAGE = 0x400
LOOK, GO, COMPLETE, CONTROL = range(4)  # tasks of the helper; see lib/romboot/jump.py
MS = 1_000_000
SLICE_NS = MS // 2  # how often the end is looked for
LOWEST_HZ = 15_625  # that is drawn
# Longer than it takes at the lowest clock, with a SysTick after every instruction. A crystal that
# fails may leave a slower one, where it may take these instructions.
LIMIT_NS = 3_000 * MS
LIMIT_INSTRUCTIONS, FAR = 100_000, 50
ERASE_NS = LIMIT_NS + 3_000 * MS  # and an erase before it


class End(Enum):
    """How a call can end."""

    ARRIVED = "arrived"
    REFUSED = "refused"
    WATCHDOG = "watchdog"
    RESET = "reset"
    FAILED = "failed"


@dataclass
class Outcome:
    """What came of one state. `wrong` are sentences, empty if all is well; `counted` says that
    fetches from flash were counted, `instructions` those from the call to the end; `way` is
    "jump" or "reset"."""

    end: End
    wrong: list[str] = field(default_factory=list)
    counted: bool = False
    instructions: int = 0
    way: str = "jump"

    def __str__(self) -> str:
        return self.end.value if self.way == "jump" else f"{self.end.value} by {self.way}"


class Call:
    """One call of `helper` in an application, watched to its end."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.witness = Witness(app)
        self.resets: list[str] = []
        self.returned: int | None = None
        self.fetches: FetchCounter | None = None
        self.exceptions_before = 0
        self._limit_ns = 0
        self._started = app.core.instructions, app.soc.clock.now
        self._faults = len(app.core.faults)
        self._unmodelled = len(app.soc.unmodelled)
        self._unwatch: list[Callable[[], None]] = []
        app.board.soc.on_reset = self.resets.append

    def run(self, image: int, task: int, limit_ns: int = LIMIT_NS) -> End:
        """Until it returns, arrives in system memory, or the chip is reset."""
        app, core, engine = self.app, self.app.core, self.app.core.engine
        self.returned = None
        back = app.layout.application + RETURN
        for n, value in enumerate((image, task)):
            engine.set(arm.UC_ARM_REG_R0 + n, value)
        engine.set(arm.UC_ARM_REG_LR, back | 1)
        engine.branch(app.layout.code | 1)
        unwatch = core.on_execute(back, back + PAGE - 1, self._has_returned)
        self._limit_ns = limit_ns
        end = app.soc.clock.now + limit_ns
        far, most = end + FAR * limit_ns, core.instructions + LIMIT_INSTRUCTIONS
        try:
            while (now := app.soc.clock.now) < end or (core.instructions < most and now < far):
                stop = core.run(until_ns=now + SLICE_NS)
                ended = self._ended(stop)
                if ended:
                    return ended
        finally:
            unwatch()
        return End.FAILED

    def _leave_handlers(self) -> None:
        """An interrupt may have come with the return."""
        for _ in range(2000):
            if self.app.exception == self.app.expected:
                return
            self.app.run(1)

    def watch_flash(self) -> None:
        """From the first instruction in SRAM on: count fetches from flash, and exceptions."""
        sram = self.app.soc.chip.region("SRAM")
        self._unwatch.append(self.app.core.on_execute(sram.base, sram.end - 1, self._has_jumped))

    def _has_jumped(self, address: int) -> None:
        self._unwatch.pop()()
        flash = self.app.soc.chip.region("FLASH")
        self.exceptions_before = len(self.app.core.exceptions_taken)
        self.fetches = self.app.core.count_fetches(flash.base, flash.end - 1)

    def _has_returned(self, address: int) -> None:
        if self.app.exception == self.app.expected:
            self.returned = self.app.core.engine.get(arm.UC_ARM_REG_R0)

    @property
    def ended_by_watchdog(self) -> bool:
        """By the one that only a reset stops; the window watchdog must be stopped in time."""
        return self.resets[:1] == ["IWDG"]

    @property
    def is_slow(self) -> bool:
        """A crystal has failed, and what is left is slower than any clock that is drawn."""
        instructions, ns = self._started
        passed = self.app.soc.clock.now - ns
        return (self.app.core.instructions - instructions) * 1000 * MS < LOWEST_HZ * passed

    def _ended(self, stop: Stop) -> End | None:
        if self.resets:
            return End.WATCHDOG if self.ended_by_watchdog else End.RESET
        if self.returned is not None:
            self._leave_handlers()
            return End.REFUSED
        if self.app.board.arrival:
            return End.ARRIVED
        astray = self.app.core.pc == self.app.layout.application + CODE + STRAY
        return End.FAILED if stop is Stop.LOCKUP or astray else None

    # --- what was wrong ------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """What may not happen however it ends."""
        core, soc = self.app.core, self.app.soc
        found = core.faults[self._faults :] + soc.unmodelled[self._unmodelled :]
        if self.fetches and self.app.board.arrival:
            if self.fetches.count:
                found.append(
                    f"{self.fetches.count} instructions came from flash after the point of no "
                    f"return, the last at 0x{self.fetches.last_address or 0:08X}"
                )
            late = list(core.exceptions_taken)[self.exceptions_before :]
            found += [f"exception {entry.number} was taken on the way" for entry in late]
        return found

    def whereabouts(self) -> str:
        """For a call that did not end."""
        core = self.app.core
        state = core.state()
        asleep = "asleep, " * core.asleep
        where = f"PC 0x{state.pc:08X}, IPSR {state.xpsr & 0x1FF}, CONTROL {state.control}"
        return core.lockup or f"it has not ended within {self._limit_ns // MS} ms: {asleep}{where}"


@cache
def instructions_to_mask(subject: Subject) -> int:
    """Instructions from the call of `helper` to its CPSID, by running it."""
    app = Application(subject, plain(Random(subject.name), subject))
    call, mask = Call(app), app.layout.code + subject.mask_offset
    before, reached = app.core.instructions, []
    stop = app.core.on_execute(mask, mask + 1, lambda _: reached.append(app.core.instructions))
    call.run(app.layout.image, GO)
    stop()
    if not reached:
        raise FuzzError("helper does not get to its CPSID in the plainest of states")
    return reached[0] - before


def prepare(subject: Subject, state: State) -> Call:
    """A fresh board in this state, about to call. Raises FuzzError if the fuzz is at fault."""
    app = Application(subject, state.layout)
    resets: list[str] = []
    app.soc.on_reset = resets.append
    state.set_up(app)
    if resets or app.soc.violations or len(app.core.faults) > app.deliberate:
        what = [*resets, *app.soc.violations, *app.core.faults]
        raise FuzzError(f"no application does this: {what}")
    call = Call(app)
    app.set_alarms()
    return call


def run(subject: Subject, state: State) -> Outcome:
    """Set the state up on a fresh board, call, judge. Raises FuzzError if the fuzz is at fault."""
    call = prepare(subject, state)
    if state.context.unprivileged and not state.context.handlers:
        return _look_unprivileged(call)
    promised = _look(call) if state.looks else None
    if isinstance(promised, Outcome):
        return promised
    return _go(call, state, promised)


def _look_unprivileged(call: Call) -> Outcome:
    """entry.Entry asks helper(0, CONTROL) first, whose bit 0 makes it refuse."""
    before = call.witness.look()
    end = call.run(0, CONTROL)
    wrong = call.witness.differences(before) + call.complaints()
    if end is not End.REFUSED or not (call.returned or 0) & 1:
        wrong.append(f"CONTROL.nPRIV is set, and helper(0, CONTROL) gave {call.returned}")
    return Outcome(End.REFUSED, wrong)


def _look(call: Call) -> int | Outcome:
    """What helper(image, LOOK) says; it writes nothing."""
    app = call.app
    before = call.witness.look()
    end = call.run(app.layout.image, LOOK)
    if end is not End.REFUSED:
        return Outcome(end, ["helper(image, LOOK) only looks, but " + call.whereabouts()])
    wrong = call.witness.differences(before) + call.complaints()
    if wrong:
        return Outcome(End.FAILED, wrong)
    app.hold()
    app.settle()
    return call.returned or 0


def _go(call: Call, state: State, promised: int | None) -> Outcome:
    app = call.app
    before, started = call.witness.look(), app.core.instructions
    flash = app.soc.chip.region("FLASH").base
    sram = app.soc.chip.region("SRAM").base
    counted = max(app.layout.code, app.layout.application) < sram and app.layout.code >= flash
    if counted:
        call.watch_flash()
    end = call.run(app.layout.image, GO, ERASE_NS if state.erasing else LIMIT_NS)
    outcome = Outcome(end, call.complaints(), counted, app.core.instructions - started)
    wrong = outcome.wrong
    if end is End.ARRIVED:
        assert app.board.arrival
        outcome.instructions = app.board.arrival.instructions - started
        wrong += [str(deviation) for deviation in app.board.arrival.deviations]
        wrong += call.witness.damage(before)
        if promised:
            wrong.append("helper(image, LOOK) had said that there is no room")
    elif end is End.REFUSED:
        wrong += call.witness.differences(before)
        if not call.returned or promised == 0:
            wrong.append(f"helper(image, GO) returned {call.returned}, after a look {promised}")
        if not state.layout.tight:
            wrong.append("helper refused although there is room below the main stack")
    elif end is not End.WATCHDOG or not (state.erasing or call.is_slow):
        wrong.append(f"{end.value}: " + (", ".join(call.resets) or call.whereabouts()))
    return outcome
