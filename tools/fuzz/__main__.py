"""python -m tools.fuzz BOARD: draw states, try each, print what was wrong.

With --mutate: leave each line of the board's script out in turn, and print which state misses it.

Exit codes: 0 every state came out as it must, 1 one did not (or the fuzz itself was at fault),
2 wrong arguments.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..firmware import FirmwareError
from . import by_reset, mutation, stuck
from .run import Outcome, instructions_to_mask, run
from .states import State, draw
from .subject import FuzzError, Subject, at_prompt

STATES, SEED = 500, 1
PROGRESS = 50  # states from one line to the next


def replay(board: str, seed: int, number: int) -> str:
    """The command that tries one state again."""
    return f"python -m tools.fuzz {board} --seed {seed} --only {number}"


def try_states(
    subject: Subject, seed: int, numbers: Iterable[int]
) -> Iterator[tuple[int, Outcome]]:
    """Each state's number and what came of it, by a reset first if that is tried, then by the
    jump. Raises FuzzError if the fuzz is at fault."""
    to_mask = instructions_to_mask(subject)
    with _few_collections():
        for number in numbers:
            try:
                state = draw(subject, seed, number, to_mask)
                for outcome in _outcomes(subject, state):
                    yield number, outcome
            except FuzzError as error:
                raise FuzzError(f"{error}: {replay(subject.name, seed, number)}") from error
            gc.collect()


def _outcomes(subject: Subject, state: State) -> Iterator[Outcome]:
    if state.by_reset:
        yield by_reset.run(subject, state)
    if not state.needs_reset:
        yield run(subject, state)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Python collects garbage when the caller says so, and looks only at what is new by then: a
    board is a heap of cycles."""
    gc.collect()
    frozen = gc.get_freeze_count()  # as by pytest, which keeps it so
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if not frozen:
            gc.unfreeze()


def main(arguments: list[str] | None = None) -> int:
    """See the module's text."""
    options = _parse(arguments)
    try:
        if options.mutate:
            return _mutate(options.board)
        subject = at_prompt(options.board)
        if options.only is not None:
            return _one(subject, options.seed, options.only)
        return _many(subject, options.seed, options.states)
    except (FuzzError, FirmwareError, ValueError) as error:
        print(f"{options.board}: {error}", file=sys.stderr)
        return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument(
        "board",
        metavar="BOARD",
        help="such as PYBV11; or a chip of tools/bench/chips with room for the bench firmware "
        "(192 KiB), such as STM32L4R5xx",
    )
    parser.add_argument("--states", type=_number, default=STATES, metavar="N", help=f"({STATES})")
    parser.add_argument("--seed", type=_number, default=SEED, metavar="S", help=f"({SEED})")
    parser.add_argument("--only", type=_number, metavar="K", help="this one state, in words")
    parser.add_argument("--mutate", action="store_true", help="leave out each line of the script")
    return parser.parse_args(arguments)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 up")
    return int(text)


def _mutate(board: str) -> int:
    """The table of mutants."""
    findings = []
    section = ""
    for found in mutation.survey(mutation.subjects(board)):
        findings.append(found)
        if found.mutant.section != section:
            section = found.mutant.section
            print(section)
        by = f"{found.by.title}: {found.how}" if found.by else f"unnoticed: {found.mutant.reason}"
        print(f"  {found.mutant.line[:50]:50}  {found.wrong or by}", flush=True)
    missed = sum(found.by is not None for found in findings)
    wrong = sum(bool(found.wrong) for found in findings)
    print(
        f"{len(findings)} lines: {missed} are missed by a state, "
        f"{len(findings) - missed - wrong} have a reason why not, {wrong} are wrong"
    )
    return bool(wrong)


def _one(subject: Subject, seed: int, number: int) -> int:
    state = draw(subject, seed, number, instructions_to_mask(subject))
    print(f"{subject.name}, seed {seed}, state {number}:\n{state}")
    outcomes = list(_outcomes(subject, state))
    for outcome in outcomes:
        print(f"{outcome} after {outcome.instructions} instructions")
        for sentence in outcome.wrong:
            print(f"  {sentence}")
    return any(outcome.wrong for outcome in outcomes)


def _many(subject: Subject, seed: int, states: int) -> int:
    started, failed = time.monotonic(), 0
    ends: Counter[str] = Counter()
    for number, outcome in try_states(subject, seed, range(states)):
        ends[str(outcome)] += 1
        ends["fetches counted"] += outcome.counted
        if outcome.wrong:
            failed += 1
            print(f"state {number} {outcome}: " + "; ".join(outcome.wrong[:4]))
            print("  " + replay(subject.name, seed, number))
        if not (number + 1) % PROGRESS or number + 1 == states:
            seconds = time.monotonic() - started
            words = ", ".join(f"{count} {name}" for name, count in sorted(ends.items()))
            print(f"{number + 1} of {states} states in {seconds:.0f} s: {words}", flush=True)
    for line in stuck.waits(subject):
        outcome = stuck.run(subject, line, [])
        failed += bool(outcome.wrong)
        print(f"a wait for 0x{line.address:08X} that never ends: {outcome.end.value}")
        for sentence in outcome.wrong:
            print(f"  {sentence}")
    print(f"{failed} failed" if failed else "none failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
