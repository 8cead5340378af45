"""The oscillators and PLLs of a chip: which bit starts them, which one says that they run."""

from __future__ import annotations

from dataclasses import dataclass

from ..chip import Chip


@dataclass(frozen=True)
class Oscillator:
    """`on` and `ready` are masks in `register`; `interrupt` is the number of its ready flag."""

    name: str
    register: str
    on: int
    ready: int
    interrupt: int


def oscillators(chip: Chip) -> dict[str, Oscillator]:
    """By name, from the family file."""
    return {
        name: Oscillator(name, register, 1 << on, 1 << ready, interrupt)
        for name, (register, on, ready, interrupt) in chip.rcc["oscillators"].items()
    }
