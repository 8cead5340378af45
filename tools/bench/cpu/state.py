"""The state of a core, as its users read it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from unicorn import arm_const as arm

from .engine import Engine


class Stop(enum.Enum):
    """Why `run()` returned."""

    BUDGET = "the limit is reached"
    IDLE = "asleep, and no event is due before the limit"
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
    msplim: int = 0
    psplim: int = 0


def read_state(engine: Engine) -> CpuState:
    msp, psp = engine.stack_pointers()
    primask, basepri, faultmask = engine.masks()
    msplim, psplim = engine.private.stack_limits()
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
        msplim=msplim,
        psplim=psplim,
    )


class ExceptionEntry(NamedTuple):
    """One exception taken: its number, the clock's cycle count, and where it returns to."""

    number: int
    cycles: int
    return_address: int


class FetchCounter:
    """Counts instructions that are executed in an address range."""

    def __init__(self) -> None:
        self.count = 0
        self.last_address: int | None = None
        self.stop: Callable[[], None] = lambda: None  # ends the counting

    def fetched(self, address: int, _size: int) -> None:
        self.count += 1
        self.last_address = address


class MaskMeter:
    """How long no interrupt could be taken, in instructions: PRIMASK or FAULTMASK is set, or the
    handler of an NMI or HardFault is under way.

    CPSID is not counted, CPSIE is: an instruction that writes a mask ends a block of code, and
    `look` is called at the start of each block.
    """

    def __init__(self, instructions: Callable[[], int], masked: Callable[[], bool]) -> None:
        self._instructions, self._read = instructions, masked
        self._masked = False
        self._since = 0  # where that was found
        self._last = self._longest = self._total = 0  # up to there
        self.stop: Callable[[], None] = lambda: None  # ends the measuring

    def look(self, _address: int = 0, _size: int = 0) -> None:
        now, masked = self._instructions(), self._read()
        if self._masked:
            self._last += now - self._since
            self._total += now - self._since
            self._longest = max(self._longest, self._last)
        elif masked:
            self._last = 0
        self._masked, self._since = masked, now

    def end(self) -> None:
        """Stop measuring."""
        self.look()
        self._masked = False

    @property
    def _open(self) -> int:
        return self._instructions() - self._since if self._masked else 0

    @property
    def last(self) -> int:
        """The last time that interrupts were masked, the present one if they are."""
        return self._last + self._open

    @property
    def longest(self) -> int:
        return max(self._longest, self.last)

    @property
    def total(self) -> int:
        return self._total + self._open
