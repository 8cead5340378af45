"""What a core tells about itself."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from unicorn import arm_const as arm

from .engine import Engine


class Stop(enum.Enum):
    """Why `run()` came back."""

    BUDGET = "the time allowed is over"
    IDLE = "asleep, and nothing is due in the time allowed"
    BREAK = "about to execute an address that is watched"
    LOCKUP = "locked up: a fault where no fault can be handled"


@dataclass(frozen=True)
class CpuState:
    """The registers. `sp` is the stack pointer in use, one of `msp` and `psp`."""

    r: tuple[int, ...]  # r0 to r12
    sp: int
    lr: int
    pc: int
    msp: int
    psp: int
    xpsr: int
    control: int
    primask: int
    basepri: int
    faultmask: int
    fpscr: int


def read_state(engine: Engine) -> CpuState:
    msp, psp = engine.stack_pointers()
    primask, basepri, faultmask = engine.masks()
    return CpuState(
        r=tuple(engine.low_registers()),
        sp=engine.sp,
        lr=engine.get(arm.UC_ARM_REG_LR),
        pc=engine.pc,
        msp=msp,
        psp=psp,
        xpsr=engine.get(arm.UC_ARM_REG_XPSR),
        control=engine.get(arm.UC_ARM_REG_CONTROL),
        primask=primask,
        basepri=basepri,
        faultmask=faultmask,
        fpscr=engine.get(arm.UC_ARM_REG_FPSCR),
    )


class ExceptionEntry(NamedTuple):
    """One exception taken: its number, the clock's cycle count, and where it returns to."""

    number: int
    cycles: int
    return_address: int


class FetchCounter:
    """Instructions executed from an address range since it was made."""

    def __init__(self) -> None:
        self.count = 0
        self.last_address: int | None = None
        self.stop: Callable[[], None] = lambda: None  # ends the counting

    def fetched(self, address: int) -> None:
        self.count += 1
        self.last_address = address


class MaskMeter:
    """How long interrupts were masked by PRIMASK, in instructions.

    CPSID itself is not counted, CPSIE is. While a meter is in use each write of a mask ends a
    slice, and code for which that cannot be had goes step by step.
    """

    def __init__(self) -> None:
        self.longest = 0
        self.last = 0  # the last stretch, the present one if it goes on
        self.total = 0
        self.stop: Callable[[], None] = lambda: None  # ends the measuring
        self._going_on = False

    def passed(self, masked: bool, instructions: int) -> None:
        if masked:
            self.last = instructions + (self.last if self._going_on else 0)
            self.longest = max(self.longest, self.last)
            self.total += instructions
        self._going_on = masked
