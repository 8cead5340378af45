"""Where Unicorn's Cortex-M0 is not a Cortex-M0+: two instructions too many, no CONTROL.nPRIV.

Code is checked when Unicorn translates it. IT, CBZ and CBNZ, which ARMv6-M has not got
(DDI 0419C A5.2), and MSR CONTROL, whose bit 0 Unicorn ignores, get a hook each.
"""

from __future__ import annotations

from collections.abc import Callable

from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_R0, UC_ARM_REG_SP

from . import decode
from .bus import Bus
from .cpu_registers import NPRIV
from .engine import Cause, Engine
from .spec import CoreSpec

_LOOK_AHEAD = 128  # bytes


class InstructionSet:
    def __init__(
        self,
        spec: CoreSpec,
        engine: Engine,
        bus: Bus,
        after_instruction: Callable[[Callable[[], None]], None],
    ) -> None:
        self._engine, self._bus = engine, bus
        self._unprivileged = spec.unprivileged
        self._after_instruction = after_instruction
        self._hooked: set[int] = set()
        self._seen: dict[int, bytes] = {}  # what slices began with
        engine.on_begin = self._begins
        engine.hooks.on_translation(self._translated)

    def _begins(self, address: int) -> None:
        """A slice begins there. Unicorn does not call the hook for its first translation."""
        code = self._seen.get(address)
        if code is None or self._bus.code(address, len(code)) != code:
            code = self._seen[address] = decode.straight_line(self._bus.code(address, _LOOK_AHEAD))
            self._translated(address, len(code))

    def _translated(self, address: int, size: int) -> None:
        code = self._bus.code(address, size)
        for at in decode.instructions(code):
            first, second = decode.halfwords(code, at)
            place = address + at
            if place in self._hooked:
                continue
            if decode.is_it(first) or decode.is_compare_and_branch(first):
                self._hook(place, self._undefined)
            elif self._unprivileged and decode.is_msr_control(first, second):
                self._hook(place, self._control_written)

    def _hook(self, address: int, fn: Callable[[int, int], None]) -> None:
        self._hooked.add(address)
        self._engine.hooks.on_instruction(fn, address, address)

    def _undefined(self, address: int, _size: int) -> None:
        first = self._bus.peek(address)  # it may have changed since then
        if decode.is_it(first) or decode.is_compare_and_branch(first):
            self._engine.fail(Cause.UNDEFINED)

    def _control_written(self, address: int, _size: int) -> None:
        first, second = self._bus.peek(address), self._bus.peek(address + 2)
        engine, number = self._engine, first & 0xF
        if not decode.is_msr_control(first, second) or not engine.privileged:
            return
        register = {13: UC_ARM_REG_SP, 14: UC_ARM_REG_LR}.get(number, UC_ARM_REG_R0 + number)
        npriv = engine.get(register) & NPRIV
        self._after_instruction(lambda: engine.private.set_npriv(npriv))
