"""The system control space, 0xE000E000 to 0xE000EFFF, and the DWT's cycle counter.

What the registers do is in `cpu/`: `scb.py`, `nvic.py`, `systick.py`, `mpu.py`, `fpu.py`. This
file gives them their addresses and refuses accesses that are not allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from .clock import Clock
from .cpu import nvic
from .cpu.memory import BusError
from .cpu.parts import Parts
from .cpu.registers import Register, RegisterFile, RegisterView
from .cpu.scb import USERSETMPEND, Scb

__all__ = ["Dwt", "RegisterView", "Scs"]

_STIR = 0xF00
_TRCENA = 1 << 24


class Owner(Protocol):
    """What is called of the core."""

    def reconsider(self) -> None: ...

    def mpu_changed(self) -> None: ...


class Scs:
    """The block of system control registers."""

    name = "SCS"
    base = 0xE000E000
    size = 0x1000

    def __init__(self, parts: Parts, owner: Owner) -> None:
        self._parts = parts
        self._owner = owner
        self._nvic = parts.nvic
        self._file = RegisterFile(self.base, self._all_registers())

    def registers(self) -> Iterable[RegisterView]:
        """Every register with a state: name, address, value, reset value, implemented bits.

        Reading them has no side effects. Debug registers and the NVIC's ICER and ICPR
        are left out; each region of the MPU is listed.
        """
        yield from self._file.views()
        yield from self._parts.mpu.region_views()

    def read(self, offset: int, size: int) -> int:
        self._check(offset, size)
        return self._file.load(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        self._check(offset, size)
        self._file.store(offset, size, value)

    def reset(self) -> None:
        self._parts.reset_system_registers()

    def _check(self, offset: int, size: int) -> None:
        """ARMv6-M calls other accesses than by word UNPREDICTABLE (DDI 0419C B3.1)."""
        if size != 4 and not self._parts.spec.mainline:
            raise BusError("the system control space is accessed by word")
        if self._parts.engine.privileged:
            return
        if offset & ~3 == _STIR and self._parts.scb.ccr & USERSETMPEND:
            return
        raise BusError("unprivileged code may not use the system control space")

    # -- the table -------------------------------------------------------------------------

    def _all_registers(self) -> Iterator[Register]:
        yield from self._parts.scb.registers()
        yield from self._systick_registers()
        yield from self._nvic_registers()
        yield from self._parts.mpu.registers(self._owner.mpu_changed)
        yield from self._parts.fpu.registers()
        if self._parts.cache_registers:
            yield from self._parts.cache_registers.registers()

    def _systick_registers(self) -> Iterator[Register]:
        tick = self._parts.systick
        yield Register(
            "SYST_CSR",
            0x010,
            lambda: tick.control,
            tick.write_control,
            tick.read_control,
            mask=0x10007,
        )
        yield Register(
            "SYST_RVR",
            0x014,
            lambda: tick.reload,
            tick.write_reload,
            mask=0xFFFFFF,
            reset_known=False,
        )
        yield Register(
            "SYST_CVR",
            0x018,
            lambda: tick.value,
            lambda value: tick.write_value(),
            mask=0xFFFFFF,
            reset_known=False,
        )
        yield Register("SYST_CALIB", 0x01C, lambda: 0)

    def _nvic_registers(self) -> Iterator[Register]:
        for n in range((self._parts.spec.irq_count + 31) // 32):
            yield from self._nvic_word(n)
        for n in range((self._parts.spec.irq_count + 3) // 4):
            yield self._priority_register(n)
        if self._parts.spec.mainline:
            yield Register("STIR", _STIR, lambda: 0, self._trigger, ones_act=True, listed=False)

    def _nvic_word(self, n: int) -> Iterator[Register]:
        state, offset = self._nvic, 4 * n
        first = nvic.FIRST_IRQ + 32 * n
        mask = (1 << min(32, state.count - first)) - 1

        def word(members: Callable[[], set[int]]) -> Callable[[], int]:
            return lambda: sum(1 << m - first for m in members() if first <= m < first + 32) & mask

        def each(act: Callable[[int], None]) -> Callable[[int], None]:
            def write(value: int) -> None:
                for bit in range(32):
                    if value & mask & 1 << bit:
                        act(first + bit)
                self._owner.reconsider()

            return write

        enabled, pending = word(lambda: state.enabled), word(lambda: state.pending)
        active = word(lambda: state.active)
        for name, at, peek, act in (
            ("ISER", 0x100, enabled, lambda m: state.enabled.add(m)),
            ("ICER", 0x180, enabled, lambda m: state.enabled.discard(m)),
            ("ISPR", 0x200, pending, state.pend),
            ("ICPR", 0x280, pending, state.clear_pending),
        ):
            yield Register(
                f"NVIC_{name}{n}",
                at + offset,
                peek,
                each(act),
                mask=mask,
                ones_act=True,
                listed=name.startswith("IS"),
            )
        if self._parts.spec.mainline:
            yield Register(f"NVIC_IABR{n}", 0x300 + offset, active, mask=mask)

    def _priority_register(self, n: int) -> Register:
        state = self._nvic
        first = nvic.FIRST_IRQ + 4 * n
        lanes = min(4, state.count - first)

        def peek() -> int:
            return int.from_bytes(bytes(state.priority[first : first + lanes]), "little")

        def write(value: int) -> None:
            for lane in range(lanes):
                state.priority[first + lane] = value >> 8 * lane & state.priority_mask
            self._owner.reconsider()

        mask = state.priority_mask * 0x01010101 & ((1 << 8 * lanes) - 1)
        return Register(f"NVIC_IPR{n}", 0x400 + 4 * n, peek, write, mask=mask)

    def _trigger(self, value: int) -> None:
        number = nvic.FIRST_IRQ + (value & 0x1FF)
        if self._nvic.is_irq(number):
            self._nvic.pend(number)
            self._owner.reconsider()


class Dwt:
    """The cycle counter of the data watchpoint and trace unit (DDI 0403E C1.8.8)."""

    name = "DWT"
    base = 0xE0001000
    size = 0x1000

    def __init__(self, clock: Clock, scb: Scb) -> None:
        self._clock = clock
        self._scb = scb
        self._control = 0
        self._count = 0  # at cycle _since
        self._since = 0
        self._file = RegisterFile(
            self.base,
            (
                Register("DWT_CTRL", 0x000, self._read_control, self._write_control),
                Register("DWT_CYCCNT", 0x004, self._cycles, self._write_cycles),
            ),
        )

    def read(self, offset: int, size: int) -> int:
        return self._file.load(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        self._file.store(offset, size, value)

    def reset(self) -> None:
        """A power-on reset; no other reset changes these registers."""
        self._control = self._count = 0

    def settle(self) -> None:
        """To be called before DEMCR.TRCENA changes: it gates the counter."""
        self._count, self._since = self._cycles(), self._clock.cycles

    def _read_control(self) -> int:
        return 0x40000000 | self._control  # NUMCOMP = 4

    def _write_control(self, value: int) -> None:
        self.settle()
        self._control = value & 1

    def _counting(self) -> bool:
        return bool(self._control & 1 and self._scb.demcr & _TRCENA)

    def _cycles(self) -> int:
        elapsed = self._clock.cycles - self._since if self._counting() else 0
        return (self._count + elapsed) & 0xFFFFFFFF

    def _write_cycles(self, value: int) -> None:
        self._count, self._since = value, self._clock.cycles
