"""What a compiled script leaves behind: read off its steps, not off the table's source."""

from __future__ import annotations

from tools.tables.family import Die, Family
from tools.tables.language import Kind


def values(family: Family, die: Die) -> dict[str, int]:
    """Register -> the last value that is written into it, as a whole."""
    found: dict[str, int] = {}
    for step in family.script(die):
        if step.kind in (Kind.WRITE, Kind.FILL):
            found |= {register.name: step.values[0] for register in step.registers}
        elif step.kind is Kind.CHANGE and step.registers[0].name in found:
            clear, bits = step.values
            found[step.registers[0].name] = found[step.registers[0].name] & ~clear | bits
        elif step.kind is Kind.ROW and not step.pulsed:
            found |= {r.name: value for r, value in zip(step.registers, step.values, strict=True)}
    return found


def resets(family: Family, die: Die) -> dict[str, int]:
    """Register RSTR, "AHB1RSTR" -> the bits that are pulsed together."""
    (row,) = (step for step in family.script(die) if step.kind is Kind.ROW and step.pulsed)
    pairs = zip(row.registers, row.values, strict=True)
    return {r.name.removeprefix("RCC."): v for r, v in pairs if "RSTR" in r.name}
