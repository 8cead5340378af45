"""What a table is written in: registers with names, and the steps of a script.

lib/romboot/chip.py documents the words that a step becomes; this module makes them.

    RCC = Block("RCC", 0x40023800, CR=0x00, CFGR=0x08)
    SCRIPT = [
        "clocks",                          # a section: the steps below belong to it
        change(RCC.CR, set=1),
        wait(RCC.CR, 2, 2),
        fill(RCC.CFGR, 0, 1),
    ]
    pack(steps(SCRIPT))                    # the bytes that go to the target
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

TRIES = 0x10000
"""How often a wait looks, if nothing else is said: some 10 ms at 16 MHz."""

ROW_SPAN = 31
"""Words that one row can cover: a bit each, and bit 31 says whether they are pulsed."""


@dataclass(frozen=True)
class Register:
    """A register with the name that its manual gives it, as in RCC.AHB1RSTR."""

    name: str
    address: int
    block: Block = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    def following(self, words: int) -> tuple[Register, ...]:
        """This register and those behind it, `words` in all. LookupError if one has no name."""
        return tuple(self.block.at(self.address + 4 * i) for i in range(words))


class Block:
    """A peripheral's registers by name: Block("RCC", 0x40023800, CR=0x00).CR

    An offset may be (offset, count): IPR=(0x300, 60) is IPR0 to IPR59, and IPR is IPR0.
    """

    def __init__(self, name: str, base: int, **offsets: int | tuple[int, int]) -> None:
        self.name, self.base = name, base
        self._registers: dict[str, Register] = {}
        for key, value in offsets.items():
            offset, count = value if isinstance(value, tuple) else (value, 0)
            for i in range(count or 1):
                numbered = f"{key}{i}" if count else key
                register = Register(f"{name}.{numbered}", base + offset + 4 * i, self)
                self._registers[numbered] = register
                self._registers.setdefault(key, register)
        self._names = {r.address: r for r in self._registers.values()}

    def __getattr__(self, name: str) -> Register:
        try:
            return self._registers[name]
        except KeyError:
            raise AttributeError(f"{self.name} has no register {name} here") from None

    def __iter__(self) -> Iterator[Register]:
        return iter(self._names.values())

    def at(self, address: int) -> Register:
        """The register at an address. LookupError if the block names none there."""
        if address not in self._names:
            raise LookupError(f"{self.name}+{address - self.base:02X} has no name here")
        return self._names[address]


class Kind(IntEnum):
    """What a step does. The low two bits of its first word are kind & 3."""

    WRITE = 0
    FILL = 1
    CHANGE = 2
    WAIT = 3
    ROW = 5


@dataclass(frozen=True)
class Step:
    """One line of a script.

    registers: what it writes or reads, in that order; values: as the kind has them (a row: one
    for each register). pulsed: a row that writes 0 after each value. section: the line above.
    unnoticed: why no state of tools/fuzz/mutation.py misses this step, if that is so.
    noticed_in_sdram: some state does, if the heap is there, and the code of jump.py with it.
    """

    kind: Kind
    registers: tuple[Register, ...]
    values: tuple[int, ...]
    pulsed: bool = False
    section: str = ""
    unnoticed: str = ""
    noticed_in_sdram: bool = False

    def __str__(self) -> str:
        first, last = self.registers[0], self.registers[-1]
        if self.kind is Kind.ROW:
            values = zip(self.registers, self.values, strict=True)
            text = ", ".join(f"{register} = {value:08X}" for register, value in values)
            return text + (", each then 0" if self.pulsed else "")
        if self.kind is Kind.CHANGE:
            clear, bits = self.values
            return f"{first} = {first} & ~{clear:08X} | {bits:08X}"
        if self.kind is Kind.WAIT:
            mask, expected, _ = self.values
            return f"wait until {first} & {mask:08X} = {expected:08X}"
        name = f"{first} to {last}" if first != last else str(first)
        return f"{name} = {self.values[0]:08X}"

    @property
    def words(self) -> tuple[int, ...]:
        """As chip.py documents them."""
        base = min(register.address for register in self.registers)
        if self.kind is not Kind.ROW:
            return (base | self.kind, *self.values)
        bits = sum(1 << (register.address - base) // 4 for register in self.registers)
        return (base | Kind.FILL, bits | self.pulsed << ROW_SPAN, 0, *self.values)

    def without(self, register: Register) -> Step:
        """This row without one of its registers. ValueError if it is no row or has not got it."""
        if self.kind is not Kind.ROW or register not in self.registers:
            raise ValueError(f"{self} is no row with {register}")
        pairs = zip(self.registers, self.values, strict=True)
        rest = [(r, value) for r, value in pairs if r != register]
        registers, values = zip(*rest, strict=True) if rest else ((), ())
        return replace(self, registers=registers, values=values)


Script: TypeAlias = "Iterable[Step | str | Script]"


def write(
    register: Register, value: int, *, unnoticed: str = "", noticed_in_sdram: bool = False
) -> Step:
    """*register = value"""
    step = Step(Kind.WRITE, (register,), (value,), unnoticed=unnoticed)
    return replace(step, noticed_in_sdram=noticed_in_sdram)


def fill(register: Register, value: int, words: int) -> Step:
    """The same value into this register and those behind it. Each must have a name."""
    return Step(Kind.FILL, register.following(words), (value, words))


def change(register: Register, *, clear: int = 0, set: int = 0, unnoticed: str = "") -> Step:
    """Some bits of a register; the others stay as they are."""
    return Step(Kind.CHANGE, (register,), (clear, set), unnoticed=unnoticed)


def wait(
    register: Register, mask: int, value: int, tries: int = TRIES, *, unnoticed: str = ""
) -> Step:
    """Until (register & mask) == value. After so many tries the chip is reset instead."""
    if value & ~mask:
        raise ValueError(f"{register} & {mask:08X} never is {value:08X}")
    return Step(Kind.WAIT, (register,), (mask, value, tries), unnoticed=unnoticed)


def pulse(register: Register, value: int) -> Script:
    """Into reset and out of it again."""
    return [write(register, value), write(register, 0)]


def row(values: Mapping[Register, int], *, pulsed: bool = False) -> Step:
    """A value for each register, within 31 words; pulsed: and 0 after each of them."""
    ordered = sorted(values, key=lambda register: register.address)
    span = (ordered[-1].address - ordered[0].address) // 4
    if span >= ROW_SPAN:
        raise ValueError(f"{ordered[0]} to {ordered[-1]} are {span + 1} words: too many for a row")
    return Step(Kind.ROW, tuple(ordered), tuple(values[r] for r in ordered), pulsed)


def columns(names: str, block: Block, text: str) -> dict[Register, int]:
    """Hexadecimal values under the names of their registers; "-" where a die has none."""
    pairs = zip(names.split(), text.split(), strict=True)
    return {getattr(block, name): int(value, 16) for name, value in pairs if value != "-"}


def steps(script: Script, section: str = "") -> Iterator[Step]:
    """The steps one after the other, each with its section."""
    for item in script:
        if isinstance(item, str):
            section = item
        elif isinstance(item, Step):
            yield replace(item, section=section)
        else:
            for step in steps(item, section):
                section = step.section
                yield step


def pack(lines: Iterable[Step]) -> bytes:
    """The words of these steps, little-endian as the core has them. An empty row is left out."""
    packed = (struct.pack(f"<{len(step.words)}I", *step.words) for step in lines if step.registers)
    return b"".join(packed)
