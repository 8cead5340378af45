"""Full speed while something pending is masked, where that goes on for long.

No hook tells of a write to PRIMASK or BASEPRI, so as long as one of them holds a pending exception
back, code runs from branch to branch (`StraightLines`), some hundred times slower. That is nothing
for the usual short section, but firmware that programs a flash sector with BASEPRI raised stays
there for a million instructions. For those, each instruction of the program that may write a mask
gets a hook. Only read-only memory can be searched for them: everything else that can be executed
is watched as a whole: code there, such as an interrupt handler in RAM, runs step by step.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tools.bench.cpu.bus import Bus, Region
from tools.bench.cpu.engine import Engine
from tools.bench.cpu.memory import Memory

_PATIENCE = 300  # masked slices in a row before hooks pay: placing them translates all code anew
_REST = 200  # slices in a row without anything masked: it is over (a tick takes only a few)
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
        self._slices = 0
        self._unmasked = 0
        self._hooks: list[Callable[[], None]] = []
        self._addresses: set[int] = set()
        self._map: list[Region] = []  # as it was when the hooks were placed
        self._outdated = False
        self._at_trap = False
        self._strays = 0  # stops elsewhere

    def ready(self) -> bool:
        """A slice with something masked begins: True if traps will end it before any write of a
        mask, False if it has to go step by step."""
        self._slices += 1
        self._unmasked = 0
        if self._hooks and (self._outdated or self._map != self._bus.regions):
            self._disarm()
        elif self._slices == _PATIENCE:
            self._arm()
        at_trap, self._at_trap = self._at_trap, False
        return bool(self._hooks) and not at_trap

    def reached(self, address: int) -> None:
        """The slice was stopped before the instruction at `address`."""
        if not self._hooks:
            return
        self._at_trap = True
        if address not in self._addresses:
            self._strays += 1
            if self._strays > _MOST_STRAYS:
                self._disarm()

    def rest(self) -> None:
        """A slice with nothing masked begins."""
        self._unmasked += 1
        if self._unmasked >= _REST:
            self._disarm()

    def _disarm(self) -> None:
        self._slices = 0
        if not self._hooks:
            return
        while self._hooks:
            self._hooks.pop()()
        self._addresses.clear()
        self._at_trap = self._outdated = False
        self._strays = 0

    def _arm(self) -> None:
        here = self._bus.region_at(self._engine.pc)
        if here is None or here.writable:
            return
        self._addresses = {here.base + offset for offset in _trap_offsets(here.memory.view)}
        if len(self._addresses) > _MOST_HOOKS:
            self._addresses.clear()
            return
        self._map = list(self._bus.regions)
        elsewhere = [(r.base, r.end - 1) for r in self._map if r is not here]
        for low, high in [*((at, at) for at in self._addresses), *elsewhere]:
            self._hooks.append(self._engine.add_break(low, high))
        self._listen_to(here.memory)

    def _listen_to(self, memory: Memory) -> None:
        """The program may write new code into its flash."""

        def changed(offset: int, length: int) -> None:
            around = memory.view[max(offset - 2, 0) : offset + length + 2]
            self._outdated = self._outdated or _MASK_WRITES.search(around) is not None

        memory.on_change.append(changed)
        self._hooks.append(lambda: memory.on_change.remove(changed))


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
