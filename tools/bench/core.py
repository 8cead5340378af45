"""The virtual CPU: a Cortex-M core in virtual time, with an exact count of instructions.

Unicorn executes instructions; the rest of a microcontroller core is here and in
`cpu/`: exceptions, the system control space, faults, sleep and the address map. `run()` works in
slices that end at the next clock event, so interrupts and events of peripherals come at an exact
instruction, and a run repeats exactly.

An exception is taken right after the instruction that pends or unmasks it, with two exceptions. An
IT block is executed to its end: at most three instructions more. What has been pending and masked
for thousands of instructions is taken up to `runner.COARSE` instructions after it is unmasked.
Instructions of an IT block whose condition fails are not counted.

Not modelled: the traps of CCR.UNALIGN_TRP, CCR.DIV_0_TRP and CCR.BFHFNMIGN (the bits are kept),
alignment faults of LDM, LDRD and their stores, the debug monitor, CPACR's "privileged only", that
FAULTMASK can switch the MPU off, that exceptions clear the exclusive monitor, and a SEV that is
not right before its WFE.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from unicorn import arm_const as arm

from .clock import Clock
from .cpu import nvic
from .cpu.access_checks import AccessChecks
from .cpu.armv6m import InstructionSet
from .cpu.bus import Bus, OnWrite
from .cpu.cache_registers import CacheRegisters
from .cpu.caches import Caches
from .cpu.cpu_registers import FPCA, T_BIT
from .cpu.engine import Cause, Engine
from .cpu.exceptions import Exceptions
from .cpu.faulting import Faulting
from .cpu.fpu import Fpu, FpuTrap
from .cpu.memory import PAGE, Block, BusError, Memory
from .cpu.mpu import MpuV7
from .cpu.mpu_v8 import MpuV8
from .cpu.nvic import Nvic
from .cpu.parts import Parts
from .cpu.runner import Runner
from .cpu.scb import SEVONPEND, Scb
from .cpu.signals import held_back
from .cpu.spec import (
    CORES,
    CORTEX_M0,
    CORTEX_M0PLUS,
    CORTEX_M3,
    CORTEX_M4F,
    CORTEX_M7,
    CORTEX_M33,
    CoreSpec,
)
from .cpu.state import CpuState, ExceptionEntry, FetchCounter, MaskMeter, Stop, read_state
from .cpu.systick import SysTick
from .scs import Dwt, Scs

__all__ = [
    "CORES",
    "CORTEX_M0",
    "CORTEX_M0PLUS",
    "CORTEX_M3",
    "CORTEX_M4F",
    "CORTEX_M7",
    "CORTEX_M33",
    "PAGE",
    "Block",
    "BusError",
    "Core",
    "CoreSpec",
    "CpuState",
    "ExceptionEntry",
    "FetchCounter",
    "MaskMeter",
    "Memory",
    "Stop",
]

_REMEMBERED = 10_000


class Core:
    """A core with its NVIC, SysTick, MPU, FPU and caches."""

    def __init__(self, spec: CoreSpec, clock: Clock) -> None:
        self.spec = spec
        self.clock = clock
        #: A sentence for each fault, oldest first.
        self.faults: list[str] = []
        #: Sentences: what the program did that a real core may not survive.
        self.violations: list[str] = []
        self.engine = Engine(spec)
        self.bus = Bus(self.engine)
        self._parts = self._make_parts()
        self._faulting = Faulting(self._parts, self.faults, self)
        self.bus.refuse = self._faulting.refuse_access
        self.scs = Scs(self._parts, self)
        self.dwt = Dwt(clock, self.scb)
        self.bus.map_block(self.scs)
        if spec.mainline:
            self.bus.map_block(self.dwt)
        if spec.fpu:
            self.bus.map_block(FpuTrap(self.fpu, self._faulting.refuse_fpu))
        if not spec.mainline:
            InstructionSet(spec, self.engine, self.bus, self.after_instruction)
            AccessChecks(self.engine, self.bus, self.mpu, self._faulting.refuse_protected)
        self._exceptions = Exceptions(self._parts, self._faulting, self)
        self._runner = Runner(self._parts, clock, self._faulting, self._exceptions)
        #: The last exceptions taken, oldest first.
        self.exceptions_taken: deque[ExceptionEntry] = deque(maxlen=_REMEMBERED)
        #: Called at each exception entry.
        self.on_exception: Callable[[ExceptionEntry], None] | None = None
        #: Called for AIRCR.SYSRESETREQ, right after the instruction that writes it.
        self.on_system_reset: Callable[[], None] = lambda: self.reset(0)
        self.nvic.on_pend = self._note_pending
        clock.under_way = self.engine.executed
        clock.on_earlier = self._runner.shorten_slice

    def _make_parts(self) -> Parts:
        spec, engine = self.spec, self.engine
        self.nvic = Nvic(spec)
        private = engine.private
        kind = MpuV8 if spec.architecture == 8 else MpuV7
        self.mpu = kind(spec, private, self.faults.append)
        self.fpu = Fpu(
            spec,
            private,
            uses_fpu=lambda: bool(engine.get(arm.UC_ARM_REG_CONTROL) & FPCA),
            changed=self.after_instruction,
        )
        self.systick = SysTick(self.clock, lambda: self.pend(nvic.SYSTICK))
        self.scb = Scb(
            spec,
            self.nvic,
            current=lambda: engine.get(arm.UC_ARM_REG_IPSR) & 0x1FF,
            changed=self.reconsider,
            system_reset=lambda: self.after_instruction(lambda: self.on_system_reset()),
            trace_changes=lambda: self.dwt.settle(),
        )
        self.caches = cache_registers = None
        if spec.caches and isinstance(self.mpu, MpuV7):
            self.caches = Caches(spec, engine, self.mpu, self._violation)
            self.scb.on_caches = self.caches.switch
            cache_registers = CacheRegisters(spec, self.caches)
        return Parts(
            *(spec, engine, self.bus, private, self.nvic, self.scb, self.mpu, self.fpu),
            *(self.systick, self.caches, cache_registers),
        )

    def _violation(self, sentence: str) -> None:
        if sentence not in self.violations:
            self.violations.append(sentence)

    # -- the address map -------------------------------------------------------------------

    def map_memory(
        self,
        base: int,
        memory: Memory,
        *,
        writable: bool = True,
        executable: bool = True,
        on_write: OnWrite | None = None,
        tcm: bool = False,
    ) -> None:
        """Map `memory` at `base`, a multiple of PAGE. `tcm`: it is never cached.

        If it is not writable, a store calls `on_write(address, size, value)`, which changes the
        memory as hardware would and returns True if it now holds just these bytes. Without
        `on_write` the store is a BusFault.
        """
        self.bus.map_memory(
            base, memory, writable=writable, executable=executable, on_write=on_write
        )
        if self.caches and writable and not tcm:
            self.caches.add(base, memory)

    def map_block(self, block: Block) -> None:
        """Map a block at its base. Blocks may be smaller than a page and share one."""
        self.bus.map_block(block)

    def unmap(self, base: int, size: int) -> None:
        """Unmap the memories and pages at these addresses. Not from a callback."""
        if self.caches:
            for region in self.bus.regions:
                if base <= region.base < base + size:
                    for sentence in self.caches.remove(region.base):
                        self.after_instruction(lambda s=sentence: self._violation(s))
        self.bus.unmap(base, size)

    # -- for peripherals -----------------------------------------------------------------

    def set_irq(self, number: int, level: bool) -> None:
        """Input of external interrupt `number`: it becomes pending while high and not active."""
        if not 0 <= number < self.spec.irq_count:
            raise ValueError(f"this {self.spec.name} has no interrupt {number}")
        self.nvic.set_line(nvic.FIRST_IRQ + number, level)
        if level:
            self.engine.stop_after_instruction()

    def pend(self, number: int) -> None:
        """Make an exception pending, by its number."""
        self.nvic.pend(number)
        self.engine.stop_after_instruction()

    def pend_nmi(self) -> None:
        self.pend(nvic.NMI)

    def after_instruction(self, fn: Callable[[], None]) -> None:
        """From a callback: run `fn` between this instruction and the next. May remap or reset.

        STRD and STM are finished first. Outside of `run()`: before the next instruction.
        """
        self._runner.deferred.append(fn)
        self.engine.stop_after_instruction()

    def wait(self, cycles: Callable[[], int]) -> None:
        """From a callback: this instruction takes `cycles()` longer, and events that become due
        run. Outside of `run()`: before the next instruction."""
        self._runner.wait(cycles)

    def reconsider(self) -> None:
        """Decide again, before the next instruction, which exception is taken."""
        self.nvic.reconsider()
        self._runner.reconsider()

    # -- watching --------------------------------------------------------------------------

    def on_execute(self, low: int, high: int, fn: Callable[[int], None]) -> Callable[[], None]:
        """Before an instruction of [low, high]: call `fn(address)` and stop with Stop.BREAK.

        At each instruction of the range, until the returned function is called; in an IT block
        only at its end. In a range of whole pages (multiples of PAGE), after the first
        instruction, only at branch targets; it does not slow down other code. Any other range
        halves the speed of code that is translated meanwhile.
        """
        pages = low % PAGE == 0 and (high + 1) % PAGE == 0
        remove_hook = self.engine.add_break(low, high, blocks=pages)
        watch = (low, high, fn)
        self._runner.watches.append(watch)

        def remove() -> None:
            self._runner.watches.remove(watch)
            remove_hook()

        return remove

    def count_fetches(self, low: int, high: int) -> FetchCounter:
        """Count instructions that are executed in [low, high], until the counter's `stop()`."""
        counter = FetchCounter()
        counter.stop = self.engine.hooks.on_instruction(counter.fetched, low, high)
        return counter

    def measure_masking(self) -> MaskMeter:
        """Measure how long no interrupt can be taken, from now on, until the meter's `stop()`."""

        def masked() -> bool:
            primask, _, faultmask = self.engine.masks()
            return bool(primask) or self.nvic.execution_priority(0, 0, faultmask) < 0

        meter = MaskMeter(lambda: self.instructions, masked)
        remove_hook = self.engine.hooks.on_block(meter.look)

        def stop() -> None:
            meter.end()
            remove_hook()

        meter.stop = stop
        return meter

    @property
    def instructions(self) -> int:
        """Executed since power-on; in a callback, the present one included."""
        return self._runner.instructions + self.engine.executed()

    @property
    def pc(self) -> int:
        """Address of the next instruction; in a callback, of the present one."""
        return self.engine.pc

    @property
    def handlers(self) -> int:
        """Number of active exception handlers."""
        return len(self.nvic.active)

    @property
    def asleep(self) -> bool:
        return self._runner.asleep is not None

    @property
    def lockup(self) -> str | None:
        """Why the core is locked up, if it is."""
        return self._faulting.lockup

    def left_behind(self) -> list[str]:
        """Sentences: what the caches hold that they would not hold after a reset."""
        return self.caches.left_behind() if self.caches else []

    def state(self) -> CpuState:
        return read_state(self.engine)

    # -- reset -----------------------------------------------------------------------------

    def reset(self, vector_table: int, vtor: int = 0) -> None:
        """Reset the core: MSP and PC from `vector_table`, all else as after a system reset.

        `vtor` is the reset value of VTOR: pins of a Cortex-M7 set it; 0 on all other cores.

        The registers that a reset leaves unknown (r0 to r12, PSP) become 0. Time does not restart.
        """
        self._runner.reset()
        self._faulting.reset()
        self._parts.reset_system_registers()
        self._parts.scb.vtor = vtor
        self.engine.private.set_stack_limits(0, 0)
        self.engine.clear_registers()
        try:
            msp, vector = self.bus.load(vector_table), self.bus.load(vector_table + 4)
        except BusError as error:
            self._faulting.lock_up(f"the vector table at {vector_table:#010x}: {error}")
            return
        xpsr = T_BIT if vector & 1 else 0
        self.engine.set_mode(xpsr=xpsr, control=0, msp=msp & ~3, psp=0)
        self.engine.branch(vector)

    # -- running ---------------------------------------------------------------------------

    def run(self, *, cycles: int | None = None, until_ns: int | None = None) -> Stop:
        """Run for `cycles`, or until the clock reads `until_ns`, or until something stops it.

        While the core sleeps, time jumps from event to event. IDLE: the limit is reached in
        sleep, or, without a limit, there is no event left.

        A signal takes effect afterwards.
        """
        with held_back():
            return self._runner.run(cycles, until_ns)

    def sleep(self) -> None:
        """Wait for an interrupt, as WFI does."""
        self._runner.asleep = Cause.WFI

    # -- for the parts of the core ----------------------------------------------------------

    def enter_exception(self, number: int) -> None:
        """Called by `Faulting` with the exception that an instruction causes."""
        self._exceptions.enter(number)

    def note_entry(self, number: int, return_address: int) -> None:
        """Called by `Exceptions` at each entry."""
        self._runner.asleep = None
        entry = ExceptionEntry(number, self.clock.reached, return_address)
        self.exceptions_taken.append(entry)
        if self.on_exception:
            self.on_exception(entry)

    def mode_changed(self, faultmask: int) -> None:
        """Called by `Exceptions` at entry and return: HFNMIENA may switch the MPU."""
        self._runner.event_register = True
        if self.mpu.control:
            high_priority = bool(faultmask) or self.nvic.active_priority < 0
            self.mpu.mode_changed(high_priority=high_priority)

    def mpu_changed(self) -> None:
        """Called after a write to the MPU's registers."""
        if self.mpu.matters:
            self.after_instruction(
                lambda: self.mpu.apply(high_priority=self._parts.execution_priority() < 0)
            )

    def _note_pending(self) -> None:
        if self.scb.scr & SEVONPEND:
            self._runner.event_register = True
