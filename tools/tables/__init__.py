"""romboot's facts about chips: a readable table for each family, and what is made of them.

    python -m tools.tables         writes a module for each family, and the index in chip.py

To add a die, add its row to its family's table. To add a family, write its table and name it in
FAMILIES.
"""

from __future__ import annotations

from . import (
    f0,
    f04,
    f05,
    f07,
    f4,
    f7,
    f72,
    g0,
    g4,
    h5,
    h7,
    h7a,
    h503,
    l0,
    l1,
    l1a,
    l4,
    u5,
    wb,
    wl,
)
from .family import Die, Family

FAMILIES: tuple[Family, ...] = (
    f4.FAMILY,
    f7.FAMILY,
    f72.FAMILY,
    f0.FAMILY,
    f04.FAMILY,
    f05.FAMILY,
    f07.FAMILY,
    l0.FAMILY,
    l1.FAMILY,
    l1a.FAMILY,
    l4.FAMILY,
    wb.FAMILY,
    wl.FAMILY,
    h5.FAMILY,
    h503.FAMILY,
    h7.FAMILY,
    h7a.FAMILY,
    g0.FAMILY,
    g4.FAMILY,
    u5.FAMILY,
)


def family(name: str) -> Family:
    """By the name of its module on the target, as in "stm32f4". KeyError if there is none."""
    for each in FAMILIES:
        if each.module == name.lower():
            return each
    raise KeyError(f"no family is called {name}: there are {', '.join(map(str, FAMILIES))}")


def dies() -> list[tuple[Family, Die]]:
    """Every die that romboot knows, with its family."""
    return [(each, die) for each in FAMILIES for die in each.dies]
