"""States that are not left to chance: in them each line of a script has something to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from ..bench import chip
from ..bench.chip import Chip, FlashSector, Peripheral
from ..bench.clock import NS_PER_S
from ..bench.external import WINDOWS
from . import clocks, facts, families, interrupts, layout, peripherals, protection, system
from .action import Action
from .application import Application
from .family import Recipe, Tree
from .interrupts import Context
from .layout import Layout
from .states import State
from .subject import Subject

WORD = 0xFFFFFFFF


def states(subject: Subject) -> list[State]:
    """Those that every family has, then those of the board's family."""
    die, hse_hz = chip.load(subject.board.chip), subject.board.hse_hz
    recipes = [core(die), used(), *rcc(die, hse_hz), *flash(die, subject), others(die)]
    recipes += families.of(die).directed(die, hse_hz)
    if interrupts.mainline(die):
        fault = Context(0, [interrupts.HARD_FAULT])
        recipes.append(Recipe("an instruction that does not exist", context=fault))
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
            Action(
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
            Action("every region of the MPU set up", protection.fill),
            Action("interrupts enabled and pending, core registers", interrupts.fill),
        ),
        context=context,
    )


def used() -> Recipe:
    """Every peripheral on and written all over."""
    return Recipe("every peripheral", late=(Action("written all over", _use),))


def _use(app: Application) -> None:
    random, die = Random(0), app.soc.chip
    peripherals.switch_on(app, dict.fromkeys(peripherals.enables(die), WORD))
    for block in peripherals.writable_blocks(die, app.layout):
        writes = [(address, random.getrandbits(32)) for address in peripherals.places(block)]
        peripherals.write_all(app, writes, [])


# --- clocks ------------------------------------------------------------------------------------


def rcc(die: Chip, hse_hz: int) -> Iterator[Recipe]:
    """Each PLL tree: every other oscillator on, that after a reset off, every register changed."""
    for source in dict.fromkeys(clocks.sources(die, hse_hz)):
        if " from " not in source:
            continue
        tree = clocks.draw_tree(Random(0), die, hse_hz, source)
        yield Recipe(
            f"every register of RCC, {source}",
            early=(
                Action("HSE bypassed", clocks.bypass)
                if tree.feeds == "HSE"
                else Action("a clock of 1 MHz on HSE, bypassed", clocks.slow_hse),
                Action(f"clock: {tree}", lambda app, t=tree: clocks.start(app, t)),
                Action("every oscillator on", lambda app, t=tree: _fill_rcc(app, t)),
            ),
        )


def _fill_rcc(app: Application, tree: Tree) -> None:
    die = app.soc.chip
    clocks.invert_anytime(app, "RCC.")
    for name in clocks.spare(die, tree):
        clocks.switch_on(app, name, 0)
    clocks.switch_on(app, "LSI")
    if clocks.default(die) not in (tree.source, tree.feeds):
        clocks.switch_off(app, clocks.default(die))
    register, bit = clocks.security(die)
    if tree.feeds == "HSE" and bit:
        app.set_bits(register, bit)


# --- flash -------------------------------------------------------------------------------------


def flash(die: Chip, subject: Subject) -> Iterator[Recipe]:
    """Open, locked with errors, being erased, without its clock."""
    yield Recipe("flash unlocked, option bytes too", late=(Action("every lock open", _open),))
    yield Recipe(
        "flash locked in the middle of programming", late=(Action("errors, locks", _lock),)
    )
    free = system.free_sectors(die, subject)
    for bank in sorted({sector.bank for sector in free}):
        sector = next(s for s in reversed(free) if s.bank == bank)
        yield Recipe(
            f"flash bank {bank} being erased", late=(system.erase(die, sector),), erasing=True
        )
    for block in system.stoppable(die):
        yield Recipe(
            "window watchdog during an erase",
            late=(
                Action(block.name, lambda app, b=block, s=free[-1]: _bite_soon(app, b, s)),
                system.erase(die, free[-1]),
            ),
            erasing=True,
        )
    if die.peripheral("FLASH").enable:
        yield Recipe(
            "clock of the flash interface off",
            late=(Action("code in SRAM has switched it off", _stop_flash),),
            erasing=True,
        )


def _open(app: Application) -> None:
    for lock in facts.locks(app.soc.chip):
        system.unlock(app, lock, lock.bits)


def _lock(app: Application) -> None:
    family = families.of(app.soc.chip)
    clocks.invert_anytime(app, "FLASH.")
    family.error(app)
    for lock in facts.locks(app.soc.chip):
        if lock.bits and not lock.after:
            system.lock_again(app, lock, lock.bits)


def _bite_soon(app: Application, block: Peripheral, sector: FlashSector) -> None:
    """A window watchdog that bites half way through an erase, or as late as it can."""
    app.enable(block.name)
    step_ns = 4096 * NS_PER_S // app.soc.frequency(block.bus)
    steps = app.soc.flash.erase_ns([sector]) // 2 // step_ns
    system.start_wwdg(app, block, 0x40 + min(steps, 0x3F), system.WINDOW)


def _stop_flash(app: Application) -> None:
    clocks.invert_anytime(app, "FLASH.")
    enable = app.soc.chip.peripheral("FLASH").enable
    assert enable
    app.clear_bits(f"RCC.{enable.register}", enable.mask)


# --- the rest ----------------------------------------------------------------------------------


def others(die: Chip) -> Recipe:
    """EXTI, SYSCFG, PWR, DMA requests without their clocks, caches."""
    return Recipe("EXTI, SYSCFG, PWR and more", late=(Action("every register", _fill_others),))


def _fill_others(app: Application) -> None:
    die = app.soc.chip
    for name in system.syscfg_registers(die):
        system.set_syscfg(app, name, WORD)
    clocks.invert_anytime(app, "PWR.")
    system.set_exti(app, [(name, WORD) for name in system.exti_registers(die)])
    system.request(app, 0x55)
    for name in families.of(die).dmamux:
        enable = die.peripheral(name).enable
        assert enable
        app.clear_bits(f"RCC.{enable.register}", enable.mask)
    if facts.has_cache(die):
        system.caches(app)
    for block in facts.of_kind(die, "icache", "dcache"):
        system.st_cache(app, block)
