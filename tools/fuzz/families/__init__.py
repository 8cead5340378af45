"""The families that the fuzz can run: a module each, named as in the bench's chip files."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from ...bench.chip import Chip
from ..family import Family

NAMES = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")


@cache
def named(name: str) -> Family:
    """The family of that name. KeyError if the fuzz has none."""
    if name not in NAMES:
        raise KeyError(f"the fuzz has no family {name}: write tools/fuzz/families/{name}.py")
    return import_module(f".{name}", __package__).FAMILY


def of(die: Chip) -> Family:
    """The family of a die. KeyError if the fuzz has none."""
    return named(die.family)
