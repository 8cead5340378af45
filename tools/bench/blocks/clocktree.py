"""Prescalers that all families have, and the frequencies of a clock tree, in Hz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AHB_SHIFTS = (1, 2, 3, 4, 6, 7, 8, 9)  # HPRE 8 to 15: there is no division by 32


@dataclass(frozen=True)
class Frequencies:
    """`cpu` is the clock of the core, `buses` are those with a prescaler of their own."""

    cpu: int
    hclk: int
    buses: Mapping[str, int]


def divide(hz: int, shift: int) -> int:
    """`hz` divided by a power of 2, at least 1."""
    return max(hz >> shift, 1)


def ahb_shift(hpre: int) -> int:
    """The shift that a prescaler field of 4 bits selects."""
    hpre &= 15
    return AHB_SHIFTS[hpre - 8] if hpre >= 8 else 0


def apb_shift(ppre: int) -> int:
    """The shift that a prescaler field of 3 bits selects."""
    ppre &= 7
    return ppre - 3 if ppre >= 4 else 0
