"""One Unicorn engine, with the operations that an M-profile core needs.

The behaviour of Unicorn 2.1.4 that this file depends on:

* `Uc(UC_ARCH_ARM, UC_MODE_THUMB, cpu=...)`, never UC_MODE_MCLASS, which forces a Cortex-M33.
* It tells a branch to an EXC_RETURN value in handler mode from one to an address (but for its
  Cortex-M0), yet it neither enters nor returns from exceptions: that is `exceptions.py`.
* WFI ends a run without an error, WFE and YIELD as an invalid instruction with the PC past them.
* A run is always started with a count and without an end address: mixing counted and uncounted
  starts throws all translated code away, and an end address costs a page lookup at each stop.
* An IT block is never stopped inside; the slice runs to its end (and is counted so).
* An instruction that may write PRIMASK, BASEPRI or FAULTMASK is the last of its block.
* A store to executable memory searches for translated code there and is slow. So a page of RAM is
  made executable only when the CPU first executes it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unicorn import UC_HOOK_INTR, UC_HOOK_MEM_INVALID
from unicorn import unicorn_const as u
from unicorn.arm_const import UC_ARM_REG_ESR
from unicorn.unicorn import Uc, UcError
from unicorn.unicorn_py3.unicorn import (
    HOOK_INTR_CFUNC,
    HOOK_MEM_INVALID_CFUNC,
    MMIO_READ_CFUNC,
    MMIO_WRITE_CFUNC,
)

from . import counter, library
from .cpu_registers import NPRIV, CpuRegisters
from .hooks import Hooks
from .memory import PAGE, Memory
from .private import PrivateState
from .spec import CoreSpec


class Cause(enum.Enum):
    """Why a slice ended."""

    LIMIT = "the limit of instructions"
    BREAK = "an address that is watched"
    WFI = "WFI"
    EVENT_HINT = "WFE or YIELD"
    SVC = "SVC"
    BKPT = "BKPT"
    EXC_RETURN = "branch to an EXC_RETURN value"
    UNDEFINED = "undefined instruction"
    INVSTATE = "branch to an even address"
    MPU_FETCH = "fetch from memory that may not be executed"
    MPU_DATA = "access that the MPU forbids"
    STACK_OVERFLOW = "stack pointer below its limit"
    BUS_FETCH = "fetch from where nothing is"
    BUS_READ = "read from where nothing is"
    BUS_WRITE = "write to where nothing is"


# Numbers that Unicorn's interrupt hook gives (QEMU's EXCP_*).
_INTERRUPTS = {
    2: Cause.SVC,
    3: Cause.MPU_FETCH,
    4: Cause.MPU_DATA,
    7: Cause.BKPT,
    8: Cause.EXC_RETURN,
    18: Cause.INVSTATE,
    19: Cause.STACK_OVERFLOW,
}
_ACCESSES = {
    u.UC_MEM_READ_UNMAPPED: Cause.BUS_READ,
    u.UC_MEM_READ_PROT: Cause.BUS_READ,
    u.UC_MEM_WRITE_UNMAPPED: Cause.BUS_WRITE,
    u.UC_MEM_WRITE_PROT: Cause.BUS_WRITE,
    u.UC_MEM_FETCH_UNMAPPED: Cause.BUS_FETCH,
    u.UC_MEM_FETCH_PROT: Cause.BUS_FETCH,
}
_PRIVATE_BUS = 0xE0000000
_UNMAPPED = (u.UC_MEM_READ_UNMAPPED, u.UC_MEM_WRITE_UNMAPPED)
_EXC_RETURN = 0xF0000000  # and above
_SYNDROME_UNCATEGORIZED = 0x02000000


@dataclass(slots=True)
class Outcome:
    """How a slice ended: cycles executed, why, and the address of the access that failed."""

    executed: int
    cause: Cause
    address: int = 0


#: (address, size, value) -> True if the write was taken care of.
WriteHook = Callable[[int, int, int], bool]


class Engine(CpuRegisters):
    def __init__(self, spec: CoreSpec) -> None:
        self.uc = Uc(u.UC_ARCH_ARM, u.UC_MODE_THUMB, cpu=spec.model)
        self._mainline = spec.mainline
        super().__init__(self.uc)
        self.private = PrivateState(self.uc, spec)
        self.uc.ctl_exits_enabled(True)
        self._counter = counter.NativeCounter(self.uc)
        self._begun, self._limit = self._counter.begun, self._counter.limit
        self.running = False
        self.hooks = Hooks(self.uc._uch, self._callback_failed, self._hook_added)
        self.on_protected_write: WriteHook = lambda address, size, value: False
        #: Called with the address where each step begins.
        self.on_begin: Callable[[int], None] | None = None
        self._before = 0  # instructions of the finished steps of this slice
        self._count = 0  # instructions after which this slice ends
        self._raised: BaseException | None = None  # in a callback
        self._mmio: dict[int, object] = {}  # callbacks: ctypes frees what nothing refers to
        self._unused: dict[range, Callable[[], None]] = {}  # addresses -> what maps them
        self._unexecuted: set[int] = set()  # pages that are not executable yet, by number
        self._cause: Cause | None = None
        self._address = 0
        self._break_address = -1  # where a slice is to stop
        self._break_count = 0  # instructions executed by then
        self._resumed_at = -1  # the same of the previous slice: now it is executed
        self.hooks.add(UC_HOOK_INTR, HOOK_INTR_CFUNC(self._interrupt))
        self.hooks.add(UC_HOOK_MEM_INVALID, HOOK_MEM_INVALID_CFUNC(self._invalid_access))

    # -- running ---------------------------------------------------------------------------

    def run(self, count: int) -> Outcome:
        """Execute up to `count` (1 or more) instructions."""
        begin = self._where()
        self._before, self._count, self.running = 0, count, True
        try:
            return self._step(begin, count) or Outcome(self._before, Cause.LIMIT)
        finally:
            self.running = False

    def run_stepwise(self, count: int, step_at: Callable[[int], tuple[int, bool]]) -> Outcome:
        """The same in steps: `step_at(pc)` says how many instructions, and if it is the last."""
        self._before, self._count, self.running = 0, count, True
        try:
            while True:
                begin = self._where()
                step, last = step_at(begin & ~1)
                outcome = self._step(begin, min(step, self._count - self._before))
                if outcome is not None:
                    outcome.executed += self._before
                    return outcome
                if last or self._before >= self._count:
                    return Outcome(self._before, Cause.LIMIT)
        finally:
            self.running = False

    def _where(self) -> int:
        """The PC with its T bit."""
        begin, self._begin = self._begin, -1
        return begin if begin >= 0 else self.pc_and_thumb()

    def _step(self, begin: int, count: int) -> Outcome | None:
        """None if the limit was reached; `_before` then includes this step."""
        self._cause = None
        self._resumed_at = self._break_address if begin & ~1 == self._break_address else -1
        self._break_address = -1
        if self.on_begin:
            self.on_begin(begin & ~1)
        if self.hooks.outdated:
            self.uc.ctl_flush_tb()
            self.hooks.flushed()
        try:
            self._counter.start(begin, count)
        except UcError as error:
            return self._ended_by(error)
        finally:
            if self._raised is not None:  # in a callback: it could not pass through Unicorn
                raised, self._raised = self._raised, None
                raise raised
        return self._ended()

    def executed(self) -> int:
        """Instructions begun in the slice under way, the present one included; else 0."""
        return self._before + self._begun.value if self.running else 0

    def begun(self) -> int:
        """Instructions begun in the slice that a callback's exception ended."""
        return self._before + self._begun.value

    @property
    def stops_here(self) -> bool:
        """In a callback at the begin of a block: the slice ends before its first instruction."""
        return self._begun.value >= self._limit.value

    def stop_after_instruction(self) -> None:
        """From a callback: end the slice before the next instruction begins."""
        self.limit_to(0)

    def limit_to(self, more: int) -> None:
        """From a callback: end the slice at most `more` instructions after the present one."""
        if not self.running:
            return
        limit = self._begun.value + more
        if limit < self._limit.value:
            self._limit.value = limit
        if self._before + limit < self._count:
            self._count = self._before + limit

    def _ended(self) -> Outcome | None:
        begun = self._begun.value
        if self._cause is not None:
            return Outcome(begun, self._cause, self._address)
        if self._break_address >= 0 and self._break_address == self.pc:
            return Outcome(self._break_count, Cause.BREAK, self._break_address)
        if begun > self._limit.value:
            self._before += begun - 1
            return None
        return Outcome(begun, Cause.WFI)

    def _ended_by(self, error: UcError) -> Outcome:
        begun = self._begun.value
        if self._cause is Cause.BUS_FETCH and self._address // PAGE in self._unexecuted:
            self._let_execute(self._address // PAGE)
            return Outcome(begun, Cause.LIMIT)
        if self._cause is not None:
            return Outcome(begun, self._cause, self._address)
        if error.errno != u.UC_ERR_INSN_INVALID:
            raise error
        if not self.thumb:
            return Outcome(begun, Cause.INVSTATE)
        # Only an instruction that is really undefined leaves a syndrome behind.
        undefined = self.get(UC_ARM_REG_ESR) == _SYNDROME_UNCATEGORIZED
        self.set(UC_ARM_REG_ESR, 0)
        return Outcome(begun, Cause.UNDEFINED if undefined else Cause.EVENT_HINT)

    # -- what Unicorn calls ----------------------------------------------------------------

    def _interrupt(self, handle: object, number: int, data: object) -> None:
        self._cause = _INTERRUPTS.get(number, Cause.UNDEFINED)
        library.emu_stop(self._handle)

    def _invalid_access(
        self, handle: object, access: int, address: int, size: int, value: int, data: object
    ) -> bool:
        if access == u.UC_MEM_WRITE_PROT:
            try:
                if self.on_protected_write(address, size, value):
                    return True
            except BaseException as error:
                self._callback_failed(error)
        if access in _UNMAPPED and self._map_unused(address):
            return True
        self._cause, self._address = _ACCESSES[access], address
        if address >= _EXC_RETURN and not self._mainline and self.handler_mode:
            self._cause = Cause.EXC_RETURN
        return False

    def fail(self, cause: Cause) -> None:
        """From a hook: the instruction that is about to be executed fails, for this reason."""
        self._cause = cause
        library.emu_stop(self._handle)

    def _reached(self, address: int, executed: int) -> None:
        if executed or address != self._resumed_at:
            # Inside an IT block the stop is not obeyed; then the PC will be another.
            self._break_address, self._break_count = address, executed
            library.emu_stop(self._handle)

    def _callback_failed(self, error: BaseException) -> None:
        self._raised = self._raised or error
        library.emu_stop(self._handle)

    # -- breaks ----------------------------------------------------------------------------

    def add_break(self, low: int, high: int, *, blocks: bool = False) -> Callable[[], None]:
        """Stop before instructions of [low, high], or before those alone that a block begins with;
        call the result to end that.

        With `blocks` other code is not slowed down; the stop is at the first instruction that is
        reached, and at each branch target after it.
        """
        counted = 0 if blocks else 1  # the instruction itself

        def reached(address: int, size: int) -> None:
            self._reached(address, self._begun.value - counted)

        add = self.hooks.on_block if blocks else self.hooks.on_instruction
        return add(reached, low, high)

    def _hook_added(self, low: int, high: int) -> None:
        if low == high and not self.running:
            self.forget_code(low, 1)
        else:
            self.hooks.outdated = True
            self.stop_after_instruction()

    # -- CONTROL.nPRIV of ARMv6-M: no register of Unicorn gives access to it --------------------

    def set_mode(self, *, xpsr: int, control: int, msp: int, psp: int) -> None:
        if not self._mainline:
            self.private.set_npriv(0)
        super().set_mode(xpsr=xpsr, control=control, msp=msp, psp=psp)
        if not self._mainline and control & NPRIV:
            self.private.set_npriv(1)

    def set_context(
        self, xpsr: int, control: int, msp: int, psp: int, pc: int, then: Sequence[int]
    ) -> None:
        kept = not self._mainline and control & NPRIV
        if kept:
            self.private.set_npriv(0)
        super().set_context(xpsr, control, msp, psp, pc, then)
        if kept:
            self.private.set_npriv(1)

    # -- memory ----------------------------------------------------------------------------

    def map_memory(self, base: int, memory: Memory, *, writable: bool, executable: bool) -> None:
        rights = _rights(writable=writable, executable=executable and not writable)
        self.uc.mem_map_ptr(base, memory.size, rights, memory.host_address)
        if executable and writable:
            self._unexecuted.update(_pages(base, memory.size))

    def _let_execute(self, page: int) -> None:
        """Code on this page is about to be executed."""
        self._unexecuted.remove(page)
        self.protect(page * PAGE, PAGE, writable=True, executable=True)

    def map_mmio(
        self,
        base: int,
        size: int,
        read: Callable[[int, int], int],
        write: Callable[[int, int, int], None],
    ) -> None:
        """Callbacks take (address, size[, value]). A peripheral is mapped at the first access: it
        takes some 50 us, a chip has a hundred of them, and a program uses few."""

        def on_read(handle: object, offset: int, size: int, data: object) -> int:
            try:
                return read(base + offset, size)
            except BaseException as error:
                self._callback_failed(error)
                return 0

        def on_write(handle: object, offset: int, size: int, value: int, data: object) -> None:
            try:
                write(base + offset, size, value)
            except BaseException as error:
                self._callback_failed(error)

        def map_it() -> None:
            callbacks = MMIO_READ_CFUNC(on_read), MMIO_WRITE_CFUNC(on_write)
            status = library.mmio_map(self._handle, base, size, callbacks[0], 0, callbacks[1], 0)
            library.check(status)
            self._mmio[base] = callbacks

        self._unused[range(base, base + size)] = map_it
        if base >= _PRIVATE_BUS:  # Unicorn's own stores call no hook: fpu.TRAP
            self._map_unused(base)

    def _map_unused(self, address: int) -> bool:
        """Map the peripheral there that has not been accessed yet; False if there is none."""
        for addresses in self._unused:
            if address in addresses:
                self._unused.pop(addresses)()
                return True
        return False

    def unmap(self, base: int, size: int) -> None:
        self._map_unused(base)
        self.uc.mem_unmap(base, size)
        self._unexecuted.difference_update(_pages(base, size))

    def protect(self, base: int, size: int, *, writable: bool, executable: bool = False) -> None:
        """Let the CPU write memory, or no more; `executable` as it was mapped."""
        rights = _rights(writable=writable, executable=executable)
        library.check(library.mem_protect(self._handle, base, size, rights))

    def forget_code(self, base: int, size: int) -> None:
        """Between slices: Python changed these bytes, so translate them anew."""
        unexecuted = self._unexecuted
        if size <= PAGE and base // PAGE in unexecuted and (base + size - 1) // PAGE in unexecuted:
            return  # as with most exception frames
        library.check(library.ctl_remove_cache(self._handle, base, base + size))


def _pages(base: int, size: int) -> range:
    return range(base // PAGE, (base + size) // PAGE)


def _rights(*, writable: bool, executable: bool) -> int:
    rights = u.UC_PROT_READ
    rights |= u.UC_PROT_WRITE if writable else 0
    return rights | (u.UC_PROT_EXEC if executable else 0)
