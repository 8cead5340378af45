"""The caches of a Cortex-M7: errors that software can make with them (DDI 0489, DDI 0403E B2.2).

The CPU always reads what it stored. Beside that, while a cache is on (and until its contents are
gone) two copies of RAM are kept: what memory itself would hold, and what it held when the I-cache
was invalidated. A line that differs from the first copy is dirty. Code in RAM is compared with
both when it is executed. Stricter than silicon: each line is in the cache as soon as it may be,
and stays there until maintenance removes it.

Maintenance by set and way has effect once each way of a set has been maintained. What Python
writes is in memory and in both caches. Memory that is not writable is not modelled. CACR is kept
without effect.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .attributes import NC, WB, Attributes
from .engine import Engine
from .memory import PAGE, Memory
from .mpu import MpuV7
from .spec import CoreSpec

LINE = 32  # bytes
D_WAYS, I_WAYS = 4, 2  # DDI 0489 table 4-10
DC, IC = 1 << 16, 1 << 17  # CCR


@dataclass(eq=False)
class Ram:
    """Memory that may be cached.

    Attributes:
        below: what memory itself holds while the D-cache is on.
        fetched: what it held when the I-cache was invalidated, once that has been on.
    """

    base: int
    memory: Memory
    below: bytearray | None = None
    fetched: bytearray | None = None
    unhook: list[Callable[[], None]] = field(default_factory=list)

    def at(self, address: int) -> slice:
        """The line there."""
        begin = (address - self.base) // LINE * LINE
        return slice(begin, begin + LINE)

    def differing(self) -> Iterator[int]:
        """Addresses of the dirty lines."""
        view, below = self.memory.view, self.below
        if below is None:
            return
        for page in range(0, self.memory.size, PAGE):
            if not below.startswith(view[page : page + PAGE], page):  # much faster than ==
                for at in range(page, page + PAGE, LINE):
                    if view[at : at + LINE] != below[at : at + LINE]:
                        yield self.base + at


class Caches:
    """Both caches. `report` takes a sentence for each mistake."""

    def __init__(
        self, spec: CoreSpec, engine: Engine, mpu: MpuV7, report: Callable[[str], None]
    ) -> None:
        self._engine, self._mpu, self._report = engine, mpu, report
        self._sets = max(spec.dcache // (D_WAYS * LINE), 1)
        self._rams: list[Ram] = []
        self._attributes = Attributes()
        mpu.on_apply = self._mpu_applied
        self._enabled = 0  # DC, IC
        self._stranded: set[int] = set()  # dirty lines whose memory is no longer cached
        self._end_access_hook: Callable[[], None] | None = None
        self._maintained: dict[tuple[bool, bool, int], int] = {}  # ways, by operation and set
        self._sets_left: set[int] = set()  # of the D-cache, to be invalidated after it was on
        self._icache_used = False  # it was on, and has not been invalidated since

    # -- memory ----------------------------------------------------------------------------

    def add(self, base: int, memory: Memory) -> None:
        """A memory was mapped that the CPU can write, and that is no TCM."""
        if any(ram.memory is memory for ram in self._rams):
            return  # an alias
        ram = Ram(base, memory)
        self._rams.append(ram)
        memory.on_change.append(functools.partial(self._python_wrote, ram))
        self._follow(ram)

    def remove(self, base: int) -> list[str]:
        """The memory there was unmapped. Returns violations; the caller reports them, as there are
        none if a reset unmapped it: a reset invalidates the caches too."""
        found: list[str] = []
        for ram in [ram for ram in self._rams if ram.base == base]:
            span = range(ram.base, ram.base + ram.memory.size)
            dirty = [at for at in self.dirty_lines() if at in span]
            if dirty:
                found.append(
                    f"{ram.memory.name} at {ram.base:#010x} was unmapped while {_lines(dirty)} "
                    f"of it were dirty in the D-cache: clean it first"
                )
            self._rams.remove(ram)
            self._stop_following(ram)
            self._discard(set(dirty))
        return found

    def _python_wrote(self, ram: Ram, offset: int, length: int) -> None:
        for copy in (ram.below, ram.fetched):
            if copy is not None:
                copy[offset : offset + length] = ram.memory.view[offset : offset + length]

    def _follow(self, ram: Ram) -> None:
        if self._enabled & DC and ram.below is None:
            ram.below = bytearray(ram.memory.view)
        if self._enabled & IC and ram.fetched is None:
            ram.fetched = bytearray(ram.memory.view)
        if self._enabled and not ram.unhook:
            end = ram.base + ram.memory.size - 1
            ram.unhook.append(self._engine.hooks.on_block(self._executes, ram.base, end))

    def _stop_following(self, ram: Ram) -> None:
        while ram.unhook:
            ram.unhook.pop()()

    def _ram_at(self, address: int) -> Ram | None:
        for ram in self._rams:
            if 0 <= address - ram.base < ram.memory.size:
                return ram
        return None

    # -- on and off ------------------------------------------------------------------------

    def switch(self, enabled: int) -> None:
        """CCR was written: which of DC and IC are on."""
        changed, self._enabled = self._enabled ^ enabled, enabled
        if changed & DC:
            self._d_cache_on() if enabled & DC else self._d_cache_off()
        if changed & enabled & IC:
            self._icache_used = True
        for ram in self._rams:
            if enabled:
                self._follow(ram)
            else:
                self._stop_following(ram)

    def _d_cache_on(self) -> None:
        self._attributes = self._present_attributes()
        self._sets_left = set(range(self._sets))
        self._maintained.clear()

    def _d_cache_off(self) -> None:
        """Dirty lines stay in the cache, where the CPU no longer reads them."""
        self._strand(list(self._dirty_in_ram()))
        for ram in self._rams:
            ram.below = None

    def _strand(self, lines: list[int]) -> None:
        self._stranded.update(lines)
        if self._stranded and not self._end_access_hook:
            self._end_access_hook = self._engine.hooks.on_access(self._accesses)

    def _discard(self, lines: set[int]) -> None:
        self._stranded -= lines
        if self._end_access_hook and not self._stranded:
            self._end_access_hook()
            self._end_access_hook = None

    def reset(self) -> None:
        """The chip was reset: what was dirty is lost, and both caches are off and invalid."""
        for line in self._dirty_in_ram():
            ram = self._ram_at(line)
            assert ram and ram.below is not None
            at = ram.at(line)
            ram.memory.write(at.start, bytes(ram.below[at]))
        self._discard(set(self._stranded))
        self._enabled, self._icache_used = 0, False
        self._sets_left.clear()
        self._maintained.clear()
        for ram in self._rams:
            ram.below = ram.fetched = None
            self._stop_following(ram)

    def _present_attributes(self) -> Attributes:
        return Attributes(self._mpu.regions if self._mpu.is_active else ())

    def _mpu_applied(self, _active: bool) -> None:
        """Dirty lines stay in the cache, even if their memory is no longer cached."""
        if not self._enabled & DC:
            self._attributes = self._present_attributes()
            return
        dirty = set(self._dirty_in_ram())
        self._attributes = self._present_attributes()
        for ram in self._rams:
            assert ram.below is not None
            for line in list(ram.differing()):
                if line not in dirty or self._attributes.policy(line) is not WB:
                    ram.below[ram.at(line)] = ram.memory.view[ram.at(line)]
        self._strand([line for line in dirty if self._attributes.policy(line) is not WB])

    # -- maintenance -----------------------------------------------------------------------

    def invalidate_instructions(self, address: int | None = None) -> None:
        """ICIALLU, or ICIMVAU with an address."""
        if address is None:
            self._icache_used = bool(self._enabled & IC)
            for ram in self._rams:
                if ram.fetched is not None:
                    ram.fetched[:] = ram.memory.view
            return
        ram = self._ram_at(address)
        if ram and ram.fetched is not None:
            ram.fetched[ram.at(address)] = ram.memory.view[ram.at(address)]

    def maintain(self, address: int, *, clean: bool, invalidate: bool) -> None:
        """The line of the D-cache at `address`: DCCMVAC and DCCMVAU, DCIMVAC, DCCIMVAC."""
        self._maintain_lines([address // LINE * LINE], clean)

    def maintain_set(self, value: int, *, clean: bool, invalidate: bool) -> None:
        """A set and way of the D-cache: DCCSW, DCISW, DCCISW."""
        number, way = value // LINE % self._sets, value >> 30
        key = clean, invalidate, number
        ways = self._maintained[key] = self._maintained.get(key, 0) | 1 << way
        if ways != (1 << D_WAYS) - 1:
            return
        del self._maintained[key]
        if invalidate and not self._enabled & DC:
            self._sets_left.discard(number)
        step = self._sets * LINE
        lines = [line for line in self._stranded if line // LINE % self._sets == number]
        for ram in self._rams:
            if ram.below is not None:
                first = ram.base + (number * LINE - ram.base) % step
                lines.extend(range(first, ram.base + ram.memory.size, step))
        self._maintain_lines(lines, clean)

    def _maintain_lines(self, lines: list[int], clean: bool) -> None:
        for line in lines:
            if not clean and self._is_dirty(line):
                self._report(
                    f"the line at {line:#010x} was invalidated in the D-cache while it was "
                    f"dirty: what had been stored there is lost"
                )
            ram = self._ram_at(line)
            if ram and ram.below is not None:
                ram.below[ram.at(line)] = ram.memory.view[ram.at(line)]
        self._discard(set(lines))

    # -- state -----------------------------------------------------------------------------

    def _is_dirty(self, line: int) -> bool:
        ram = self._ram_at(line)
        if line in self._stranded or ram is None or ram.below is None:
            return line in self._stranded
        differs = ram.memory.view[ram.at(line)] != ram.below[ram.at(line)]
        return differs and self._attributes.policy(line) is WB

    def _dirty_in_ram(self) -> Iterator[int]:
        for ram in self._rams:
            for line in ram.differing():
                if self._attributes.policy(line) is WB:
                    yield line

    def dirty_lines(self) -> list[int]:
        """Addresses of the lines that are not written back yet, in order."""
        return sorted({*self._dirty_in_ram(), *self._stranded})

    def left_behind(self) -> list[str]:
        """Sentences: what is not as after a reset, apart from CCR."""
        found: list[str] = []
        dirty = self.dirty_lines()
        if dirty:
            found.append(
                f"{_lines(dirty)} are dirty in the D-cache: clean it before it is switched off"
            )
        if self._sets_left and not self._enabled & DC:
            found.append("the D-cache was not invalidated after it was switched off")
        if self._icache_used and not self._enabled & IC:
            found.append("the I-cache was not invalidated after it was switched off")
        return found

    # -- what the CPU does -----------------------------------------------------------------

    def _executes(self, address: int, size: int) -> None:
        """Code in RAM is about to be executed."""
        ram = self._ram_at(address)
        if ram is None or self._attributes.policy(address) is NC:
            return
        at = slice(address - ram.base, address - ram.base + size)
        code = bytes(ram.memory.view[at])
        write_back = self._attributes.policy(address) is WB
        if ram.below is not None and write_back and ram.below[at] != code:
            self._report(
                f"code at {address:#010x} was executed that is still in the D-cache: after it "
                f"was stored the D-cache was not cleaned"
            )
            ram.below[at] = code
        if self._enabled & IC and ram.fetched is not None and ram.fetched[at] != code:
            self._report(
                f"code at {address:#010x} was executed for which the I-cache may hold what was "
                f"there before: it was not invalidated after the code was stored"
            )
            ram.fetched[at] = code

    def _accesses(self, write: bool, address: int, size: int) -> None:
        """While lines are stranded."""
        line = address // LINE * LINE
        if line in self._stranded:
            verb = "stored to" if write else "loaded from"
            self._report(
                f"the program {verb} {address:#010x}, whose line is still dirty in a D-cache "
                f"that was switched off"
            )


def _lines(lines: list[int]) -> str:
    return f"{len(lines)} lines (the first at {lines[0]:#010x})"
