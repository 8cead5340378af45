"""The names of registers that plan() says on the target. Those of the core are in the library's
facts.py, once for all families."""

from __future__ import annotations

from collections.abc import Iterator

from .family import Die, Family
from .language import Kind, Register

CORE = 0xE0000000  # its registers are from here on
GAP = 24  # words without a name in a row, at the most


def rows(family: Family) -> list[str]:
    """Address of the first register, its block, and a name for each word from there on, as in
    "40023C00 FLASH ACR KEYR  SR": 40023C08 has none. The highest address is first."""
    named = {register.address: register for die in family.dies for register in _named(family, die)}
    found: list[list[Register]] = []
    for address in sorted(named):
        register, before = named[address], found[-1][-1] if found else None
        if before and before.block is register.block and address - before.address <= 4 * GAP:
            found[-1].append(register)
        else:
            found.append([register])
    return [_row(row) for row in reversed(found) if row[0].address < CORE]


def _named(family: Family, die: Die) -> Iterator[Register]:
    """A fill is one line of plan(), a row has one for each register."""
    for step in family.script(die):
        yield from step.registers if step.kind is Kind.ROW else step.registers[:1]


def _row(row: list[Register]) -> str:
    first = row[0].address
    names = {register.address: register.name.partition(".")[2] for register in row}
    words = (names.get(address, "") for address in range(first, row[-1].address + 4, 4))
    return " ".join([f"{first:X}", row[0].block.name, *words])
