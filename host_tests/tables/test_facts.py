"""Every fact of every die against every source: nothing here knows a family.

A family that is new is covered by being there; what its sources call otherwise, and which SVD
files are about which die, stands in oracles/families.toml.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_tests.tables import report, sources
from host_tests.tables.facts import Fact, Kind, disputes, show
from host_tests.tables.oracles import Oracles
from tools.tables import FAMILIES, dies
from tools.tables.family import Die, Disputed, Family

EACH = dies()
each_die = pytest.mark.parametrize(
    ("family", "die"), EACH, ids=[f"{family}-{die}" for family, die in EACH]
)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=str)

Facts = dict[str, Fact]


@pytest.fixture(scope="module")
def asked(oracles: Oracles) -> dict[int, Facts]:
    """DEV_ID -> the facts, with what every source says."""
    return {
        die.dev_id: sources.answered(oracles, family, die, sources.EVERY) for family, die in EACH
    }


@each_die
def test_no_source_says_otherwise_without_a_reason(
    family: Family, die: Die, asked: dict[int, Facts]
) -> None:
    """If one does: mend the number, or write `disputed` beside it, with both values and why."""
    unexplained = [
        f"{fact.name}: {show(fact.value)} in {family.source}, {show(said)} in {source}"
        for fact in asked[die.dev_id].values()
        for source, said in fact.others.items()
        if not any(disputes(family, die, fact, source))
    ]
    assert not unexplained


@each_family
def test_each_dispute_is_one(family: Family, asked: dict[int, Facts]) -> None:
    """A source that has changed its mind, or was never asked, is not in `disputed`."""
    met: set[tuple[Disputed, str]] = set()
    for die in family.dies:
        for fact in asked[die.dev_id].values():
            for source, said in fact.others.items():
                for dispute in disputes(family, die, fact, source):
                    assert dispute.said in ("", show(said)), fact.name
                    met.add((dispute, source))
    every = {d for die in family.dies for d in die.disputed} | set(family.disputed)
    assert {(d, source) for d in every for source in d.sources if source in sources.EVERY} == met


@each_die
def test_a_die_is_known_to_others(family: Family, die: Die, asked: dict[int, Facts]) -> None:
    """That it is who it is, its RAM and its core rest on two sources beside the table."""
    facts = asked[die.dev_id]
    assert len(facts[f"DEV_ID {die}"].agreeing) >= 2
    assert facts["core"].agreeing
    assert any(facts[f"RAM at {ram.base:08X}"].said for ram in die.rams)


@each_die
def test_reset_bits_are_in_a_second_source(
    family: Family, die: Die, asked: dict[int, Facts]
) -> None:
    """Most of them: modm-devices, from the peripherals of the die, or an SVD file."""
    bits = [fact for fact in asked[die.dev_id].values() if fact.kind is Kind.RESET and fact.value]
    assert len([fact for fact in bits if fact.agreeing]) > len(bits) / 2


@each_die
def test_interrupts_are_all_covered(family: Family, die: Die, oracles: Oracles) -> None:
    """The script disables and unpends every interrupt that modm-devices knows of the die."""
    words = {
        name: sum(
            len(step.registers)
            for step in family.script(die)
            if str(step.registers[0]).startswith(f"NVIC.{name}")
        )
        for name in ("ICER", "ICPR")
    }
    assert min(words.values()) * 32 >= oracles.dies[die.dev_id].interrupts


@each_die
def test_a_wrong_number_is_noticed(family: Family, die: Die, asked: dict[int, Facts]) -> None:
    """Of each sort of fact: with another value no source agrees, and those that did differ."""
    for fact in asked[die.dev_id].values():
        wrong = replace(fact, value=fact.value ^ 1 if isinstance(fact.value, int) else "none")
        if fact.agreeing and fact.kind is not Kind.VALUE:
            assert {*wrong.others} >= {*fact.agreeing}


def test_the_page_is_what_the_sources_say(oracles: Oracles) -> None:
    """If not: python -m host_tests.tables.report."""
    assert report.PAGE.read_text() == report.page(oracles)
