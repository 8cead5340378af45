"""A loop that may write registers without asking.

A program that writes a sector of flash does the same for each word: wait, set up CR, store the
word, put CR back. Each store to CR is a call into Python that changes nothing but CR itself. So
after some rounds in which no other register was written, the blocks of code that the loop consists
of are noted, and from then on the CPU may write the registers as long as it stays in these blocks;
the word still comes to Python, as flash cannot be written.

That is taken back before anything else is executed: every address that the blocks can branch or
run on to is watched, and an exception takes it back until its handler returns. (A return is taken
to lead to after a call; a loop with any other branch to where a register says is left alone.) What
the registers hold then proves that the loop did nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.bench.cpu import decode
from tools.bench.cpu.bus import Bus, Region
from tools.bench.cpu.engine import Engine, Switch

_ROUNDS = 8  # to be watched before the way is known
_MOST_BLOCKS = 100


@dataclass(slots=True)
class _Code:
    """The blocks of the loop, by address, and what was in them."""

    blocks: dict[int, bytes]

    def __contains__(self, address: int) -> bool:
        return any(at <= address < at + len(code) for at, code in self.blocks.items())

    def exits(self, word_at: Callable[[int], int]) -> set[int] | None:
        """Where the CPU may come from these blocks and is then in none; None if anywhere."""
        found: set[int] = set()
        for at, code in self.blocks.items():
            targets = decode.targets(code, at, word_at)
            if targets is None:
                return None
            found.update(targets)
        return {address for address in found if address not in self}


class Loop:
    """The loop that writes registers which `Bus` shows as memory."""

    def __init__(
        self,
        engine: Engine,
        bus: Bus,
        handlers: Callable[[], int],
        after_instruction: Callable[[Callable[[], None]], None],
    ) -> None:
        """`handlers()` is how many exception handlers are under way."""
        self._engine = engine
        self._bus = bus
        self._handlers = handlers
        self._after_instruction = after_instruction
        self.free = False  # it may write
        self._rounds = 0
        self._trace: dict[int, bytes] = {}
        self._depth = 0  # handlers under way, in the loop
        self._end_trace: Callable[[], None] | None = None
        self._code: _Code | None = None
        self._watched = Switch(on=False)
        self._unwatch: list[Callable[[], None]] = []
        self._register = 0  # offset of the one that it writes
        self._region: Region | None = None
        self._before = b""  # the registers, when it was let go
        self._interrupted: tuple[int, int] | None = None  # PC, handlers under way

    # -- getting to know it ----------------------------------------------------------------

    def round(self, register: int) -> None:
        """From a callback: it has come round and wrote nothing but the register at this offset."""
        if self.free:
            return
        if self._code:
            if self._code.blocks:
                self._after_instruction(self._begin)
            return
        self._register = register
        self._rounds += 1
        if self._rounds == 1:
            self._after_instruction(self._start_trace)
        elif self._rounds > _ROUNDS:
            self._after_instruction(self._learned)

    # Hooks come and go between instructions, as the code that is executing would go with them.

    def _start_trace(self) -> None:
        self._depth = self._handlers()
        self._end_trace = self._engine.add_block_hook(self._note)

    def _note(self, address: int, size: int) -> None:
        if address not in self._trace and self._handlers() == self._depth:
            self._trace[address] = self._bus.code(address, size)

    def _learned(self) -> None:
        if not self._end_trace:  # there was a doubt
            return
        self._stop_trace()
        code = _Code(self._trace)
        exits = code.exits(self._bus.load) if len(self._trace) <= _MOST_BLOCKS else None
        if exits is None:
            self._code = _Code({})
            return
        self._code = code
        for address in exits:
            hook = self._engine.add_break(address, address, blocks=True, switch=self._watched)
            self._unwatch.append(hook)
        self._begin()

    def _stop_trace(self) -> None:
        if self._end_trace:
            self._end_trace()
            self._end_trace = None

    def doubt(self) -> None:
        """Another register is about to change. If the loop does that forget it."""
        if self._rounds and (not self._code or self._engine.pc in self._code):
            self._after_instruction(self._forget)
        if self.free:
            self._verify()
            self._before = b""

    def _forget(self) -> None:
        """There may be another."""
        self.end()
        self._stop_trace()
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch.clear()
        self._rounds, self._trace, self._code = 0, {}, None

    # -- letting it go ---------------------------------------------------------------------

    def _begin(self) -> None:
        """Between instructions."""
        region, code = self._bus.shown, self._code
        if self.free or region is None or code is None:
            return
        if any(self._bus.code(at, len(seen)) != seen for at, seen in code.blocks.items()):
            self._forget()
            return
        self._let_go(region)

    def _let_go(self, region: Region) -> None:
        self._region, self._before = region, bytes(region.memory.view)
        self.free = self._watched.on = True
        self._engine.protect(region.base, region.memory.size, writable=True)

    def reached(self, address: int) -> None:
        """The CPU is about to execute what it was stopped at."""
        if self.free and self._code and address not in self._code:
            self.end()

    def interrupted(self, pc: int) -> None:
        """An exception is taken."""
        if self.free:
            self.end()
            self._interrupted = pc, self._handlers()

    def returned(self, pc: int) -> None:
        """A handler has returned."""
        if self._interrupted == (pc, self._handlers()):
            self._interrupted = None
            if self._region and self._region is self._bus.shown and self._code:
                self._let_go(self._region)

    def reset(self) -> None:
        """The CPU was reset."""
        self._forget()

    def end(self) -> None:
        """Between instructions: its stores are asked about again."""
        self._interrupted = None
        if self.free:
            assert self._region
            self._verify()
            self.free = self._watched.on = False
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
