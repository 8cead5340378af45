"""What a ROM has to be able to do, by whichever interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ... import tables
from ...tables.family import Die, Family
from ..report import Progress, Report
from .geometry import Sector
from .plan import Plan

Pause = Callable[[], None]
"""Is called where Ctrl-C may end what is being done; raises KeyboardInterrupt then."""


class Rom(Protocol):
    """A ROM that answers. str() says what is known of it.

    verb: what starts the application; an address comes behind it.
    chip: as it says itself, None if it does not.
    facts: for scripts.
    """

    verb: str
    chip: tuple[Family, Die] | None
    facts: dict[str, object]

    def sectors(self) -> tuple[Sector, ...]:
        """Of its flash, as it says itself."""
        ...

    def write(self, plan: Plan, report: Report, pause: Pause) -> None:
        """Erase and write, with a state for each."""
        ...

    def read(self, address: int, length: int, progress: Progress) -> bytes:
        """What is there."""
        ...

    def leave(self, address: int) -> None:
        """Start the application there, and give the port back."""
        ...

    def reset(self) -> bool:
        """A system reset, if it did not leave. False if there is no way to one."""
        ...

    def is_there(self) -> bool:
        """It did not leave, or was entered again."""
        ...


def chip(dev_id: int) -> tuple[Family, Die] | None:
    """The family and the die with this DEV_ID, None if romboot does not know it."""
    known = {die.dev_id: (family, die) for family, die in tables.dies()}
    return known.get(dev_id)


def first_difference(rom: Rom, plan: Plan, progress: Progress) -> int | None:
    """The first address where the flash is not what the plan writes; None if it is."""
    for at, data in plan.contents:
        found = rom.read(at, len(data), progress)
        if found != data:
            pairs = enumerate(zip(found.ljust(len(data), b"\0"), data, strict=True))
            return at + next(i for i, (a, b) in pairs if a != b or i >= len(found))
    return None
