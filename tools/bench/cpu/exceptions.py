"""Exception entry and return by the pseudocode of the ARMv7-M ARM (DDI 0403E B1.5.6 to B1.5.8)
and, without the security extension, of the ARMv8-M ARM (DDI 0553B B3.18 to B3.22).

Unicorn has no NVIC, so frames are pushed and popped here. Two simplifications that software cannot
notice: FP state is stacked at once even when it could be lazy (FPCCR.LSPACT and
FPCAR still read as if it were lazy), and a late-arriving exception is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from unicorn.arm_const import UC_ARM_REG_FAULTMASK, UC_ARM_REG_PC

from . import faults, fpu, nvic
from .cpu_registers import FPCA, NPRIV, SPSEL, T_BIT
from .faulting import Faulting
from .memory import BusError
from .parts import Parts
from .scb import NONBASETHRDENA, SLEEPONEXIT, STKALIGN

IT_BITS = 0x0600FC00
_V8_S_AND_ES = 0x41  # EXC_RETURN: of the security extension
FRAME, FP_FRAME = 0x20, 0x68


class StackError(Exception):
    """A frame could not be written or read; carries the CFSR flag."""

    def __init__(self, flag: int) -> None:
        self.flag = flag


@dataclass(slots=True)
class Mode:
    """The state that entry and return change. `frame` are the registers that are stacked below the
    return address."""

    handler: bool
    xpsr: int
    control: int
    msp: int
    psp: int
    pc: int
    masks: Sequence[int]  # PRIMASK, BASEPRI, FAULTMASK
    frame: Sequence[int]

    @property
    def privileged(self) -> bool:
        return self.handler or not self.control & NPRIV


class Owner(Protocol):
    """What is called of the core."""

    def note_entry(self, number: int, return_address: int) -> None: ...

    def mode_changed(self, faultmask: int) -> None: ...

    def sleep(self) -> None: ...


class Exceptions:
    def __init__(self, parts: Parts, faulting: Faulting, owner: Owner) -> None:
        self._parts = parts
        self._faulting = faulting
        self._owner = owner
        self._engine = parts.engine
        self._nvic = parts.nvic

    # -- entry -----------------------------------------------------------------------------

    def mode(self) -> Mode:
        """The present one, with the registers of a frame."""
        seen = self._engine.context_and_frame()
        xpsr, control, msp, psp, pc = seen[:5]
        return Mode(xpsr & 0x1FF != 0, xpsr, control, msp, psp, pc, seen[5:8], seen[8:])

    def enter(self, number: int, mode: Mode | None = None) -> None:
        """Take exception `number` between two instructions; `mode` is the present one."""
        if mode is None:
            mode = self.mode()
        exc_return = self._exc_return(mode)
        try:
            self._push(mode, on_psp=bool(exc_return & 4))
        except StackError as error:
            number = self._first_of(number, self._faulting.derived(error.flag))
        self._owner.note_entry(number, mode.pc)
        self._take(number, mode, exc_return)

    def _first_of(self, number: int, derived: int | None) -> int:
        """Which of two exceptions is taken; the other one becomes pending."""
        if derived is None:
            return number
        state = self._nvic
        first, second = sorted((number, derived), key=lambda n: (state.group_priority(n), n))
        state.pend(second)
        return first

    def _push(self, mode: Mode, *, on_psp: bool) -> None:
        parts = self._parts
        with_fp = mode.control & FPCA
        align = with_fp or parts.scb.ccr & STKALIGN
        old = mode.psp if on_psp else mode.msp
        frame = (old - (FP_FRAME if with_fp else FRAME)) & (~7 if align else ~3) & 0xFFFFFFFF
        limit = parts.private.stack_limits()[on_psp] if parts.spec.architecture == 8 else 0
        overflow = frame < limit
        if overflow:
            frame = limit
        if on_psp:
            mode.psp = frame
        else:
            mode.msp = frame
        if overflow:
            raise StackError(faults.STKOF)
        misaligned = old & 4 if align else 0
        words = [*mode.frame, mode.pc, mode.xpsr & ~(1 << 9) | misaligned << 7]
        if with_fp:
            words += [*self._engine.fp_registers(), 0]
        self._store_frame(frame, words, mode)
        if with_fp and parts.fpu.fpccr & fpu.LSPEN:
            parts.fpu.begin_lazy_stacking(frame + FRAME, self._lazy_flags(mode))

    def _lazy_flags(self, mode: Mode) -> int:
        """The flags of FPCCR: the present mode, and which faults could be taken in it."""
        state = self._nvic
        priority = state.execution_priority(*mode.masks)
        flags = 0 if mode.handler else fpu.THREAD
        flags |= 0 if mode.privileged else fpu.USER
        flags |= fpu.HFRDY if priority > -1 else 0
        for number, flag in ((nvic.BUS_FAULT, fpu.BFRDY), (nvic.MEM_MANAGE, fpu.MMRDY)):
            if number in state.enabled and priority > state.group_priority(number):
                flags |= flag
        return flags

    def _exc_return(self, mode: Mode) -> int:
        value = 0xFFFFFFE1 if mode.control & FPCA else 0xFFFFFFF1
        if self._parts.spec.architecture == 8:
            value &= ~_V8_S_AND_ES
        if not mode.handler:
            value |= 0xC if mode.control & SPSEL else 0x8
        return value

    def _take(self, number: int, mode: Mode, exc_return: int) -> None:
        parts = self._parts
        mode.xpsr = mode.xpsr & ~(0x1FF | IT_BITS | T_BIT) | number
        mode.control &= ~(FPCA | SPSEL)
        self._nvic.activate(number)
        try:
            vector = parts.bus.load(parts.scb.vtor + 4 * number)
        except BusError:
            self._vector_failed(number, mode, exc_return)
            return
        mode.xpsr |= T_BIT if vector & 1 else 0
        self._apply(mode, vector, (exc_return,))
        self._owner.mode_changed(mode.masks[2])

    def _vector_failed(self, number: int, mode: Mode, exc_return: int) -> None:
        scb = self._parts.scb
        scb.faults.hfsr |= faults.HFSR_VECTTBL
        where = f"vector {number} ({nvic.name_of(number)}) at {scb.vtor + 4 * number:#010x}"
        if number in (nvic.NMI, nvic.HARD_FAULT):
            self._apply(mode, mode.pc, mode.frame)
            self._faulting.lock_up(f"{where} cannot be read")
            return
        self._faulting.report(f"{where} cannot be read")
        self._nvic.deactivate(number)
        self._take(nvic.HARD_FAULT, mode, exc_return)

    # -- return ----------------------------------------------------------------------------

    def leave(self) -> None:
        """Return from a handler: the PC is an EXC_RETURN value."""
        mode = self.mode()
        exc_return = mode.pc | mode.xpsr >> 24 & 1
        number = mode.xpsr & 0x1FF
        nested = len(self._nvic.active)
        was_active = number in self._nvic.active
        if not was_active or not self._return_is_legal(exc_return, nested):
            self._deactivate(number)
            self._invalid_return(exc_return, mode)
            return
        self._nvic.deactivate(number)
        if mode.masks[2] and number != nvic.NMI:
            self._engine.set(UC_ARM_REG_FAULTMASK, 0)
            mode.masks = [*mode.masks[:2], 0]
        try:
            target = self._pop(mode, exc_return)
        except StackError as error:
            self._tail_chain(self._faulting.derived(error.flag), mode, exc_return)
            return
        to_handler = not exc_return & 8
        if to_handler != target.handler:
            # The frame is left where it was, as the pseudocode pushes it again.
            self._invalid_return(exc_return, mode)
            return
        self._finish_return(target, nested)

    def _return_is_legal(self, exc_return: int, nested: int) -> bool:
        fixed, clear = (0x0FFFFFE1, 2)
        if self._parts.spec.architecture == 8:
            fixed, clear = 0x0FFFFFA0, 2 | _V8_S_AND_ES
        fixed |= 0 if self._parts.spec.fpu else 0x10
        if exc_return & (fixed | clear) != fixed:
            return False
        if not exc_return & 8:
            return not exc_return & 4
        return nested == 1 or bool(self._parts.scb.ccr & NONBASETHRDENA)

    def _pop(self, mode: Mode, exc_return: int) -> Mode:
        """The mode that the frame describes, with the registers that are to be loaded."""
        parts = self._parts
        on_psp, with_fp = bool(exc_return & 4), not exc_return & 0x10
        frame, size = mode.psp if on_psp else mode.msp, FP_FRAME if with_fp else FRAME
        words = self._load_frame(frame, size, mode)
        pc, psr = words[6:8]
        handler = psr & 0x1FF != 0
        padding = 4 if psr & (1 << 9) and (with_fp or parts.scb.ccr & STKALIGN) else 0
        sp = (frame + size) | padding
        msp, psp = (mode.msp, sp) if on_psp else (sp, mode.psp)
        control = mode.control & 1 | (SPSEL if on_psp else 0) | (FPCA if with_fp else 0)
        right_mode = (not exc_return & 8) == handler
        used = bool(mode.control & FPCA)
        if right_mode and with_fp and not parts.fpu.end_lazy_stacking(used):
            self._engine.set_fp_registers(words[8:25])
        return Mode(handler, psr & ~(1 << 9), control, msp, psp, pc, mode.masks, words[:6])

    def _finish_return(self, target: Mode, nested: int) -> None:
        self._apply(target, target.pc, target.frame)
        self._owner.mode_changed(target.masks[2])
        if nested == 1 and self._parts.scb.scr & SLEEPONEXIT:
            self._owner.sleep()

    def _invalid_return(self, exc_return: int, mode: Mode) -> None:
        self._faulting.note(faults.INVPC, self._engine.get(UC_ARM_REG_PC), exc_return)
        number = self._faulting.escalated(nvic.USAGE_FAULT)
        self._tail_chain(number, mode, 0xF0000000 | exc_return & 0x0FFFFFFF)

    def _tail_chain(self, number: int | None, mode: Mode, exc_return: int) -> None:
        if number is not None:
            self._owner.note_entry(number, exc_return)
            self._take(number, mode, exc_return)

    def _deactivate(self, number: int) -> None:
        self._nvic.deactivate(number)
        if number != nvic.NMI:
            self._engine.set(UC_ARM_REG_FAULTMASK, 0)

    # -- helpers ---------------------------------------------------------------------------

    def _apply(self, mode: Mode, pc: int, then: Sequence[int]) -> None:
        """With LR or the registers of a frame."""
        self._engine.set_context(mode.xpsr, mode.control, mode.msp, mode.psp, pc, then)

    def _store_frame(self, frame: int, words: list[int], mode: Mode) -> None:
        mpu = self._parts.mpu
        if mpu.control and not mpu.allows_all(frame, 4 * len(words), True, mode.privileged):
            raise StackError(faults.MSTKERR)
        try:
            self._parts.bus.store_words(frame, words)
        except BusError:
            raise StackError(faults.STKERR) from None

    def _load_frame(self, frame: int, size: int, mode: Mode) -> list[int]:
        mpu = self._parts.mpu
        if mpu.control and not mpu.allows_all(frame, size, False, mode.privileged):
            raise StackError(faults.MUNSTKERR)
        try:
            return self._parts.bus.load_words(frame, size // 4)
        except BusError:
            raise StackError(faults.UNSTKERR) from None
