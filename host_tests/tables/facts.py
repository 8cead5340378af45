"""The numbers of a die, each with a name, and what public data says of each of them.

A fact is a row of a table in tools/tables, taken apart. A source (sources.py) answers for a die
with what it knows, under the same names; what it does not know it does not answer. test_facts.py
lets no answer differ unless the table says why (`disputed`); report.py counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from host_tests.tables import replay
from tools.tables.family import Die, Disputed, Family
from tools.tables.language import Register

WORD = 0xFFFFFFFF
CORE = 0xE0000000
"""Registers from here on are the core's: no fact of a die, see test_registers.py."""

# Not left as after a reset: keys, flags that a 1 clears, the remap itself.
WRITTEN = re.compile(
    r"\.(\w*KEYR\d?|C?ICR|CIR|I?FCR|(C\d?)?(CPU)?[RF]?PR\d?|(NS)?SR\d?|SCR|CCR[12]|NSCCR"
    r"|ECC(CORR|DETR)|MEMRMP)$|^SYSCFG\.CFGR1$"
)


class Kind(Enum):
    """What sort of fact, and what the table takes it from."""

    IDENTITY = "identity", "the headers, AN2606"
    MEMORY = "memory", "AN2606, the headers"
    ROM = "ROM and its pins", "AN2606"
    ADDRESS = "addresses of registers", "the headers"
    RESET = "reset bits", "the headers"
    VALUE = "values after a reset", "the sources that the table names"
    CONSOLE = "USARTs, USB, watchdog", "the headers"

    @property
    def table(self) -> str:
        """Where the table has it from."""
        return self.value[1]


@dataclass(frozen=True)
class Masked:
    """A value, in the bits that a source knows."""

    value: int
    mask: int = WORD


Value = int | str
Said = Value | Masked | frozenset[Value | Masked]
"""A frozenset: one of these."""


@dataclass(frozen=True)
class Fact:
    """A number of a die. said: source -> what it says."""

    kind: Kind
    name: str
    value: Value
    said: dict[str, Said] = field(default_factory=dict)

    @property
    def agreeing(self) -> list[str]:
        """The sources that say the same."""
        return [source for source, said in self.said.items() if self._is(said)]

    @property
    def others(self) -> dict[str, Said]:
        """Those that say something else."""
        return {source: said for source, said in self.said.items() if not self._is(said)}

    def _is(self, said: Said) -> bool:
        if isinstance(said, Masked):
            assert isinstance(self.value, int)
            return not (self.value ^ said.value) & said.mask
        if isinstance(said, frozenset):
            return any(self._is(each) for each in said)
        if self.name.startswith("DEV_ID") and isinstance(said, str):
            return same_parts(str(self.value), said)
        return self.value == said


def show(value: Said | Value) -> str:
    """As docs/facts.md and `disputed` have it."""
    if isinstance(value, Masked):
        bits = f" in {value.mask:08X}" if value.mask != WORD else ""
        return f"{value.value & value.mask:08X}{bits}"
    if isinstance(value, frozenset):
        return " or ".join(sorted(show(each) for each in value))
    if isinstance(value, int):
        return f"{value:08X}" if value > 1 else str(value)
    return value


def facts(family: Family, die: Die) -> dict[str, Fact]:
    """Every fact of a die, by name, with no source yet."""
    return {fact.name: fact for part in _PARTS for fact in part(family, die)}


def disputes(family: Family, die: Die, fact: Fact, source: str) -> Iterator[Disputed]:
    """What the table says about a source that differs from a fact."""
    for dispute in (*die.disputed, *family.disputed):
        if fnmatchcase(fact.name, dispute.fact) and source in dispute.sources:
            yield dispute


def _identity(family: Family, die: Die) -> Iterator[Fact]:
    yield Fact(Kind.IDENTITY, f"DEV_ID {die}", die.name)
    yield Fact(Kind.IDENTITY, "parts", "/".join(sorted(part[2:] for part in parts(die.name))))
    yield Fact(Kind.IDENTITY, "core", family.core.name)
    yield Fact(Kind.IDENTITY, "address of IDCODE", family.idcode)
    yield Fact(Kind.IDENTITY, "address of the flash size", family.flash_size)
    yield Fact(Kind.IDENTITY, "address of the unique ID", family.unique_id[0])


def _memory(family: Family, die: Die) -> Iterator[Fact]:
    yield Fact(Kind.MEMORY, "flash", family.flash)
    for ram in die.rams:
        yield Fact(Kind.MEMORY, f"RAM at {ram.base:08X}", ram.size)


