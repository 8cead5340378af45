"""The families that the fuzz can run."""

from __future__ import annotations

from ..bench.chip import Chip
from . import f4, h7, l0
from .family import Family

FAMILIES = {"f4": f4.FAMILY, "h7": h7.FAMILY, "l0": l0.FAMILY}


def of(die: Chip) -> Family:
    """The family of a die. KeyError if the fuzz has none."""
    return FAMILIES[die.family.lower()]
