"""Code that is not to be executed for a while, or not without being told.

To watch all of it (`Core.on_execute`) costs two translations of the whole program, and a program
that writes files waits for the flash some hundred times a minute. But then it mostly stays in a
loop in RAM. So it is followed at first, from branch to branch. When it comes back to where it was,
and all its returns were from calls on the way, only the ways out of that loop are watched. If it
leaves the loop it is followed again, and if it does not come to rest all is watched after all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from . import decode
from .engine import Switch, Switching
from .watched import Watched
from .way import Way

if TYPE_CHECKING:
    from ..core import Core

_MOST_LINES = 200  # of code that are followed

#: The first and the last address of whole pages.
Range = tuple[int, int]


class Fence:
    """There is one at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ranges: Sequence[Range] = ()
        self._tell: Callable[[int], None] = lambda address: None
        self._switch: Switching = Switch(on=False)
        self._following = False
        self._left = 0  # lines to be followed before all is watched
        self._told = -1  # the address where it was told last, and goes on now
        self._lines: list[tuple[int, bytes]] = []  # that were followed
        self._last: dict[int, int] = {}  # index of the last one at each address
        self._way: Way | None = None  # the loop that it is in
        self._ways: dict[int, Way] = {}  # those that there were, by their beginning
        self._watched = Watched(core.engine, Switch(on=True))
        self._unwatch: list[Callable[[], None]] = []

    # Between instructions, all of these.

    def put_up(
        self, ranges: Sequence[Range], fn: Callable[[int], None], switch: Switching
    ) -> None:
        """From now on call `fn(address)` before an instruction in one of the ranges is executed
        while the switch is on; within a range perhaps at branch targets only."""
        self._ranges, self._tell, self._switch = ranges, fn, switch
        self._left = _MOST_LINES
        self._follow()

    def take_down(self) -> None:
        self._following = False
        self._leave_way()
        while self._unwatch:
            self._unwatch.pop()()

    def at(self, address: int) -> None:
        """The CPU has been stopped there, or an exception or a return has led there."""
        if self._way and address not in self._way and self._switch.on:
            self._leave_way()
            self._follow()

    def _leave_way(self) -> None:
        self._way = None
        self._watched.clear()

    # -- following -------------------------------------------------------------------------

    def _follow(self) -> None:
        self._following, self._told = True, -1
        self._lines.clear()
        self._last.clear()
        self._core.follow(self._follows)

    def _follows(self, pc: int, code: bytes) -> bool:
        if not self._following:
            return False
        if pc == self._told or not self._switch.on:
            self._told = -1
            return True
        if self._forbidden(pc):
            self._told = pc
            self._core.after_instruction(lambda: self._tell(pc))
        lines = self._lines[self._last.get(pc, len(self._lines)) :]
        self._left -= 1
        if not self._left or (lines and _is_closed(lines, pc)):
            self._core.after_instruction(lambda: self._followed(pc, dict(lines)))
            return False
        self._last[pc] = len(self._lines)
        self._lines.append((pc, code))
        return True

    def _forbidden(self, address: int) -> bool:
        return any(low <= address <= high for low, high in self._ranges)

    def _followed(self, begin: int, loop: dict[int, bytes]) -> None:
        if not self._following:
            return
        self._following = False
        way = self._known(begin, loop)
        if way is None or not self._left or any(self._forbidden(at) for at in loop):
            for low, high in self._ranges:
                self._unwatch.append(self._core.on_execute(low, high, self._tell, self._switch))
        else:
            self._way = way
            self._watched.stop_at(way.exits)

    def _known(self, begin: int, loop: dict[int, bytes]) -> Way | None:
        """None if its ways out cannot be watched."""
        way = self._ways.get(begin)
        if way is None or way.blocks != loop:
            way = Way(loop)
            if not way.explore(self._core.bus.load) or way.calls:
                return None
            self._ways[begin] = way
        return way


def _is_closed(lines: list[tuple[int, bytes]], end: int) -> bool:
    """On the way through these lines to the address `end` all returns were from calls on it."""
    calls = {at + len(code) for at, code in lines if decode.is_call(code)}
    places = [*(at for at, _ in lines), end]
    return all(
        to in calls or at <= to < at + len(code)  # it was interrupted before
        for (at, code), to in zip(lines, places[1:], strict=True)
        if decode.returns(code)
    )
