"""The base of all peripherals: registers, and the interface to the rest of the chip.

Registers that are described have reset values, read-only bits and, in subclasses, behaviour. The
others hold what was written to them since the last reset of the peripheral, and read as 0 before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..chip import Chip, Peripheral
from ..clock import Clock
from .registers import Register

Reader = Callable[[], int]
Writer = Callable[[int], None]


class System(Protocol):
    """What a block may use of the chip. Implemented by `Soc`."""

    chip: Chip
    clock: Clock

    def irq(self, source: str, number: int, level: bool) -> None:
        """Drive an interrupt line. Several sources may share one: it is high if any of
        them is."""
        ...

    def nmi(self) -> None: ...

    def after_instruction(self, fn: Callable[[], None]) -> None:
        """Run `fn` between the present instruction and the next."""
        ...

    def stall(self, ns: int) -> None:
        """The CPU waits for the bus: `ns` of virtual time pass without an instruction."""
        ...

    def stall_fetches(self, ns: int) -> None:
        """For `ns`, the CPU waits when it fetches from flash; code in RAM runs."""
        ...

    def skip_to_next_event(self) -> None:
        """A program polls a flag: after this instruction, let time pass up to the next event."""
        ...

    def request_reset(self, cause: str) -> None:
        """System reset; `cause` is the flag in RCC.CSR, such as "IWDG"."""
        ...

    def remap(self) -> None:
        """The memory at address 0, or an external memory, may have changed."""
        ...

    def runs_from_flash(self) -> bool:
        """The program counter is in flash or system memory, or in their alias at 0."""
        ...

    def check_speed(self) -> None:
        """HCLK, wait states or voltage have changed: report a violation if they do not fit."""
        ...

    def block(self, name: str) -> RegisterBlock: ...

    def frequency(self, bus: str) -> int:
        """Hz of a bus, such as "APB1"; HCLK for one without a prescaler."""
        ...

    def timer_frequency(self, bus: str) -> int:
        """Hz of the timers on a bus."""
        ...

    def backup_writable(self) -> bool:
        """PWR lets the backup domain be written (DBP)."""
        ...

    def report(self, sentence: str) -> None:
        """The program uses something that the bench does not have."""
        ...

    def violation(self, sentence: str) -> None:
        """The program does what a real chip may not survive."""
        ...

    def read_memory(self, address: int, size: int) -> int: ...

    def write_memory(self, address: int, size: int, value: int) -> None: ...


class Polling:
    """Detects a program that polls a flag: more than `LIMIT` reads in a row while it waits. From
    then on each read lets time pass up to the next event."""

    LIMIT = 8

    def __init__(self, system: System) -> None:
        self._system = system
        self._reads = 0

    def note(self, waiting: bool) -> None:
        """A read; `waiting`: the flag is not yet as the program wants it."""
        self._reads = self._reads + 1 if waiting else 0
        if self._reads > self.LIMIT:
            self._system.skip_to_next_event()


class RegisterBlock:
    """Registers that keep what is written to them. Behaviour is added by `on_read` and
    `on_write` in subclasses.

    A block without clock reads as 0 and drops writes; one that is held in reset (its bit in
    RCC.xxxRSTR is set) keeps its reset values. Both are stricter than silicon on purpose.
    """

    def __init__(self, facts: Peripheral, system: System) -> None:
        self.facts = facts
        self.name = facts.name
        self.base = facts.base
        self.size = facts.size
        self.system = system
        self.clocked = True
        self.held = False
        self.by_name = facts.by_name
        self.by_offset = facts.by_offset
        self.values: dict[int, int] = dict(facts.reset_values)
        self.written: dict[int, int] = {}
        """Of the registers that are not described, by offset of the word."""
        self._writable = facts.writable
        self.readers: dict[int, Reader] = {}
        self.writers: dict[int, Writer] = {}

    # --- for subclasses ------------------------------------------------------------------------

    def on_read(self, name: str, reader: Reader) -> None:
        self.readers[self.by_name[name].offset] = reader

    def on_write(self, name: str, writer: Writer) -> None:
        """`writer` gets the value as it is on the bus; `store` applies the mask."""
        self.writers[self.by_name[name].offset] = writer

    def has(self, name: str) -> bool:
        return name in self.by_name

    def get(self, name: str) -> int:
        """The value kept, without the side effects of a read."""
        return self.values[self.by_name[name].offset]

    def put(self, name: str, value: int) -> None:
        """Set the value kept, as hardware does: no mask, no side effects."""
        self.values[self.by_name[name].offset] = value

    def store(self, name: str, value: int) -> int:
        """Write by software: only writable bits change. Returns the bits that did."""
        offset, writable = self._writable[name]
        old = self.values[offset]
        writable &= ~(old & self.by_offset[offset].set_only)
        new = old & ~writable | value & writable
        self.values[offset] = new
        return old ^ new

    def irq(self, level: bool, which: int = 0) -> None:
        """Drive the interrupt line number `which` of this block."""
        if which < len(self.facts.irqs):
            self.system.irq(self.name, self.facts.irqs[which], level)

    # --- the bus -------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        if not self.clocked:
            return 0
        if size == 4:
            reader = self.readers.get(offset)
            if reader is not None:
                return reader()
            value = self.values.get(offset)
            if value is not None:
                return value
        return self._read_part(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        if not self.clocked or self.held:
            return
        if size != 4:
            value = self._widen(offset, size, value)
            offset &= ~3
        writer = self.writers.get(offset) or self._default_writer(offset)
        if writer is not None:
            writer(value)
        elif self.facts.whole:
            self._unknown(offset, f"writes 0x{value:X} to")
        else:
            self.written[offset] = value

    def peek(self, offset: int) -> int:
        """What a read of the word would give if the clock were on, without side effects."""
        return self.values[offset] if offset in self.values else self.written.get(offset, 0)

    def leftover(self) -> str:
        """A deviation that no register shows, as a sentence; "" if there is none."""
        return ""

    # --- reset and clock -----------------------------------------------------------------------

    def reset(self) -> None:
        """All registers to their reset values, all interrupt lines low."""
        self.values.update(self.facts.reset_values)
        self.written.clear()
        for number in self.facts.irqs:
            self.system.irq(self.name, number, False)

    def power_on(self) -> None:
        """A power-on reset: it also resets what a system reset keeps."""
        self.reset()

    def hold(self, held: bool) -> None:
        """The level of the block's bit in RCC.xxxRSTR."""
        if held:
            self.reset()
        self.held = held

    def set_clock(self, on: bool) -> None:
        """The level of the block's bit in RCC.xxxENR."""
        self.clocked = on

    def clock_changed(self) -> None:
        """The frequency of the block's bus has changed."""

    # --- inside --------------------------------------------------------------------------------

    def _default_writer(self, offset: int) -> Writer | None:
        """Made at the first write: most registers are never written."""
        register = self.by_offset.get(offset)
        if register is not None:
            self.writers[offset] = self._make_writer(register)
        return self.writers.get(offset)

    def _make_writer(self, register: Register) -> Writer:
        offset, values, access = register.offset, self.values, register.access
        writable = register.writable
        kept = ~writable & 0xFFFFFFFF
        stays = writable & ~register.self_clearing
        kept |= register.set_only

        def plain(value: int) -> None:
            values[offset] = values[offset] & kept | value & stays

        def clear_by_one(value: int) -> None:
            values[offset] &= ~(value & writable)

        def clear_by_zero(value: int) -> None:
            values[offset] &= value | kept

        def ignore(_value: int) -> None:
            pass

        special = {"rc_w1": clear_by_one, "rc_w0": clear_by_zero, "w": ignore, "r": ignore}
        return next((special[a] for a in access if a in special), plain)

    def _read_part(self, offset: int, size: int) -> int:
        word = offset & ~3
        if self.facts.whole and word not in self.values:
            self._unknown(word, "reads")
        reader = self.readers.get(word)
        value = reader() if reader else self.peek(word)
        return value >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def _widen(self, offset: int, size: int, value: int) -> int:
        """The word that a write of a byte or half word stands for: the other bits as they are, or
        0 where writing 1 has an effect (RM0090 2.3: registers are accessed by word, unless
        noted)."""
        word, shift = offset & ~3, 8 * (offset & 3)
        register = self.by_offset.get(word)
        part = (1 << 8 * size) - 1
        if register and register.access & {"w", "rc_w1"}:
            return (value & part) << shift
        return self.peek(word) & ~(part << shift) | (value & part) << shift

    def _unknown(self, offset: int, verb: str) -> None:
        self.system.report(
            f"the program {verb} 0x{self.base + offset:08X}, where {self.name} has no register"
        )
