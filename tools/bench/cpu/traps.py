"""Full speed while something pending is masked, where that goes on for long.

No hook tells of a write to PRIMASK or BASEPRI, so as long as one of them holds a pending exception
back, code runs from branch to branch (`StraightLines`), some hundred times slower. That is nothing
for the usual short section, but firmware that programs a flash sector with BASEPRI raised stays
there for a million instructions. For those, each instruction of the program that may write a mask
gets a hook.

The read-only memory that the program is in is searched for them as a whole, RAM page by page when
code there is first reached. RAM can change behind Python's back: between slices it is compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tools.bench.cpu.bus import Bus, Region
from tools.bench.cpu.engine import Engine
from tools.bench.cpu.memory import PAGE, Memory

_PATIENCE = 5_000  # masked instructions before hooks pay: placing them translates all code anew
_REST = 200  # slices in a row without anything masked: it is over (a tick takes only a few)
_MOST_PAGES = 8  # of RAM: each is compared before each slice
_MOST_STRAYS = 5000  # stops outside of the memory that was searched
_MOST_HOOKS = 300  # each instruction looks through all of them
_LONGEST_IT = 16  # bytes: the instruction itself and three wide ones before the last

# CPSIE and CPSID; MSR to any special register but xPSR and CONTROL's first byte (DDI 0403E B5.2).
_MASK_WRITES = re.compile(rb"[\x60-\x7f]\xb6|[\x80-\x9f]\xf3[\x00-\xff][\x80-\x8f]", re.DOTALL)


class MaskTraps:
    """Hooks on all that may write a mask register."""

    def __init__(self, engine: Engine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._searched: dict[Memory, set[int]] = {}  # offsets of traps, of read-only memory
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
            self._tried = True
            self._arm()
        at_trap, self._at_trap = self._at_trap, False
        return bool(self._hooks) and not at_trap

    def stepped(self, instructions: int) -> None:
        """A slice went step by step."""
        self._stepped += instructions

    def reached(self, address: int) -> None:
        """The slice was stopped before the instruction at `address`."""
        if not self._hooks:
            return
        self._at_trap = True
        region = self._bus.region_at(address)
        if address in self._addresses or region is None or region is self._here:
            return
        if len(self._pages) < _MOST_PAGES and region.writable:
            self._add_page(region, address // PAGE * PAGE)
        self._strays += 1
        if self._strays > _MOST_STRAYS:
            self._disarm()

    def rest(self) -> None:
        """A slice with nothing masked begins."""
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
        self._addresses: set[int] = set()
        self._pages: dict[int, tuple[Region, bytes]] = {}  # of RAM with code, as it was
        self._map: list[Region] = []  # as it was
        self._here: Region | None = None
        self._at_trap = False
        self._strays = 0  # stops elsewhere

    def _outdated(self) -> bool:
        return (
            self._map != self._bus.regions
            or self._here is None
            or self._here.memory not in self._searched
            or any(_page(region, at) != old for at, (region, old) in self._pages.items())
        )

    def _arm(self) -> None:
        here = self._bus.region_at(self._engine.pc)
        if here is None or here.writable:
            return
        offsets = self._search(here.memory)
        if len(offsets) > _MOST_HOOKS:
            return
        self._here, self._map = here, list(self._bus.regions)
        self._trap(here.base + offset for offset in offsets)
        for region in self._map:
            if region is not here:
                self._watch(region)

    def _trap(self, addresses: Iterable[int]) -> None:
        for address in addresses:
            self._addresses.add(address)
            self._hooks.append(self._engine.add_break(address, address))

    def _search(self, memory: Memory) -> set[int]:
        if memory not in self._searched:

            def changed(offset: int, length: int, _: bool) -> None:
                # The program programs its flash. Hooks where it was erased do no harm.
                around = memory.view[max(offset - 2, 0) : offset + length + 2]
                if _MASK_WRITES.search(around):
                    self._searched.pop(memory, None)
                    memory.on_change.remove(changed)

            self._searched[memory] = _trap_offsets(memory.view)
            memory.on_change.append(changed)
        return self._searched[memory]

    # -- elsewhere -------------------------------------------------------------------------

    def _add_page(self, region: Region, at: int) -> None:
        """Code in RAM, such as interrupt handlers that must run while flash is erased."""
        start = max(at - region.base - 2, 0)
        code = region.memory.view[start : at - region.base + PAGE + 2]
        self._pages[at] = region, _page(region, at)
        self._unwatch(region)
        self._trap(region.base + start + offset for offset in _trap_offsets(code))
        self._watch(region)

    def _watch(self, region: Region) -> None:
        """Stop wherever code of `region` is reached, but for the pages that are searched."""
        low, hooks = region.base, self._elsewhere.setdefault(region, [])
        for end in sorted([at for at in self._pages if self._pages[at][0] is region]):
            if low < end:
                hooks.append(self._engine.add_break(low, end - 1))
            low = end + PAGE
        if low < region.end:
            hooks.append(self._engine.add_break(low, region.end - 1))

    def _unwatch(self, region: Region) -> None:
        for remove in self._elsewhere.pop(region, ()):
            remove()


def _page(region: Region, at: int) -> bytes:
    return bytes(region.memory.view[at - region.base : at - region.base + PAGE])


def _trap_offsets(code: memoryview) -> set[int]:
    """Where code must be stopped: before what writes a mask, and before an IT instruction whose
    block it may be in, since Unicorn does not stop inside one."""
    found: set[int] = set()
    for match in _MASK_WRITES.finditer(code):
        offset = match.start()
        if offset % 2:
            continue
        found.add(offset)
        for before in range(max(offset - _LONGEST_IT, 0), offset, 2):
            if code[before + 1] == 0xBF and code[before] & 0xF:  # IT
                found.add(before)
    return found
