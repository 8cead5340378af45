"""Interrupt handlers that may run while a loop is let go (`loop.py`).

To take back what the loop may write, and to allow it again, costs more than most handlers do. So
the first time that one interrupts the loop it runs with nothing allowed, and the blocks of code
that it goes through are noted. If it wrote nothing of what the loop writes it is tame: the next
time all stays allowed as long as it keeps to these blocks. The ways out of them are watched as
those of the loop are, and where a call through a register goes is looked at. If one strays, all is
taken back there, and it has a lesson in the rest of its way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unicorn.arm_const import UC_ARM_REG_R0

from .engine import Switch
from .watched import Watched
from .way import Way

if TYPE_CHECKING:
    from ..core import Core

_MOST_LESSONS = 8  # of one handler: each translates all code anew
_MOST_BLOCKS = 50


class TameHandlers:
    """Handlers are known by the address of their first instruction."""

    def __init__(self, core: Core, let: Switch, strayed: Callable[[], None]) -> None:
        """`let` is on while the loop is let go. `strayed` is called between instructions when a
        call through a register has left the way of a tame handler."""
        self._core = core
        self._engine, self._bus = core.engine, core.bus
        self._let, self._strayed = let, strayed
        self._ways: dict[int, Way] = {}  # of those that are tame
        self._lessons: dict[int, int] = {}
        self._watched = Watched(core.engine, let)
        self._pupil = 0  # the handler that has a lesson
        self._trace: dict[int, bytes] = {}
        self._asked = 0  # stores that had been asked about when it began
        self._end_trace: Callable[[], None] | None = None

    def __contains__(self, address: int) -> bool:
        """It is in the code of one of them."""
        return any(address in way for way in self._ways.values())

    # Hooks come and go between instructions, so these are called there.

    def trusts(self, handler: int) -> bool:
        """It is tame, and its code is as it was."""
        way = self._ways.get(handler)
        if way is None:
            return False
        if not way.is_there(self._bus.code):
            self.forget()
            return False
        return True

    def teach(self, handler: int) -> None:
        """It begins, or goes on where it never was, and nothing is allowed."""
        self.end_lesson()
        lessons = self._lessons.get(handler, 0)
        if lessons < _MOST_LESSONS:
            self._lessons[handler] = lessons + 1
            self._pupil, self._trace, self._asked = handler, {}, self._bus.asked
            self._end_trace = self._engine.add_block_hook(self._note)

    def _note(self, address: int, size: int) -> None:
        self._trace[address] = self._bus.code(address, size)
        if len(self._trace) > _MOST_BLOCKS:
            self._core.after_instruction(self.end_lesson)

    def end_lesson(self) -> None:
        """If there is one."""
        if self._end_trace:
            self._end_trace()
            self._end_trace = None

    def taught(self) -> None:
        """The loop goes on: if there was a lesson it is known what it was worth."""
        if not self._end_trace:
            return
        self.end_lesson()
        if self._bus.asked != self._asked:
            return
        known = self._ways.get(self._pupil)
        way = Way({**known.blocks, **self._trace} if known else self._trace)
        if len(way.blocks) <= _MOST_BLOCKS and way.explore(self._bus.load):
            self._ways[self._pupil] = way
            self._watched.stop_at(way.exits)
            self._watched.tell(way.calls, self._calls)

    def begin(self) -> None:
        """The loop is about to be let go."""
        for way in self._ways.values():
            self._watched.tell(way.calls, self._calls)

    def end(self) -> None:
        """It is over."""
        self._watched.tell_nothing()

    def forget(self) -> None:
        """All of them: code may be another."""
        self.end_lesson()
        for of_all in self._watched, self._ways, self._lessons:
            of_all.clear()

    def _calls(self, address: int) -> None:
        """From a callback: a handler calls through a register."""
        if self._let.on:
            register = self._bus.peek(address) >> 3 & 0xF
            if self._engine.get(UC_ARM_REG_R0 + register) & ~1 not in self:
                self._core.after_instruction(self._strayed)
