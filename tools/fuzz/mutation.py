"""Is every line of a script needed? Each is left out in turn, and some state must miss it.

A line is a step of the family's table (tools/tables); of a row, each register is one too. States
are tried one after the other until one of them goes wrong: first the directed ones, then some at
random, and always first the one that has noticed the line before. A step that no state can miss
says why, in the table: `unnoticed`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import tables
from ..bench import boardfile, chip
from ..boards import on_bench
from ..tables.language import Kind, Step, pack
from . import alone, directed
from .run import instructions_to_mask, run
from .states import State, draw
from .subject import FuzzError, Subject, at_prompt

RANDOM_STATES, SEED = 30, 1
WORD = 4


@dataclass(frozen=True)
class Mutant:
    """A script without one of its lines. `reason`: why that may go unnoticed; `whole`: the same
    with nothing left out."""

    line: str
    section: str
    reason: str
    subject: Subject
    whole: Subject


@dataclass(frozen=True)
class Finding:
    """What came of a mutant; by: the state that missed the line, None if none did; how: what was
    wrong there."""

    mutant: Mutant
    by: State | None
    how: str = ""

    @property
    def wrong(self) -> str:
        """A sentence, if a line goes unnoticed without a reason, or has one without a need."""
        if self.by is None and not self.mutant.reason:
            return f"no state misses {self.mutant.line}"
        if self.by and self.mutant.reason:
            return (
                f"{self.mutant.line} is missed by '{self.by.title}', against what the table says"
            )
        return ""


def script(subject: Subject) -> list[Step]:
    """The steps of the table that are in the board's image. Raises FuzzError if they are not."""
    dev_id = chip.load(subject.board.chip).dev_id
    for family, die in tables.dies():
        if die.dev_id == dev_id:
            steps = list(family.script(die))
            if pack(steps) in subject.image:
                return steps
    raise FuzzError(f"the script of {subject.name} is not the one that its table says")


def mutants(subject: Subject) -> Iterator[Mutant]:
    """One for each line, in the order of the script."""
    steps = script(subject)
    for n, step in enumerate(steps):
        rest = [*steps[:n], *steps[n + 1 :]]
        yield _mutant(subject, steps, rest, step, str(step))
        if step.kind is Kind.ROW:
            for register in step.registers:
                rest = [*steps[:n], step.without(register), *steps[n + 1 :]]
                yield _mutant(subject, steps, rest, step, f"{register} of its row")


def _mutant(
    subject: Subject, steps: list[Step], rest: list[Step], step: Step, line: str
) -> Mutant:
    image = _image(subject.image, pack(steps), pack(rest))
    noticed = subject.heap_chip and step.noticed_in_sdram
    reason = "" if noticed else step.unnoticed
    return Mutant(line, step.section, reason, replace(subject, image=image), subject)


def _image(image: bytes, script: bytes, other: bytes) -> bytes:
    """The image with another script; its first word says how many words there are."""
    before, _, behind = image.partition(script)
    words = int.from_bytes(before[:WORD], "little") - (len(script) - len(other)) // WORD
    return struct.pack("<I", words) + before[WORD:] + other + behind


def subjects(name: str) -> list[Subject]:
    """The board of that name, then the others with the same die: their script is the same, but not
    where their memories are."""
    dev_id = chip.load(boardfile.load(name, alone.boards(name)).chip).dev_id
    others = (other for other in on_bench() if other != name)
    same = (n for n in others if chip.load(boardfile.load(n).chip).dev_id == dev_id)
    return [at_prompt(n) for n in (name, *same)]


def survey(boards: list[Subject], thorough: bool = True) -> Iterator[Finding]:
    """Every line of the script that these boards share, and what came of it without. thorough:
    lines with a reason are tried in random states too; most of the time goes there."""
    trials = [(n, state) for n, s in enumerate(boards) for state in directed.states(s)]
    certain = list(trials)
    trials += [(n, state) for n, s in enumerate(boards) for state in _random_states(s)]
    for line in zip(*map(mutants, boards), strict=True):
        yield find(line, trials if thorough or not _least_excused(line).reason else certain)


def find(line: tuple[Mutant, ...], trials: list[tuple[int, State]]) -> Finding:
    """Try the states until one misses the line, which is the first one for the next line. Raises
    FuzzError if that state is wrong with nothing left out."""
    for trial in trials:
        n, state = trial
        if wrong := run(line[n].subject, state).wrong:
            if anyway := _wrong_anyway(line[n].whole, state):
                raise FuzzError(f"'{state.title}' is wrong with nothing left out: {anyway}")
            trials.remove(trial)
            trials.insert(0, trial)
            return Finding(line[n], state, wrong[0])
    return Finding(_least_excused(line), None)


def _least_excused(line: tuple[Mutant, ...]) -> Mutant:
    return min(line, key=lambda mutant: bool(mutant.reason))


_known: dict[tuple[str, str], list[str]] = {}


def _wrong_anyway(subject: Subject, state: State) -> list[str]:
    """Tried once for each state."""
    key = subject.name, state.title
    if key not in _known:
        _known[key] = run(subject, state).wrong
    return _known[key]


def _random_states(subject: Subject) -> list[State]:
    to_mask = instructions_to_mask(subject)
    drawn = (draw(subject, SEED, number, to_mask) for number in range(RANDOM_STATES))
    return [state for state in drawn if not state.needs_reset]
