"""Words that a loop stores at an even pace: reckoned instead of asked for.

A loop that is let go (`loop.py`) still came to Python for each word that it programs, to be told
how long that takes. But where every block of its code has one way on within the loop, each round
takes the same instructions; so once some rounds did, and as far as flash is erased, the CPU may
store the words by itself. After so many instructions so many words are there, each of which took
its time, and the slice that is under way ends when the last event says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bus import Region
from .memory import Store

if TYPE_CHECKING:
    from ..core import Core

_WORD = 4
_ROUNDS = 4  # alike, before the next ones are taken to be
_FEWEST = 8  # words for which it pays
_PATIENCE = 1000  # rounds until it is tried again where it did not


class Pace:
    """The words that one loop stores."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._engine, self._clock = core.engine, core.clock
        self.on = False  # the CPU may store words
        self._region: Region | None = None  # where
        self._store: Store | None = None
        self._even = 0  # rounds alike so far
        self._held = False  # by an exception, with all left as it is, ...
        self._paused = False  # ... or with words asked about
        self._at = 0  # instructions at the last word that was asked about
        self._round = 0  # instructions from word to word
        self._next = 0  # address of the next word
        self._left = 0  # words that there is room for
        self._since = 0  # instructions since the last word, when the slice began
        self._cycles = 0  # that a word takes beyond its instruction
        self._uneven: int | None = None  # instructions of the slice that were as in other rounds
        self._clock.on_hclk.append(self._hclk_changed)

    # -- getting to know it ----------------------------------------------------------------

    def note(self, store: Store, address: int) -> bool:
        """From a callback: a word was stored. True if the pace is known now."""
        now = self._core.instructions
        instructions, self._at = now - self._at, now
        alike = address == self._next and instructions == self._round
        self._even = self._even + 1 if alike else 0
        self._store, self._next, self._round = store, address + _WORD, instructions
        self._paused = False
        return self._even >= _ROUNDS

    def uneven(self, _address: int) -> None:
        """From a callback: an instruction is executed that does not belong to every round."""
        self._even = 0
        if self.on and self._uneven is None:
            self._uneven = self._engine.executed() - 1
            self._core.after_instruction(self.forget)

    # -- letting it go ---------------------------------------------------------------------

    def start(self) -> None:
        """Between instructions: the words after the one just stored need not be asked about."""
        if not self.on and self._even >= _ROUNDS:
            self._since = self._core.instructions - self._at
            self._go_on()

    def hold(self) -> None:
        """Between instructions: an exception is taken whose handler stores no words."""
        self._held = self.on
        if self._held:
            self._reckon(on=False)

    def release(self) -> None:
        """Between instructions: it has returned."""
        if self._held:
            self._held = False
            self._reckon(on=True)

    def pause(self) -> None:
        """Between instructions: an exception is taken, or one that was may store words now."""
        self._paused = self.on or self._held
        self._stop()

    def resume(self) -> None:
        """Between instructions: the loop goes on where it was when the exception was taken."""
        if self._paused:
            self._paused = False
            self._go_on()

    def forget(self) -> None:
        """Between instructions: what comes next is not another round."""
        self._even, self._paused, self._uneven = 0, False, None
        self._stop()

    def _go_on(self) -> None:
        assert self._store
        self._region = self._core.bus.region_at(self._next)
        self._left = self._store.room(self._next)
        if self._region is None or self._left < _FEWEST:
            self._even = -_PATIENCE
            return
        self._open(writable=True)
        self._reckon(on=True)

    def _reckon(self, *, on: bool) -> None:
        assert self._store
        self.on = on
        self._cycles = self._clock.cycles_in(self._store.word_ns)
        self._clock.under_way = self._under_way if on else self._engine.executed

    def _stop(self) -> None:
        if not self.on and not self._held:
            return
        assert self._store
        self._held = False
        self._reckon(on=False)
        self._open(writable=False)
        if self._store.room(self._next) < self._left:
            raise RuntimeError(
                f"the bench let a loop go that stored more words than in the rounds before, at "
                f"{self._next:#010x}: a fault of the bench (cpu/pace.py)"
            )

    def _open(self, *, writable: bool) -> None:
        assert self._region
        size = self._region.memory.size
        self._engine.protect(self._region.base, size, writable=writable, executable=True)

    def _hclk_changed(self) -> None:
        if self.on:
            self._core.after_instruction(self.forget)

    # -- reckoning -------------------------------------------------------------------------

    def _under_way(self) -> int:
        executed = self._engine.executed()
        return executed + (self._since + executed) // self._round * self._cycles

    def instructions_in(self, cycles: int) -> int:
        """While it is on: those of a slice that is to end after `cycles` (1 or more)."""
        # A whole round ends with its word, and the wait after that cannot be divided.
        words, rest = divmod(self._since + cycles, self._round + self._cycles)
        instructions = words * self._round + min(rest, self._round)
        before_one_too_many = (self._left + 1) * self._round - 1
        return min(instructions, before_one_too_many) - self._since

    def passed(self, executed: int) -> int:
        """A slice is over in which it was on: the cycles that its words took beyond its
        instructions."""
        assert self._store
        if self._uneven is not None:
            executed, self._uneven = self._uneven, None
        words, self._since = divmod(self._since + executed, self._round)
        if words:
            self._store.stored(self._next, words)
            self._next += words * _WORD
            self._left -= words
            if not self._left:  # perhaps there is more
                self._left = self._store.room(self._next)
                if self._left < _FEWEST:
                    self.forget()
        return words * self._cycles
