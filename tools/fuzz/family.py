"""What the fuzz must know of a family beside the chip's data: its clock trees and its flash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from ..bench.chip import Chip, FlashSector
from .action import Action
from .application import Application
from .interrupts import Context

MHZ = 1_000_000
WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Recipe:
    """A state that is not left to chance; early and late are those of states.State. Where the
    code is: in flash, in SRAM if flash is being erased, or outside (external memory)."""

    words: str
    early: tuple[Action, ...] = ()
    late: tuple[Action, ...] = ()
    context: Context = field(default_factory=lambda: Context(0, []))
    erasing: bool = False
    outside: bool = False


@dataclass(frozen=True)
class Write:
    """These bits of a register become `value`; then the program goes on for some time."""

    register: str
    value: int
    mask: int = WORD
    then_ns: int = 0


@dataclass(frozen=True)
class Tree:
    """A legal way to SYSCLK, and the writes that lead there from the clock after a reset.

    Attributes:
        source: what drives SYSCLK, a name in the switch of the chip's data.
        feeds: the oscillator behind it; `source` itself, if that is no PLL.
        hz: SYSCLK.
        needs: first of all: voltage, wait states.
        setup: while the oscillator runs and the PLL is off: PLL, prescalers.
        powered: while the PLL runs, before the switch.
        after: on the new clock.
        alone: no other oscillator may run beside it, such as in low-power run.
    """

    source: str
    feeds: str
    hz: int
    needs: tuple[Write, ...] = ()
    setup: tuple[Write, ...] = ()
    powered: tuple[Write, ...] = ()
    after: tuple[Write, ...] = ()
    alone: bool = False

    def __str__(self) -> str:
        words = self.source if self.source == self.feeds else f"{self.source} from {self.feeds}"
        writes = (*self.needs, *self.setup, *self.powered, *self.after)
        values = ", ".join(f"{w.register} {w.value:X}" for w in writes)
        return f"{words}, SYSCLK {self.hz / MHZ:.6g} MHz, {values}"


@dataclass(frozen=True)
class Lock:
    """A lock of FLASH that two keys open.

    Attributes:
        register, bit: where it is.
        key_register, keys: what opens it.
        bits: what else can be in that register while it is open; nothing that starts an operation.
        after: the lock that must be open before.
    """

    register: str
    bit: int
    key_register: str
    keys: tuple[int, int]
    bits: int = 0
    after: Lock | None = None


@dataclass(frozen=True)
class Family:
    """
    Attributes:
        sources: the clock trees: names of oscillators, and such as "PLL from HSE".
        tree: draws a tree (random, die, Hz of the board's crystal, one of `sources`).
        locks: those of FLASH, option bytes included.
        erase: starts to erase a sector.
        error: leaves error flags in FLASH.
        anytime: register -> bits that software may change to anything at any time, beside those of
            RCC that every family has (kernel clocks, clocks in sleep, ready interrupts).
        directed: more states in which lines of the script have something to do (die, Hz).
        apart: more blocks to which not just anything may be written.
        dmamux: channels and request generators of each DMAMUX.
    """

    sources: tuple[str, ...]
    tree: Callable[[Random, Chip, int, str], Tree]
    locks: tuple[Lock, ...]
    erase: Callable[[Application, FlashSector], None]
    error: Callable[[Application], None] = lambda app: None
    anytime: Mapping[str, int] = field(default_factory=dict)
    directed: Callable[[Chip, int], Iterator[Recipe]] = lambda die, hse_hz: iter(())
    apart: frozenset[str] = frozenset()
    dmamux: Mapping[str, tuple[int, int]] = field(default_factory=dict)
