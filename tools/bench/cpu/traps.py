"""Full speed while something pending is masked, where that goes on for long.

No hook tells of a write to PRIMASK or BASEPRI, so as long as one of them holds a pending exception
back, code runs from branch to branch (`StraightLines`), some hundred times slower. That is nothing
for the usual short section, but firmware that programs a flash sector with BASEPRI raised stays
there for a million instructions. For those, the block of code after each instruction that may
write a mask gets a hook.

The read-only memory that the program is in is searched for them as a whole, RAM page by page when
code there is first reached. RAM can change behind Python's back: between slices it is compared.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from . import decode
from .bus import Bus, Region
from .engine import Engine, Switch
from .memory import PAGE, Memory

_PATIENCE = 5_000  # masked instructions before hooks pay: placing them translates all code anew
_REST = 20_000  # slices in a row without anything masked: it is over for good
_MOST_PAGES = 8  # of RAM: each is compared before each slice
_MOST_STRAYS = 5000  # stops outside of the memory that was searched
_MOST_HOOKS = 1000
_LONGEST_IT = 16  # bytes: the instruction itself and three wide ones before the last
_AROUND = _LONGEST_IT + 4  # bytes in which a change may complete a write of a mask; even

# CPSIE and CPSID; MSR to any special register but xPSR and CONTROL's first byte (DDI 0403E B5.2).
_MASK_WRITES = re.compile(rb"[\x60-\x7f]\xb6|[\x80-\x9f]\xf3[\x00-\xff][\x80-\x8f]", re.DOTALL)
# High bytes of the halfwords that those consist of, and of IT.
_SUSPECT = frozenset((0xB6, 0xF3, *range(0x80, 0x90), 0xBF))


@dataclass(frozen=True, slots=True)
class _Traps:
    """Where code must be stopped, as offsets in its memory.

    Attributes:
        written: after what writes a mask.
        unsure: before an IT instruction in whose block that is, not as its last instruction,
            since Unicorn does not stop inside one.
    """

    written: set[int]
    unsure: set[int]


class MaskTraps:
    """Hooks on all that may write a mask register."""

    def __init__(self, engine: Engine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._searched: dict[Memory, _Traps] = {}  # of read-only memory
        self._stop = Switch(on=False)
        self._unmasked = 0
        self._hooks: list[Callable[[], None]] = []
        self._elsewhere: dict[Region, list[Callable[[], None]]] = {}
        self._disarm()

    def ready(self) -> bool:
        """A slice with something masked begins: True if traps will end it before any write of a
        mask, False if it has to go step by step."""
        self._unmasked = 0
        if self._hooks and self._outdated():
            self._disarm()
        elif self._stepped >= _PATIENCE and not self._tried:
            self._tried = self._arm()
        step, self._step = self._step, False
        self._stop.on = bool(self._hooks) and not step
        return self._stop.on

    def stepped(self, instructions: int) -> None:
        """A slice went step by step."""
        self._stepped += instructions

    def reached(self, address: int) -> None:
        """The slice was stopped before the instruction at `address`."""
        if not self._hooks or address in self._written:
            return
        self._step = True
        region = self._bus.region_at(address)
        if address in self._unsure or region is None or region is self._here:
            return
        if address // PAGE * PAGE in self._pages:  # somebody else's stop
            return
        if len(self._pages) < _MOST_PAGES and region.writable:
            self._add_page(region, address // PAGE * PAGE)
        self._strays += 1
        if self._strays > _MOST_STRAYS:
            self._disarm()

    def rest(self) -> None:
        """A slice with nothing masked begins."""
        self._stop.on = False
        self._unmasked += 1
        if self._unmasked == _REST:
            self._disarm()

    # -- arming ----------------------------------------------------------------------------

    def _disarm(self) -> None:
        self._stepped = 0
        self._tried = False
        for remove in [*self._hooks, *(fn for hooks in self._elsewhere.values() for fn in hooks)]:
            remove()
        self._hooks = []
        self._elsewhere = {}
        self._stop.on = False
        self._written: set[int] = set()  # addresses of stops after a write of a mask
        self._unsure: set[int] = set()  # and before what may be one
        self._pages: dict[int, _Page] = {}  # of RAM with code
        self._map: list[Region] = []  # as it was
        self._here: Region | None = None
        self._step = False  # from where the slice has been stopped
        self._strays = 0  # stops elsewhere

    def _outdated(self) -> bool:
        return (
            self._map != self._bus.regions
            or self._here is None
            or any(self._page_changed(at) for at in self._pages)
        )

    def _arm(self) -> bool:
        """False while the program is in RAM, as a handler may be: what to search is not known."""
        here = self._bus.region_at(self._engine.pc)
        if here is None or here.writable:
            return False
        traps = self._search(here.memory)
        if len(traps.written) + len(traps.unsure) <= _MOST_HOOKS:
            self._here, self._map = here, list(self._bus.regions)
            self._trap(here.base, traps)
            for region in self._map:
                if region is not here:
                    self._watch(region)
        return True

    def _trap(self, base: int, traps: _Traps) -> None:
        for written in (base + offset for offset in traps.written):
            self._written.add(written)
            self._hooks.append(self._break(written, written))
        for unsure in (base + offset for offset in traps.unsure):
            self._unsure.add(unsure)
            self._hooks.append(self._break(unsure, unsure, blocks=False))

    def _break(self, low: int, high: int, *, blocks: bool = True) -> Callable[[], None]:
        return self._engine.add_break(low, high, blocks=blocks, switch=self._stop)

    def _search(self, memory: Memory) -> _Traps:
        if memory not in self._searched:
            self._searched[memory] = _traps_of(memory.view)
            memory.on_change.append(functools.partial(self._changed, memory))
        return self._searched[memory]

    def _changed(self, memory: Memory, at: int, length: int, _blank: bool) -> None:
        """The program programs its flash. Hooks where it was erased do no harm."""
        view = memory.view
        if length == 4 and view[at + 1] not in _SUSPECT and view[at + 3] not in _SUSPECT:
            return
        begin = max(at - _AROUND, 0) & ~1
        around = view[begin : at + length + _AROUND]
        if not _MASK_WRITES.search(around):
            return
        known, found = self._searched[memory], _traps_of(around, begin)
        new = _Traps(found.written - known.written, found.unsure - known.unsure)
        known.written.update(new.written)
        known.unsure.update(new.unsure)
        if self._here and self._here.memory is memory:
            self._trap(self._here.base, new)

    # -- elsewhere -------------------------------------------------------------------------

    def _add_page(self, region: Region, at: int) -> None:
        """Code in RAM, such as interrupt handlers that must run while flash is erased."""
        self._pages[at] = page = _Page(region.memory, at - region.base)
        self._unwatch(region)
        self._trap(region.base, page.traps)
        self._watch(region)

    def _page_changed(self, at: int) -> bool:
        """True if there are other traps in it now; data beside the code changes all the time."""
        page = self._pages[at]
        if page.bytes() == page.seen:
            return False
        now = self._pages[at] = _Page(page.memory, page.offset)
        return now.traps != page.traps

    def _watch(self, region: Region) -> None:
        """Stop wherever code of `region` is reached, but for the pages that are searched."""
        low, hooks = region.base, self._elsewhere.setdefault(region, [])
        for end in sorted([at for at in self._pages if region.base <= at < region.end]):
            if low < end:
                hooks.append(self._break(low, end - 1))
            low = end + PAGE
        if low < region.end:
            hooks.append(self._break(low, region.end - 1))

    def _unwatch(self, region: Region) -> None:
        for remove in self._elsewhere.pop(region, ()):
            remove()


class _Page:
    """A page of RAM, and what was in it when it was searched."""

    def __init__(self, memory: Memory, offset: int) -> None:
        self.memory = memory
        self.offset = offset
        self.seen = self.bytes()
        begin = max(offset - _AROUND, 0)
        self.traps = _traps_of(memory.view[begin : offset + PAGE + _AROUND], begin)

    def bytes(self) -> bytes:
        return bytes(self.memory.view[self.offset : self.offset + PAGE])


def _traps_of(code: memoryview, begin: int = 0) -> _Traps:
    """Of code at the offset `begin`."""
    written: set[int] = set()
    unsure: set[int] = set()
    for match in _MASK_WRITES.finditer(code):
        offset = match.start()
        if offset % 2:
            continue
        written.add(begin + match.end())
        for before in range(max(offset - _LONGEST_IT, 0), offset, 2):
            if code[before + 1] == 0xBF and code[before] & 0xF:  # IT, unless it is something else
                conditional = decode.conditional(bytes(code[before : match.end() + 4]))
                if {offset - before, match.end() - before} <= conditional:
                    unsure.add(begin + before)
    return _Traps(written, unsure)
