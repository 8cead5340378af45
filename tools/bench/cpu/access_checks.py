"""The MPU of a Cortex-M0+. Unicorn's Cortex-M0 has none, so each access is checked by a hook.

The CPU is a hundred times slower while the MPU is on; little firmware uses it. Execution is
checked at the start of each block of code, so a block that runs on into memory that may not be
executed fails as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

from .bus import Bus
from .engine import Cause, Engine
from .mpu import Mpu


class AccessChecks:
    """`refuse(address)` makes the present instruction fail for its data access."""

    def __init__(self, engine: Engine, bus: Bus, mpu: Mpu, refuse: Callable[[int], None]) -> None:
        self._engine, self._bus, self._mpu = engine, bus, mpu
        self._refuse = refuse
        self._unhook: list[Callable[[], None]] = []
        mpu.on_apply = self._mpu_applied

    def _mpu_applied(self, active: bool) -> None:
        if active and not self._unhook:
            self._unhook.append(self._engine.hooks.on_access(self._accesses))
            self._unhook.append(self._engine.hooks.on_block(self._executes))
        while not active and self._unhook:
            self._unhook.pop()()

    def _accesses(self, write: bool, address: int, size: int) -> None:
        privileged = self._engine.privileged
        if self._bus.blocked or not self._mpu.allows_now(address, write, privileged):
            if write:
                self._bus.restore_later(address, size)
            self._bus.blocked = True  # until the instruction has been undone
            self._refuse(address)

    def _executes(self, address: int, size: int) -> None:
        if self._engine.stops_here:  # as after a write to the MPU, which has yet to take effect
            return
        privileged = self._engine.privileged
        for at in (address, address + size - 1):
            if not self._mpu.may_execute(at, privileged):
                self._engine.fail(Cause.MPU_FETCH)
