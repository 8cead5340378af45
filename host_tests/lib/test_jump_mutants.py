"""Each instruction of jump.py is missed when it is a nop: in some place something is off then.

An instruction that nothing misses says why in its comment: `# unnoticed: ...`. Barriers are left
out: what they order, no emulator has out of order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from host_tests.bench.thumb import RAM
from host_tests.lib import thumb
from host_tests.lib.calls import CALLS, LENGTH, SCRIPTS, START
from host_tests.lib.departure import Departure, helper_code
from host_tests.lib.test_jump_run import (
    ANYWHERE,
    ARMV8M,
    CACHED,
    IN_SDRAM,
    MPU_ON,
    NESTED,
    ON_ARMV8M,
    Leaving,
)
from host_tests.lib.thumb import Instruction
from tools import machine_code

NOP = b"\xc0\x46"
BARRIERS = ("dsb", "isb")
REASON = re.compile(r"# (?:.*; )?unnoticed: (.+)")
ENOUGH = 3  # times the instructions of a run that goes well: more, and it hangs

Prepare = Callable[[bytes], Departure]


@dataclass(frozen=True)
class Statement:
    """A line of helper() in jump.py that is an instruction."""

    line: str
    instruction: Instruction

    @property
    def reason(self) -> str:
        found = REASON.search(self.line)
        return found[1] if found else ""

    def missing(self, code: bytes) -> bytes:
        halves = 1 if self.instruction.second is None else 2
        at = self.instruction.offset
        return code[:at] + NOP * halves + code[at + 2 * halves :]


def statements() -> Iterator[Statement]:
    """Of helper(), but for barriers."""
    _, _, body = machine_code.SOURCE.read_text().partition("def helper(r0, r1):\n")
    lines = [line.strip() for line in body.splitlines() if re.match(r"    (?!label)\w+\(", line)]
    listing = list(thumb.instructions(helper_code()))[1:-1]  # prologue and epilogue
    for line, instruction in zip(lines, listing, strict=True):
        if not line.endswith(BARRIERS):
            yield Statement(line, instruction)


def places() -> Iterator[tuple[str, Prepare]]:
    """All that test_jump_run.py has, but those on one core of a kind."""
    for core, names in (
        ("cortex-m0+", ANYWHERE),
        ("cortex-m4", [*ANYWHERE, *NESTED, *MPU_ON]),
        ("cortex-m7", [*CACHED, *IN_SDRAM]),
        (ARMV8M, [*ON_ARMV8M, "an interrupt", "the NMI in irq0"]),
    ):
        for name in names:
            yield f"{core}, {name}", functools.partial(Leaving, name, core)
    for name, given in {**CALLS, **SCRIPTS}.items():
        yield name, given.prepare


class Witness:
    """A place, with the instructions that are executed there."""

    def __init__(self, name: str, prepare: Prepare) -> None:
        self.name, self._prepare = name, prepare
        self.executed: set[int] = set()  # offsets in the helper
        self.count = 0
        run = prepare(helper_code())
        carried: list[int] = []

        def note(address: int, _size: int) -> None:
            self.count += 1
            offset = address - run.helper_at
            if offset in range(len(helper_code())):
                self.executed.add(offset)
            elif address >= RAM:  # the resident part, from its start
                carried.append(address)

        run.core.engine.hooks.on_instruction(note)
        self.off = run.run().off()
        self.executed |= {START + address - carried[0] for address in carried}

    def misses(self, code: bytes) -> list[str]:
        return self._prepare(code).run(ENOUGH * self.count + 500).off()


class Survey:
    """Which instructions something is wrong with."""

    def __init__(self) -> None:
        self.witnesses = [Witness(*place) for place in places()]

    def noticed(self, offset: int, code: bytes) -> bool:
        """The witness that has noticed the last one comes first."""
        for witness in self.witnesses:
            if offset in witness.executed and witness.misses(code):
                self.witnesses.remove(witness)
                self.witnesses.insert(0, witness)
                return True
        return False

    def wrong(self, statement: Statement) -> str:
        """A sentence, if an instruction goes unnoticed without a reason, or has one in vain."""
        missing = statement.missing(helper_code())
        noticed = self.noticed(statement.instruction.offset, missing)
        if not noticed and not statement.reason:
            return f"nothing misses {statement.line}"
        if noticed and statement.reason:
            return f"{statement.line} is missed, against what it says"
        return ""


@pytest.fixture(scope="module")
def survey() -> Survey:
    return Survey()


def test_all_goes_well_with_all_instructions(survey: Survey) -> None:
    assert {witness.name: witness.off for witness in survey.witnesses if witness.off} == {}


@pytest.mark.parametrize("carried", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_each_instruction_is_missed_or_says_why_not(carried: bool, survey: Survey) -> None:
    resident = range(START + LENGTH)
    found = [s for s in statements() if (s.instruction.offset in resident) == carried]
    assert len(found) > 60
    assert [wrong for statement in found if (wrong := survey.wrong(statement))] == []


def test_an_instruction_that_nothing_misses_is_found_out(survey: Survey) -> None:
    forged = next(s for s in statements() if s.line.startswith("sub(r0, 1)") and s.reason)
    assert not survey.wrong(forged)
    assert survey.wrong(replace(forged, line="sub(r0, 1)"))


def test_a_reason_that_does_not_hold_is_found_out(survey: Survey) -> None:
    carried = next(s for s in statements() if s.line.startswith("mov(r0, r8)"))
    assert not survey.wrong(carried)
    assert survey.wrong(replace(carried, line="mov(r0, r8)  # unnoticed: so it is said"))
