"""Code cannot be fetched from flash while a sector of it is erased (RM0090 3.6.2).

Two kinds of code in flash still run, and firmware that receives characters during an erase relies
on both. One is the line of 128 bits that has been read already and, with ACR.PRFTEN, the next one
(RM0090 3.5.2): from it the function that starts the erase returns to RAM. The other is code in the
instruction cache (RM0090 3.4.2). The bench does not model what is in there: if the cache is on,
interrupt handlers are taken to be in it, and nothing else. That of a Cortex-M7 does not count: the
official firmware of the NUCLEO_F767ZI loses characters during an erase on silicon too, although it
is on (github.com/micropython/micropython/issues/18461).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .blocks.flash import Flash
from .clock import Clock, Event
from .memory_map import ALIAS, MemoryMap

LINE = 16  # bytes


class Watcher(Protocol):
    """The part of `core.Core` that this needs."""

    def on_execute(self, low: int, high: int, fn: Callable[[int], None]) -> Callable[[], None]: ...

    def after_instruction(self, fn: Callable[[], None]) -> None: ...

    @property
    def handlers(self) -> int:
        """Number of active exception handlers."""
        ...


class FetchStall:
    """Stops the CPU at branch targets only: code that leaves the line without a branch still runs
    up to its next branch."""

    def __init__(self, cpu: Watcher, clock: Clock, memory: MemoryMap, flash: Flash) -> None:
        self._cpu = cpu
        self._clock = clock
        self._memory = memory
        self._flash = flash
        self._over: Event | None = None
        self._until = 0  # virtual ns
        self._lines = range(0)
        self._handlers = 0
        self._unwatch: list[Callable[[], None]] = []

    def start(self, ns: int, pc: int) -> None:
        """The instruction at `pc` has made the flash busy for `ns`."""
        self._until = self._clock.now + ns
        self._lines = range(pc // LINE, pc // LINE + 1 + self._flash.prefetch)
        self._handlers = self._cpu.handlers
        if self._over:
            self._over.cancel()
        self._over = self._clock.after(ns, self._done)
        self._cpu.after_instruction(self._watch)

    def reset(self) -> None:
        """A reset ends the stall. To be called between instructions."""
        if self._over:
            self._over.cancel()
        self._until = 0
        self._end()

    def _done(self) -> None:
        self._until = 0
        self._cpu.after_instruction(self._end)

    def _watch(self) -> None:
        self._end()
        size = self._flash.array.size
        for low in (self._flash.base_address, ALIAS):
            self._unwatch.append(self._cpu.on_execute(low, low + size - 1, self._executes))

    def _end(self) -> None:
        while self._unwatch:
            self._unwatch.pop()()

    def _executes(self, address: int) -> None:
        cached = self._flash.instruction_cache and self._cpu.handlers > self._handlers
        if not cached and address // LINE not in self._lines and self._memory.is_flash(address):
            self._clock.advance(self._clock.cycles_until(self._until))
