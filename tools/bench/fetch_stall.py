"""Code cannot be fetched from flash while a sector of it is erased (RM0090 3.6.2).

Two things still run, and firmware counts on them that goes on receiving characters meanwhile with
code in RAM: one line of 128 bits that the flash has already handed over, and with ACR.PRFTEN the
next one (RM0090 3.5.2), so that the function in flash that starts the erase can return; and what
is in the instruction cache (RM0090 3.4.2). There is no trace of what that would hold, so interrupt
handlers in flash are taken to be in it if it is on, as one that runs every few milliseconds is on
a chip that mostly sleeps.
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
        """Exception handlers under way."""
        ...


class FetchStall:
    """One flash. Branches are looked at, so code that runs straight on past the line is let go
    up to its next branch target."""

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
        """The instruction at `pc` makes the flash busy for `ns`."""
        self._until = self._clock.now + ns
        self._lines = range(pc // LINE, pc // LINE + 1 + self._flash.prefetch)
        self._handlers = self._cpu.handlers
        if self._over:
            self._over.cancel()
        self._over = self._clock.after(ns, self._done)
        self._cpu.after_instruction(self._watch)

    def reset(self) -> None:
        """Between instructions: a reset ends it."""
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
