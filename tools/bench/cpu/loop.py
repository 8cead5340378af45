"""A loop that may write registers without asking.

A program that writes a sector of flash does the same for each word: wait, set up CR, store the
word, put CR back. Each store to CR is a call into Python that changes nothing but CR itself. So
after some rounds in which no other register was written, the blocks of code that the loop consists
of are noted, and from then on the CPU may write the registers as long as it stays in these blocks;
the word still comes to Python, as flash cannot be written (but see `pace.py`).

That is taken back before anything else is executed: every address that the blocks can branch or
run on to is watched, and an exception takes it back until its handler returns, unless that is
known as well (`tame.py`). A loop with a branch to where a register says is left alone, but for
returns that it always takes: these are from calls in the loop. They may be from others when the
same functions are in use once more, so first the program is followed for a round, from branch to
branch. What the registers hold at the end proves that nothing else was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .bus import Region
from .engine import Switch
from .memory import Store
from .pace import Pace
from .tame import TameHandlers
from .watched import Watched
from .way import Way

if TYPE_CHECKING:
    from ..core import Core

_ROUNDS = 8  # to be watched before the way is known
_MOST_BLOCKS = 100
_MOST_SHORTCUTS = 100  # taken, before the pace is given up


class Loop:
    """The loop that writes registers which `Bus` shows as memory."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._engine, self._bus = core.engine, core.bus
        self.pace = Pace(core)
        self.free = False  # it may write
        self._on_trial = False  # it is followed
        self._rounds = 0
        self._trace: dict[int, bytes] = {}
        self._depth = 0  # handlers under way, in the loop
        self._end_trace: Callable[[], None] | None = None
        self._way: Way | None = None
        self._let = Switch(on=False)  # as `free`, for hooks
        self._tame = TameHandlers(core, self._let, self._strayed)
        self._watched = Watched(core.engine, self._let)
        self._shortcuts_taken = 0
        self._register = 0  # offset of the one that it writes
        self._region: Region | None = None
        self._before = b""  # the registers, when it was let go
        self._interrupted: tuple[int, int] | None = None  # there, by handlers on top of so many

    # -- getting to know it ----------------------------------------------------------------

    def round(self, register: int, store: Store, address: int) -> None:
        """From a callback: it has come round, storing a word at `address`, and wrote nothing but
        the register at this offset."""
        even = self.pace.note(store, address)
        if self.free:
            if even and self._way and self._way.single:
                self._core.after_instruction(self._keep_pace)
            return
        if self._way:
            if self._on_trial:
                self._core.after_instruction(self._begin)
            elif self._way.blocks:
                self._core.after_instruction(self._try)
            return
        self._register = register
        self._rounds += 1
        if self._rounds == 1:
            self._core.after_instruction(self._start_trace)
        elif self._rounds > _ROUNDS:
            self._core.after_instruction(self._learned)

    # Hooks come and go between instructions, as the code that is executing would go with them.

    def _start_trace(self) -> None:
        self._depth = self._core.handlers
        self._end_trace = self._engine.add_block_hook(self._note)

    def _note(self, address: int, size: int) -> None:
        if address not in self._trace and self._core.handlers == self._depth:
            self._trace[address] = self._bus.code(address, size)

    def _learned(self) -> None:
        if not self._end_trace:  # there was a doubt
            return
        self._stop_trace()
        way = self._way = Way(self._trace)
        known = len(way.blocks) <= _MOST_BLOCKS and way.explore(self._bus.load)
        if not known or way.calls or way.may_return:
            self._way = Way({})
            return
        self._watched.stop_at(way.exits | way.shortcuts)
        self._begin()

    def _stop_trace(self) -> None:
        if self._end_trace:
            self._end_trace()
            self._end_trace = None

    def doubt(self) -> None:
        """Another register is about to change. If the loop does that forget it."""
        if self._rounds and (not self._way or self._engine.pc in self._way):
            self._core.after_instruction(self._forget)
        if self.free:
            self._verify()
            self._before = b""

    def _forget(self) -> None:
        """There may be another."""
        self.end()
        self._stop_trace()
        self._watched.clear()
        self._rounds, self._trace, self._way, self._shortcuts_taken = 0, {}, None, 0

    # -- letting it go ---------------------------------------------------------------------

    def _try(self) -> None:
        self._on_trial = True
        self._core.follow(self._follows)

    def _follows(self, pc: int, _code: bytes) -> bool:
        self._on_trial = self._on_trial and self._way is not None and pc in self._way
        return self._on_trial

    def _begin(self) -> None:
        """Between instructions."""
        region, way = self._bus.shown, self._way
        self._on_trial = False
        if self.free or region is None or way is None:
            return
        if not way.is_there(self._bus.code):
            self._forget()
            return
        self._settle()  # a handler may do the same as what it interrupted
        self._watched.tell(way.conditional, self.pace.uneven)
        self._tame.begin()
        self._let_go(region)

    def _let_go(self, region: Region) -> None:
        self._region, self._before = region, bytes(region.memory.view)
        self.free = self._let.on = True
        self._engine.protect(region.base, region.memory.size, writable=True)

    def _keep_pace(self) -> None:
        if self.free:
            self.pace.start()

    def reached(self, address: int) -> None:
        """The CPU is about to execute what it was stopped at."""
        if not self.free or not self._way:
            return
        if self._interrupted:
            if address not in self._tame:
                self._strayed()
        elif address not in self._way:
            self.end()
        elif address in self._way.shortcuts:
            self.pace.forget()
            self._shortcuts_taken += 1
            if self._shortcuts_taken == _MOST_SHORTCUTS:
                self._give_pace_up(self._way)

    def _give_pace_up(self, way: Way) -> None:
        """It takes shortcuts all the time, as when it polls for something."""
        self._watched.do_not_stop_at(way.shortcuts)
        self._watched.tell_nothing()
        way.give_up()

    def interrupted(self, pc: int, handler: int) -> None:
        """An exception is taken while it is free, and its handler begins at this address."""
        trusted = self._tame.trusts(handler)
        if self._interrupted:
            if not trusted:
                self._forbid()
            return
        self._interrupted = pc, self._core.handlers
        if trusted:
            self.pace.hold()
        else:
            self._forbid()
            self._tame.teach(handler)

    def _strayed(self) -> None:
        """Between instructions: a handler leaves the way that is known."""
        if self.free and self._interrupted:
            self._forbid()
            self._tame.teach(self._core.handler)

    def _forbid(self) -> None:
        """Handlers are under way that have to ask."""
        self.pace.pause()
        self._take_back()

    def returned(self, pc: int) -> None:
        """A handler has returned."""
        if not self._interrupted:
            return
        handlers = self._core.handlers
        if (pc, handlers) == self._interrupted:
            self._interrupted = None
            self._go_on()
        elif handlers <= self._interrupted[1]:  # to somewhere else
            self.end()

    def _go_on(self) -> None:
        if self.free:
            self.pace.release()
            return
        self._tame.taught()
        if self._region and self._region is self._bus.shown and self._way:
            self._let_go(self._region)
            self.pace.resume()

    def reset(self) -> None:
        """The CPU was reset."""
        self._forget()
        self._tame.forget()

    def end(self) -> None:
        """Between instructions: its stores are asked about again."""
        self._on_trial = False
        self._settle()
        self.pace.forget()
        if self.free:
            self._take_back()
        self._watched.tell_nothing()
        self._tame.end()

    def _settle(self) -> None:
        """What the loop was interrupted for is over, or of no interest any more."""
        self._interrupted = None
        self._tame.end_lesson()

    def _take_back(self) -> None:
        assert self._region
        self._verify()
        self.free = self._let.on = False
        self._engine.protect(self._region.base, self._region.memory.size, writable=False)

    def _verify(self) -> None:
        """It wrote nothing but its register since it was let go, if nobody else did."""
        assert self._region
        now = bytes(self._region.memory.view)
        if self._before and now != self._before:
            for offset in range(0, len(now), 4):
                differ = now[offset : offset + 4] != self._before[offset : offset + 4]
                if differ and offset != self._register:
                    raise RuntimeError(
                        f"the bench let a loop go that wrote {self._region.base + offset:#010x}, "
                        f"which it had never done before: a fault of the bench (cpu/loop.py)"
                    )
