"""States that are not left to chance: in them each line of a script has something to do."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ..bench import chip
from ..bench.chip import Chip
from ..bench.external import WINDOWS
from . import families, interrupts, layout, peripherals, protection
from .application import Application
from .family import Family, Recipe
from .interrupts import Context
from .layout import Layout
from .states import State
from .subject import Subject
from .trouble import Trouble


def states(subject: Subject) -> list[State]:
    """Those of the board's family, then those that every family has."""
    die = chip.load(subject.board.chip)
    family = families.of(die)
    recipes = [*family.directed(die, subject.board.hse_hz), core(die), used(die, family)]
    if subject.heap_chip:
        recipes.append(outside(subject))
    return [_state(subject, recipe) for recipe in recipes]


def _state(subject: Subject, recipe: Recipe) -> State:
    random = Random(recipe.words)
    where = _in_sram(random, subject) if recipe.erasing else layout.plain(random, subject)
    if recipe.outside:
        where = replace(where, code=_aligned(subject.heap[0]))
    return State(
        recipe.words,
        where,
        recipe.context,
        recipe.early,
        recipe.late,
        looks=False,
        erasing=recipe.erasing,
        by_reset=False,
    )


def _in_sram(random: Random, subject: Subject) -> Layout:
    """One in which nothing is needed of flash, which is being erased."""
    sram = chip.load(subject.board.chip).region("SRAM")
    while True:
        where = layout.draw(random, subject)
        if where.code in sram and where.application in sram and not where.tight:
            return where


def _aligned(address: int) -> int:
    return address + layout.HEAP - 1 & -layout.HEAP


def outside(subject: Subject) -> Recipe:
    """Code in external memory, where nothing is executable unless the MPU says so."""
    heap = subject.heap_chip
    assert heap
    window = WINDOWS[heap.kind, heap.bank]
    return Recipe(
        "code in external memory",
        late=(
            Trouble(
                "the MPU makes it executable",
                lambda app: protection.open_region(app, window, heap.size.bit_length() - 1),
            ),
        ),
        outside=True,
    )


def core(die: Chip) -> Recipe:
    """Every register of the core, from within a fault handler and an interrupt's."""
    irq = interrupts.FIRST_IRQ + die.irq_count - 1
    if interrupts.mainline(die):
        fault = interrupts.USAGE_FAULT
        context = Context(4, [fault, irq], {fault: 0xE0, irq: 0x20})
        context.uses_float = die.core["fpu"]
    else:
        context = Context(0, [irq], {irq: 0x40})
    return Recipe(
        "every register of the core",
        early=tuple(interrupts.all_priorities(die, context)),
        late=(
            Trouble("every region of the MPU set up", protection.fill),
            Trouble("interrupts enabled and pending, core registers", interrupts.fill),
        ),
        context=context,
    )


def used(die: Chip, family: Family) -> Recipe:
    """Every peripheral on and written all over."""
    return Recipe(
        "every peripheral", late=(Trouble("written all over", lambda app: _use(app, family)),)
    )


def _use(app: Application, family: Family) -> None:
    random, die = Random(0), app.soc.chip
    peripherals.switch_on(app, dict.fromkeys(peripherals.enables(die), 0xFFFFFFFF))
    for block in peripherals.writable_blocks(die, app.layout, family.apart):
        writes = [(address, random.getrandbits(32)) for address in peripherals.places(block)]
        peripherals.write_all(app, writes, [])
