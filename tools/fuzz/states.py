"""A state of the application, drawn from a seed and put into words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ..bench import chip
from ..bench.chip import Chip
from . import clocks, facts, interrupts, layout, peripherals, protection, system
from .action import Action
from .application import Application
from .interrupts import Context
from .layout import Layout
from .subject import Subject

BY_RESET = 0.2  # the share of states that are tried by a reset too
NEEDS_RESET = 0.1  # those with a bit set that only a reset clears, where a die has such bits


@dataclass(frozen=True)
class State:
    """One state.

    Attributes:
        title: what it is called.
        early: what is done in thread mode, before any handler; late: in the innermost one.
        looks: `helper(image, LOOK)` comes before `helper(image, GO)`, as in a plan.
        erasing: a flash erase is under way, so it may take longer than a watchdog waits.
        by_reset: it is tried by via="reset" too.
        needs_reset: a bit is set that only a reset clears, so it is tried by that alone.
    """

    title: str
    layout: Layout
    context: Context
    early: tuple[Action, ...]
    late: tuple[Action, ...]
    looks: bool
    erasing: bool
    by_reset: bool
    needs_reset: bool = False

    def __str__(self) -> str:
        lines = [f"memory: {self.layout.words}", f"called from: {self.context}"]
        lines += [action.words for action in (*self.early, *self.late)]
        lines.append("helper looks first, then goes" if self.looks else "helper goes at once")
        if self.by_reset:
            lines.append(f"and by a reset, from the heap at 0x{self.layout.room:08X}")
        return "\n".join(f"  {line}" for line in lines)

    def set_up(self, app: Application) -> None:
        """Bring a fresh application there."""
        for action in self.early:
            action.apply(app)
        interrupts.enter(app, self.context)
        for action in self.late:
            action.apply(app)
        app.settle()
        if self.context.unprivileged and not self.context.handlers:
            interrupts.drop_privileges(app)


def draw(subject: Subject, seed: int, number: int, to_mask: int) -> State:
    """State `number` of `seed`; the same arguments give the same state."""
    random = Random(f"{subject.name} {seed} {number}")
    die = chip.load(subject.board.chip)
    where = layout.draw(random, subject)
    context = interrupts.draw_context(random, die)
    early = [
        *clocks.draw(random, die, subject.board.hse_hz),
        *interrupts.draw_priorities(random, die, context),
    ]
    late = [
        *peripherals.draw(random, die, where),
        *system.draw(random, die, where),
        *interrupts.draw_sources(random, die, context),
        *protection.draw(random, die, where, context),
        *interrupts.draw_moments(random, die, to_mask),
    ]
    erase = list(_draw_erase(random, die, subject, where))
    late += erase
    late += interrupts.draw_masks(random, die, context)
    looks = random.random() < 0.5
    possible = where.room and (context.handlers or not context.unprivileged)
    by_reset = bool(possible) and random.random() < BY_RESET
    needs_reset = bool(possible and facts.set_only(die)) and random.random() < NEEDS_RESET
    if needs_reset:
        late.append(system.set_only(*random.choice(facts.set_only(die))))
    return State(
        f"state {number}",
        where,
        context,
        tuple(early),
        tuple(late),
        looks,
        bool(erase),
        by_reset or needs_reset,
        needs_reset,
    )


def _draw_erase(random: Random, die: Chip, subject: Subject, where: Layout) -> Iterator[Action]:
    """The CPU stands still while flash is erased and code comes from there, so the call is from
    code elsewhere."""
    flash = die.region("FLASH")
    in_ram = where.code > flash.end and where.application > flash.end
    free = system.free_sectors(die, subject)
    if random.random() < 0.1 and in_ram and free:
        yield system.erase(die, random.choice(free))
