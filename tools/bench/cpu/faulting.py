"""The fault of an instruction that cannot be executed (DDI 0403E B1.5.14 and B1.5.15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from unicorn import arm_const as arm

from . import decode, faults, nvic
from .engine import Cause, Outcome
from .parts import Parts

_SAVED = (
    *(arm.UC_ARM_REG_R0 + n for n in range(13)),
    arm.UC_ARM_REG_SP,
    arm.UC_ARM_REG_LR,
    *(arm.UC_ARM_REG_S0 + n for n in range(32)),
    arm.UC_ARM_REG_FPSCR,
    arm.UC_ARM_REG_CONTROL,
)


@dataclass(slots=True)
class Refusal:
    """An access that a callback refused, and the registers as they were before it."""

    number: int
    flag: int
    address: int | None
    pc: int
    registers: list[int]


class Owner(Protocol):
    """What is called of the core."""

    @property
    def instructions(self) -> int: ...

    def enter_exception(self, number: int) -> None: ...


class Faulting:
    def __init__(self, parts: Parts, sentences: list[str], owner: Owner) -> None:
        """`sentences` gets one for each fault."""
        self._parts = parts
        self._sentences = sentences
        self._owner = owner
        self._engine = parts.engine
        #: By a callback, in the slice that is over.
        self.refused: Refusal | None = None
        #: Why the core is locked up, if it is.
        self.lockup: str | None = None

    def reset(self) -> None:
        self.refused = self.lockup = None

    # -- synchronous faults ----------------------------------------------------------------

    def instruction_failed(self, outcome: Outcome) -> None:
        """Take the fault for how a slice ended."""
        match outcome.cause:
            case Cause.UNDEFINED:
                self.take(nvic.USAGE_FAULT, self._undefined_flag())
            case Cause.INVSTATE:
                self.take(nvic.USAGE_FAULT, faults.INVSTATE)
            case Cause.MPU_FETCH:
                self.take(nvic.MEM_MANAGE, faults.IACCVIOL)
            case Cause.MPU_DATA:
                self._data_access_refused()
            case Cause.STACK_OVERFLOW:
                self.take(nvic.USAGE_FAULT, faults.STKOF)
            case Cause.BUS_FETCH:
                self.take(nvic.BUS_FAULT, faults.IBUSERR)
            case _:
                self.take(nvic.BUS_FAULT, faults.PRECISERR, outcome.address)

    def _data_access_refused(self) -> None:
        address, alignment = self._parts.private.data_fault()
        if alignment:
            self.take(nvic.USAGE_FAULT, faults.UNALIGNED)
        else:
            self.take(nvic.MEM_MANAGE, faults.DACCVIOL, address)

    def breakpoint(self) -> None:
        """BKPT without a debugger (C1.6.1)."""
        status = self._parts.scb.faults
        status.dfsr |= faults.DFSR_BKPT
        status.hfsr |= faults.HFSR_DEBUGEVT
        self._sentences.append(f"BKPT at {self._engine.pc:#010x} without a debugger")
        self.enter(nvic.HARD_FAULT)

    def take(self, number: int, flag: int, address: int | None = None) -> None:
        self.note(flag, self._engine.pc, address)
        self.enter(number)

    def enter(self, number: int) -> None:
        """Enter a synchronous exception, or the one that it escalates to."""
        taken = self.escalated(number)
        if taken is not None:
            self._owner.enter_exception(taken)

    def note(self, flag: int, pc: int, address: int | None) -> None:
        """Record a fault in the status registers and as a sentence."""
        self._parts.scb.faults.record(flag, address)
        self.report(faults.sentence(flag, pc, address))

    def report(self, sentence: str) -> None:
        self._sentences.append(f"{sentence} (instruction {self._owner.instructions})")

    def escalated(self, number: int) -> int | None:
        """The exception that a synchronous `number` becomes; None if the core locks up."""
        state, priority = self._parts.nvic, self._parts.execution_priority()
        if state.can_run(number) and state.group_priority(number) < priority:
            return number
        if priority <= -1:
            self.lock_up(f"{nvic.name_of(number)} while HardFault or NMI is active or masked")
            return None
        self._parts.scb.faults.hfsr |= faults.HFSR_FORCED
        return nvic.HARD_FAULT

    def derived(self, flag: int) -> int | None:
        """The exception for a frame that could not be stacked or unstacked."""
        self.note(flag, self._engine.pc, None)
        if flag == faults.STKOF:
            return self.escalated(nvic.USAGE_FAULT)
        return self.escalated(nvic.BUS_FAULT if flag > faults.MMARVALID else nvic.MEM_MANAGE)

    def lock_up(self, reason: str) -> None:
        """Stop until a reset."""
        pc, count = self._engine.pc, self._owner.instructions
        self.lockup = f"lockup at {pc:#010x}, instruction {count}: {reason}"
        self._sentences.append(self.lockup)

    def _undefined_flag(self) -> int:
        first = self._parts.bus.peek(self._engine.pc)
        return faults.NOCP if decode.is_coprocessor(first) else faults.UNDEFINSTR

    # -- accesses that a callback refused --------------------------------------------------

    def refuse_access(self, address: int) -> None:
        """From a callback: undo the present instruction and take a BusFault for it."""
        self._refuse(nvic.BUS_FAULT, faults.PRECISERR, address)

    def refuse_protected(self, address: int) -> None:
        """The same for a MemManage fault."""
        self._refuse(nvic.MEM_MANAGE, faults.DACCVIOL, address)

    def refuse_fpu(self) -> None:
        """From a callback: undo the present instruction, the FPU is off."""
        self._refuse(nvic.USAGE_FAULT, faults.NOCP, None)

    def _refuse(self, number: int, flag: int, address: int | None) -> None:
        engine = self._engine
        if self.refused or not engine.running:
            return
        registers = [engine.get(register) for register in _SAVED]
        self.refused = Refusal(number, flag, address, engine.pc, registers)
        engine.stop_after_instruction()

    def take_refused(self, refusal: Refusal) -> None:
        """After a slice: take the fault for the access that was refused in it."""
        self.refused = None
        self._parts.bus.blocked = False
        for register, value in zip(_SAVED, refusal.registers, strict=True):
            self._engine.set(register, value)
        self._engine.branch(refusal.pc)
        self.take(refusal.number, refusal.flag, refusal.address)
        self._parts.fpu.rearm()
