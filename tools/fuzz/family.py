"""What the fuzz must know of a family beside the chip's data: its clock tree and system blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from ..bench.chip import Chip
from .interrupts import Context
from .layout import Layout
from .trouble import Trouble


@dataclass(frozen=True)
class Recipe:
    """A state that is not left to chance; early and late are those of states.State. Where the
    code is: in flash, in SRAM if flash is being erased, or outside (external memory)."""

    words: str
    early: tuple[Trouble, ...] = ()
    late: tuple[Trouble, ...] = ()
    context: Context = field(default_factory=lambda: Context(0, []))
    erasing: bool = False
    outside: bool = False


@dataclass(frozen=True)
class Family:
    """
    Attributes:
        clocks: draws clock trees (random, die, Hz of the board's crystal).
        system: draws what is done to flash interface, SYSCFG, PWR, watchdogs ...
        erase: starts to erase flash where nothing of the application is; None: it cannot.
        directed: states in which each line of the script has something to do (die, Hz).
        apart: blocks to which not just anything may be written.
        changing: register -> bits that change by themselves.
        by_reset: states are tried through a reset, too.
    """

    clocks: Callable[[Random, Chip, int], Iterator[Trouble]]
    system: Callable[[Random, Chip, Layout], Iterator[Trouble]]
    erase: Callable[[Random, Chip], Trouble] | None
    directed: Callable[[Chip, int], Iterator[Recipe]]
    apart: frozenset[str]
    changing: Mapping[str, int]
    by_reset: bool = True
