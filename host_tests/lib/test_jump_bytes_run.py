"""jump_bytes.py on each kind of core: its Python runs here, the code that it makes on the core."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType, SimpleNamespace
from unittest import mock

import pytest
from unicorn import arm_const as arm

from host_tests.bench.thumb import RAM
from host_tests.lib.departure import Departure, image
from host_tests.lib.test_jump_run import ANYWHERE, ARMV6M, ARMV7M, ARMV8M, DC, IC, cached
from tools.bench.cpu.spec import CORES
from tools.machine_code import LIB

LOOK, GO = 0, 1
HEAP = RAM + 0xA000
WORK = 200  # instructions until the application waits

HERE = {
    name: ANYWHERE[name].replace("{go}", "b .")
    for name in ("thread mode", "thread mode on PSP", "PRIMASK set", "an interrupt", "SVCall")
}
WITH_CACHES = cached(IC | DC) + "b ."


class GoneError(Exception):
    """The ROM has been reached."""


class OnCore:
    """machine, micropython and uctypes for jump_bytes.py.

    Its buffers are in the core's RAM, and what it stores there goes through the D-cache. The
    function that it makes is called as MicroPython does.
    """

    def __init__(self, run: Departure) -> None:
        self.run = run
        self._next = HEAP
        self._buffers: list[tuple[memoryview, int]] = []
        foreign = {
            "machine": SimpleNamespace(mem32=self),
            "micropython": SimpleNamespace(const=lambda value: value),
            "uctypes": SimpleNamespace(addressof=self.address, bytearray_at=self._view),
        }
        self.module = ModuleType("jump_bytes")
        self.module.__dict__["bytearray"] = self.buffer
        self.module.__package__ = "on_core"
        self.cache = ModuleType("cache")
        package = ModuleType("on_core")
        package.__dict__["RomBootError"] = RuntimeError
        self._modules = {**foreign, "on_core": package, "on_core.cache": self.cache}
        with mock.patch.dict(sys.modules, self._modules):  # type: ignore[arg-type]
            for name, module in (("cache", self.cache), ("jump_bytes", self.module)):
                exec((LIB / f"{name}.py").read_text(), module.__dict__)
        self.module.__dict__["function"] = lambda address: partial(self._call, address + 8 | 1)

    def helper(self, image: memoryview, task: int) -> int:
        with mock.patch.dict(sys.modules, self._modules):  # type: ignore[arg-type]
            return self.module.helper(image, task)

    def buffer(self, content: int | bytes) -> memoryview:
        size = content if isinstance(content, int) else len(content)
        view = self._view(self._next, size)
        view[:] = bytes(content)
        self._buffers.append((view, self._next))
        self._next += size + 15 & ~15
        return view

    def address(self, buffer: memoryview) -> int:
        return next(address for view, address in self._buffers if view is buffer)

    def _view(self, address: int, size: int) -> memoryview:
        machine = self.run.machine
        memory, at = (machine.ram, address - RAM) if address >= RAM else (machine.flash, address)
        at %= memory.size  # flash is at 0, too
        return memoryview(memory.view).cast("B")[at : at + size]

    def __getitem__(self, address: int) -> int:
        value = self.run.core.bus.load(address & 0xFFFFFFFF)
        return value - (value >> 31 << 32)

    def __setitem__(self, address: int, value: int) -> None:
        self.run.core.bus.store(address & 0xFFFFFFFF, 4, value & 0xFFFFFFFF)

    def _call(self, address: int) -> int:
        """Back at the application's `b .`: a small integer is in r0."""
        core = self.run.core
        core.engine.set(arm.UC_ARM_REG_LR, core.pc | 1)
        core.engine.branch(address)
        self.run.run()
        if self.run.arrived:
            raise GoneError
        found = core.state().r[0]
        assert found & 1
        return found >> 1


def waiting(code: str, core: str) -> OnCore:
    """An application that has come to its `b .`."""
    run = Departure(code, CORES[core])
    run.core.run(cycles=WORK)
    return OnCore(run)


def go(on_core: OnCore) -> list[str]:
    """Look and go; names of what is off then."""
    script = on_core.buffer(len(image()))
    script[:] = image()
    assert on_core.helper(script, LOOK) == 0
    with pytest.raises(GoneError):
        on_core.helper(script, GO)
    return on_core.run.off()


@pytest.mark.parametrize("core", [*ARMV6M, *ARMV7M, ARMV8M])
@pytest.mark.parametrize("where", HERE)
def test_it_arrives_as_after_a_reset(where: str, core: str) -> None:
    assert go(waiting(HERE[where], core)) == []


def test_the_code_comes_through_the_data_cache() -> None:
    assert go(waiting(WITH_CACHES, "cortex-m7")) == []


def test_it_would_be_missed_if_it_did_not() -> None:
    on_core = waiting(WITH_CACHES, "cortex-m7")
    on_core.cache.clean = lambda address, size: None  # type: ignore[attr-defined]
    assert "violations" in go(on_core)


def test_without_room_it_returns_msp_and_nothing_has_changed() -> None:
    """The main stack is at the lower end of SRAM."""
    on_core = waiting("ldr r4,=0x20000080; mov sp,r4; b .", "cortex-m4")
    script = on_core.buffer(len(image()))
    script[:] = image()
    for task in (LOOK, GO):
        assert 0x20000040 < on_core.helper(script, task) < 0x20000080
        assert not on_core.run.core.state().primask
        assert script == image()
