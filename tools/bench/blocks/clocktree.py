"""Prescalers that all families have, and the frequencies that come out of a clock tree. In Hz."""

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
    """Never 0: a clock that is as good as stopped counts as 1 Hz."""
    return max(hz >> shift, 1)


def ahb_shift(hpre: int) -> int:
    """Of a field of 4 bits."""
    hpre &= 15
    return AHB_SHIFTS[hpre - 8] if hpre >= 8 else 0


def apb_shift(ppre: int) -> int:
    """Of a field of 3 bits."""
    ppre &= 7
    return ppre - 3 if ppre >= 4 else 0
