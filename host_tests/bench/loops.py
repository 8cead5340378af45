"""A loop that stores words and writes a register for each, and the registers that it writes."""

from __future__ import annotations

import functools

from host_tests.bench.thumb import Machine
from tools.bench.core import Memory

REGISTERS, ARRAY = 0x40023C00, 0x60000000
CR, STATUS = 0x10, 0x0C
ROUNDS = 2000
ERASED = 0xFFFFFFFF

PROGRAM = """
        ldr r0,=0x40023C00; ldr r1,=0x60000000; ldr r6,={rounds}
        ldr r8,=word+1
{setup}
again:  {call}
        subs r6,#1
        bne again
{then}
after:  str r6,[r0,#4]                          @ another register
        b .
word:   push {{r4,lr}}
        mov r4,#1; str r4,[r0,#0x10]
        {extra}
        str r6,[r1],#4
        mov r4,#0; str r4,[r0,#0x10]
        pop {{r4,pc}}
        .thumb_func
systick:
{handler}
"""
#: Interrupt handlers. r5 counts, as it is in no frame.
WRITES_REGISTER = "ldr r2,=0x40023C08; add r5,#1; str r5,[r2]; bx lr"
TICKS = """
        ldr r4,=0xE000E010; ldr r7,=499; str r7,[r4,#4]; str r7,[r4,#8]; mov r7,#7; str r7,[r4]
"""


class Registers:
    """A block that is shown, and an array that cannot be written, as FLASH has them. A word takes
    a time that is no whole number of cycles."""

    name, base, size = "registers", REGISTERS, 0x400
    word_ns = 1_030

    def __init__(self, machine: Machine, *, rounds: bool = True) -> None:
        self.core, self.tell = machine.core, rounds
        self.image, self.array = Memory(0x400), Memory(0x4000, fill=0xFF)
        self.written: list[tuple[int, int]] = []
        self.asked: list[int] = []  # addresses of the words that came here
        self.failing = 0  # the value that cannot be stored
        self.end = ARRAY + self.array.size  # of what may be stored unasked
        self.core.map_block(self)
        self.core.show(self, self.image, self.on_write)
        self.core.map_memory(ARRAY, self.array, writable=False, on_write=self.on_array)

    def read(self, offset: int, size: int) -> int:
        raise AssertionError("it is shown")

    def write(self, offset: int, size: int, value: int) -> None:
        raise AssertionError("it is shown")

    def reset(self) -> None: ...

    def on_write(self, address: int, size: int, value: int) -> bool:
        self.written.append((address - REGISTERS, value))
        if address - REGISTERS != CR:
            self.core.loop.doubt()
        self.image.store(address - REGISTERS, size, value)
        return True

    def on_array(self, address: int, size: int, value: int) -> bool:
        assert self.image.load(CR, 4) == 1
        self.asked.append(address)
        self.array.store(address - ARRAY, size, value)
        self.core.stall(self.word_ns)
        if value == self.failing:  # as FLASH sets a flag
            self.core.loop.doubt()
            self.image.store(STATUS, 4, 1)
        elif self.tell:
            self.core.loop.round(CR, self, address)
        return True

    def room(self, address: int) -> int:
        words = 0
        while address + 4 * words < self.end and self.word(address + 4 * words) == ERASED:
            words += 1
        return words

    def word(self, address: int) -> int:
        return self.array.load(address - ARRAY, 4)

    def stored(self, address: int, words: int) -> None:
        self.array.changed(address - ARRAY, 4 * words, blank=True)

    def other(self) -> list[tuple[int, int]]:
        return [(offset, value) for offset, value in self.written if offset != CR]


def machine(
    setup: str = "",
    call: str = "bl word",
    extra: str = "",
    handler: str = WRITES_REGISTER,
    *,
    then: str = "",
    count: int = ROUNDS,
    rounds: bool = True,
    cycles: int = 0,
) -> tuple[Machine, Registers]:
    """With a loop of `count` rounds, of which the core is told if `rounds`; has run so long."""
    m = Machine(
        PROGRAM.format(
            rounds=count, setup=setup, call=call, extra=extra, then=then, handler=handler
        )
    )
    registers = Registers(m, rounds=rounds)
    if cycles:
        m.run(cycles)
    return m, registers


run = functools.partial(machine, cycles=120_000)


def same(one: Machine, other: Machine) -> bool:
    """Nothing that a program or a user can tell is different."""
    return (
        one.core.state() == other.core.state()
        and (one.core.clock.cycles, one.core.instructions)
        == (other.core.clock.cycles, other.core.instructions)
        and list(one.core.exceptions_taken) == list(other.core.exceptions_taken)
    )
