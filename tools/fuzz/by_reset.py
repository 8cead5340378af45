"""The other way in, through a reset, from the same states: see lib/romboot/reset.py.

Its Python is the library's own, run here: what it reads and writes is the application's memory
and bus, and the machine code that it calls runs in the state. From the reset on the real firmware
starts, with MicroPython's early-boot hook; what the application did is gone or must not matter.
"""

from __future__ import annotations

import sys
from functools import cache
from types import CodeType, ModuleType, SimpleNamespace
from unittest import mock

from unicorn import arm_const as arm

from .. import tables
from ..bench.core import Stop
from ..machine_code import LIB
from .application import Application
from .run import COMPLETE, LIMIT_NS, LOOK, SLICE_NS, Call, End, Outcome, prepare
from .states import State
from .subject import Subject
from .witness import Picture

AIRCR = 0xE000ED0C
WORD = 0xFFFFFFFF


class _Gone(Exception):
    """The reset has been asked for: from here on the program only waits."""


class _Stuck(Exception):
    """The machine code did not come back; the text says where it is."""


class _Words:
    """machine.mem32. As on the target, a negative address is the one 4 GiB further up."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __getitem__(self, address: int) -> int:
        value = self._app.load(address & WORD)
        return value - (value >> 31 << 32)

    def __setitem__(self, address: int, value: int) -> None:
        self._app.store(address & WORD, value)
        if address & WORD == AIRCR:
            raise _Gone


class _Library:
    """reset.py in an application, with a heap that has the one piece it asks for."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._app = call.app
        self._page = 0
        machine = SimpleNamespace(
            mem32=_Words(self._app),
            mem16=None,  # only hook() reads it, which is not in question here
            disable_irq=self._disable_irq,
        )
        uctypes = SimpleNamespace(
            addressof=lambda room: self._app.layout.room, bytearray_at=self._bytearray_at
        )
        foreign = {
            "machine": machine,
            "micropython": SimpleNamespace(const=lambda value: value),
            "uctypes": uctypes,
            "romboot": ModuleType("romboot"),
        }
        with mock.patch.dict(sys.modules, foreign):  # type: ignore[arg-type]
            foreign["romboot.cache"] = self._module("cache")
            self.module = self._module("reset")
        self.imports = mock.patch.dict(sys.modules, foreign)

    def _module(self, name: str) -> ModuleType:
        """One of the library, with what is foreign to Python."""
        module = ModuleType(f"romboot.{name}")
        module.__dict__["__package__"] = "romboot"
        exec(_code(name), module.__dict__)
        return module

    def _disable_irq(self) -> None:
        self._app.core.engine.set(arm.UC_ARM_REG_PRIMASK, 1)

    def _bytearray_at(self, address: int, size: int) -> memoryview:
        self._page = address
        memory, offset = self._app.soc.map.find(address)
        return memoryview(memory.view)[offset : offset + size]

    LOOK, COMPLETE = LOOK, COMPLETE

    def helper(self, image: memoryview, task: int) -> int:
        """jump.helper(), as the state has it."""
        end = self._call.run(self._page, task)
        if end is not End.REFUSED:
            raise _Stuck(f"helper(image, {task}) ended in {end.value}: {self._call.whereabouts()}")
        self._app.hold()
        self._app.settle()
        return self._call.returned or 0


@cache
def _code(name: str) -> CodeType:
    """That of a module of the library."""
    path = LIB / f"{name}.py"
    return compile(path.read_text(), path, "exec")


def run(subject: Subject, state: State) -> Outcome:
    """Set the state up on a fresh board, go, judge. Raises FuzzError if the fuzz is at fault."""
    call = prepare(subject, state)
    app = call.app
    library = _Library(call)
    before = call.witness.look()
    started = app.core.instructions
    if state.needs_reset and not _sees_states(app):
        return Outcome(End.FAILED, ["the library's table does not see what is set"], way="reset")
    try:
        with library.imports:
            way = library.module.Reset(library, subject.image, subject.boot_state)
        if way.missing or not state.layout.room_outlives_reset:
            return _refused(call, before, way.missing)
        way.go()
    except _Stuck as stuck:
        end = call.ended_by_watchdog and (state.erasing or call.is_slow)
        return Outcome(
            End.WATCHDOG if end else End.FAILED, [] if end else [str(stuck)], way="reset"
        )
    except _Gone:
        pass
    app.over = True
    call.watch_flash()
    end = _boot(call)
    outcome = Outcome(end, call.complaints(), True, app.core.instructions - started, "reset")
    if end is End.ARRIVED:
        assert app.board.arrival
        outcome.instructions = app.board.arrival.instructions - started
        outcome.wrong += [str(deviation) for deviation in app.board.arrival.deviations]
    else:
        outcome.wrong.append(f"{end.value}, resets {call.resets}: {call.whereabouts()}")
    return outcome


def _sees_states(app: Application) -> bool:
    """The table of the family has a state that a jump cannot clear, and it is there."""
    dev_id = app.soc.chip.dev_id
    family = next(family for family, die in tables.dies() if die.dev_id == dev_id)
    return any(
        all(app.load(check.address) & check.mask == check.value for check in state.checks)
        for state in family.states
        if not state.lasting
    )


def _refused(call: Call, before: Picture, missing: str) -> Outcome:
    """The heap is where a reset takes it away: nothing may be written then."""
    wrong = call.witness.differences(before) + call.complaints()
    if call.app.layout.room_outlives_reset:
        wrong.append(missing)
    elif not missing:
        wrong.append(f"it would boot from 0x{call.app.layout.room:08X}, which a reset takes away")
    return Outcome(End.REFUSED, wrong, way="reset")


def _boot(call: Call) -> End:
    """From the reset to the ROM. Another reset on the way would be one too many."""
    core, clock = call.app.core, call.app.soc.clock
    limit = clock.now + LIMIT_NS
    while clock.now < limit:
        stop = core.run(until_ns=min(limit, clock.now + SLICE_NS))
        if call.app.board.arrival:
            return End.ARRIVED
        if call.resets != ["SFT"]:
            return End.RESET
        if stop is Stop.LOCKUP:
            break
    return End.FAILED