def _rom(family: Family, die: Die) -> Iterator[Fact]:
    yield Fact(Kind.ROM, "ROM: vector table", family.vectors)
    yield Fact(Kind.ROM, "ROM: end", family.rom_end)
    yield Fact(Kind.ROM, "ROM: bootloader ID", die.rom_id)
    for name in dict.fromkeys(
        role for item in die.interfaces for role in roles(item.name, item.pins)
    ):
        yield Fact(Kind.ROM, name, 1)


def _addresses(family: Family, die: Die) -> Iterator[Fact]:
    for register in _registers(family, die):
        yield Fact(Kind.ADDRESS, f"address {register.address:08X}", register.name)


def _resets(family: Family, die: Die) -> Iterator[Fact]:
    """All 32 bits of each register: what the table leaves out is a fact too."""
    for name, mask in replay.resets(family, die).items():
        for bit in range(32):
            yield Fact(Kind.RESET, f"RCC.{name} bit {bit}", mask >> bit & 1)


def _values(family: Family, die: Die) -> Iterator[Fact]:
    addresses = {register.name: register.address for register in _registers(family, die)}
    for name, value in replay.values(family, die).items():
        if name in addresses and not WRITTEN.search(name) and not name.startswith("DMAMUX"):
            yield Fact(Kind.VALUE, name, value)


def _consoles(family: Family, die: Die) -> Iterator[Fact]:
    yield Fact(Kind.CONSOLE, "IWDG", family.iwdg)
    for usart in family.usarts:
        yield Fact(Kind.CONSOLE, usart.name, usart.base)
        clock = f"{usart.clock.register.name} bit {usart.clock.number}"
        yield Fact(Kind.CONSOLE, f"clock of {usart.name}", clock)
    for port in family.usb:
        clock = f"{port.clock.register.name} bit {port.clock.number}"
        yield Fact(Kind.CONSOLE, f"clock of {port.name}", clock)


_PARTS = (_identity, _memory, _rom, _addresses, _resets, _values, _consoles)


def _registers(family: Family, die: Die) -> list[Register]:
    """What the script touches and what the blocks name, without the core, without what only other
    dies have, and without gaps over which a fill goes."""
    found = _touched(family, die)
    others = {r for each in family.dies for r in _touched(family, each)}
    found |= {r for block in family.blocks for r in block} - others
    return sorted(
        (r for r in found if r.address < CORE and "RESERVED" not in r.name),
        key=lambda r: (r.address, r.name),
    )


def _touched(family: Family, die: Die) -> set[Register]:
    return {register for step in family.script(die) for register in step.registers}


ROLES = {
    "USART": ("tx", "rx"),
    "LPUART": ("tx", "rx"),
    "UART": ("tx", "rx"),
    "CAN": ("tx", "rx"),
    "FDCAN": ("tx", "rx"),
    "I2C": ("scl", "sda"),
    "I3C": ("scl", "sda"),
    "SPI": ("nss", "sck", "miso", "mosi"),
    "USB": ("dm", "dp"),
}


def roles(interface: str, pins: str) -> Iterator[str]:
    """("USART3", "PB10/PB11 or PC10/PC11") -> "USART3 tx PB10" ... What is in () is a remark."""
    name = interface.split()[0]
    for place in re.sub(r"\(.*?\)", "", pins).split(" or "):
        found = []
        for part in place.strip().split("/"):
            first, _, last = part.partition("-")
            numbers = range(int(first[2:]), int((last or first)[2:]) + 1)
            found += [f"{first[:2]}{number}" for number in numbers]
        signals = ROLES[re.sub(r"\d+$", "", name)]
        assert len(found) == len(signals), (interface, pins)
        yield from (f"{name} {signal} {pin}" for signal, pin in zip(signals, found, strict=True))


def parts(text: str) -> list[str]:
    """ "STM32F405/407" -> STM32F405, STM32F407; "STM32F401xB(C)", "F4x5_F4x7" likewise."""
    found: list[str] = []
    for word in re.sub(r"\s.*", "", text.removeprefix("STM32")).replace("_", "/").split("/"):
        for each in _alternatives(word):
            if not re.match(r"[A-Z]{1,2}\d|[A-Z]\w*x", each) and found:
                each = found[-1][: len(found[-1]) - len(each)] + each
            found.append(each)
    return found


def _alternatives(word: str) -> list[str]:
    """xB(C) is xB and xC. L1xxx6(8 and B) come in pieces: what is open is closed."""
    word, _, more = word.rstrip(")").partition("(")
    return [word, *([word[: -len(more)] + more] if more else [])]


def same_parts(ours: str, theirs: str) -> bool:
    """Is a part of ours one of theirs? x stands for any letter; names may be cut short."""
    return any(
        all(a == b or "x" in (a, b) for a, b in zip(mine.lower(), other.lower(), strict=False))
        for mine in parts(ours.replace("-", ""))
        for other in parts(theirs)
    )
