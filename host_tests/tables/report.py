"""python -m host_tests.tables.report: write docs/facts.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from host_tests.tables.facts import Fact, Kind, disputes, show
from host_tests.tables.oracles import Oracles
from host_tests.tables.sources import SOURCES, answered
from tools.tables import FAMILIES
from tools.tables.family import Die, Family

PAGE = Path(__file__).parents[2] / "docs" / "facts.md"
MOST = 4  # sources, the table included: so many or more are one column

INTRODUCTION = """\
# Facts

`python -m host_tests.tables.report` writes this page; a test writes it again and compares. What is
counted: the numbers of `tools/tables`, taken apart (`host_tests/tables/facts.py`): who a die is,
its memory, its ROM and each pin on which the ROM listens, the address of each register that is
named, each reset bit, each value after a reset, USARTs, USB, watchdog. A table has its numbers
from ST's headers and manuals and AN2606; it is one source. The others:

| source | what it is |
|---|---|
"""
SAID = {
    "SVD": "ST's SVD files, in cmsis-svd 0.4 and pyOCD 0.46.0; of later ones, which no package "
    "has, their figures (`host_tests/tables/oracles/st_svd`)",
    "modm-devices": "0.13.1, from the database of STM32CubeMX",
    "stm32flash": "0.7, its table of chips, after AN2606",
    "stlink": "1.8.0, its chip files",
    "OpenOCD": "0.12.0, its flash drivers",
    "stm32loader": "0.7, its tables",
    "libopencm3": "its addresses of the unique ID and the flash size "
    "(`host_tests/tables/oracles/libopencm3.toml`)",
    "qiling": "1.4.6, from ST's CMSIS headers of the F4",
    "Linux": "device trees, RCC headers and a clock driver, in U-Boot 2023.01",
    "bench": "the chip files of the virtual board, read by themselves from manuals, SVD files and "
    "modm-devices",
}

DIES = """
## How many sources say the same

The table included. What the bench says of registers is mostly from SVD files and modm-devices, so
there it counts only where neither of them says the same. A fact of which a source says something
else counts as disputed too.

"""
DISPUTED = """
## Disputed

| family | fact | dies | here | others | why not |
|---|---|---|---|---|---|
"""
ALONE = """
## On the table alone

No source of these packages has them. Where they are from, the table says beside them.

"""


def page(oracles: Oracles) -> str:
    """docs/facts.md."""
    found = [
        (family, [(die, answered(oracles, family, die, SOURCES)) for die in family.dies])
        for family in FAMILIES
    ]
    parts = [INTRODUCTION]
    parts += [f"| {name} | {SAID[name]} |\n" for name in SOURCES]
    parts += [DIES, *_counts(found), DISPUTED]
    parts += [line for family, dies in found for line in _disputed(family, dies)]
    parts += [ALONE, *(line for family, dies in found for line in _alone(family, dies))]
    return "".join(parts)


Dies = list[tuple[Die, dict[str, Fact]]]


def _counts(found: list[tuple[Family, Dies]]) -> Iterator[str]:
    columns = [*map(str, range(1, MOST)), f"{MOST} or more"]
    yield f"| die | facts | {' | '.join(columns)} | disputed |\n"
    yield f"|---|{'--:|' * (len(columns) + 2)}\n"
    for _, dies in found:
        for die, facts in dies:
            counts = Counter(min(1 + _sources(fact), MOST) for fact in facts.values())
            cells = [len(facts), *(counts[number] for number in range(1, MOST + 1))]
            cells.append(sum(bool(fact.others) for fact in facts.values()))
            yield f"| {die} {die.name} | {' | '.join(map(str, cells))} |\n"


def _sources(fact: Fact) -> int:
    """How many sources beside the table; not the bench, too, where it has a fact from others."""
    found = set(fact.agreeing)
    if fact.kind in (Kind.ADDRESS, Kind.RESET, Kind.VALUE) and found & {"SVD", "modm-devices"}:
        found.discard("bench")
    return len(found)


def _disputed(family: Family, dies: Dies) -> Iterator[str]:
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for die, facts in dies:
        for fact in facts.values():
            said: dict[tuple[str, str], list[str]] = {}
            for source, value in fact.others.items():
                why = next((d.why for d in disputes(family, die, fact, source)), "not known")
                said.setdefault((show(value), why), []).append(source)
            for (value, why), names in said.items():
                others = f"{value} ({', '.join(names)})"
                rows.setdefault((fact.name, show(fact.value), others, why), []).append(str(die))
    for (name, here, others, why), names in rows.items():
        yield f"| {family} | {name} | {_dies(names, dies)} | {here} | {others} | {why} |\n"


def _alone(family: Family, dies: Dies) -> Iterator[str]:
    """Facts that rest on the same dies' tables together, bits of a register in one word."""
    where: dict[tuple[str, str], list[str]] = {}
    for die, facts in dies:
        for fact in facts.values():
            if not fact.said and not fact.name.startswith("DEV_ID"):
                name = str(fact.value) if fact.kind is Kind.ADDRESS else fact.name
                where.setdefault((fact.kind.value[0], name), []).append(str(die))
    groups: dict[tuple[str, str], list[str]] = {}
    for (kind, name), names in where.items():
        groups.setdefault((_dies(names, dies), kind), []).append(name)
    sources = {fact.kind.value[0]: fact.kind.table for _, facts in dies for fact in facts.values()}
    for (who, kind), names in sorted(groups.items()):
        yield f"- {family}, {who}, {kind} ({sources[kind]}): {', '.join(_short(names))}\n"


def _dies(names: list[str], dies: Dies) -> str:
    return "all" if len(names) == len(dies) > 1 else ", ".join(names)


def _short(names: list[str]) -> Iterator[str]:
    """ "RCC.APB1RSTR bit 3" and bit 5 are "RCC.APB1RSTR bits 3 5", CCR0 to CCR15 "CCR0 to 15"."""
    for start, group in groupby(names, lambda name: re.sub(r"\d+$", "", name)):
        numbers = [name.removeprefix(start) for name in group]
        if start.endswith(" bit "):
            yield f"{start[:-1]}{'s' * (len(numbers) > 1)} {' '.join(numbers)}"
        elif len(numbers) > 2:
            yield f"{start}{numbers[0]} to {numbers[-1]}"
        else:
            yield from (start + number for number in numbers)


if __name__ == "__main__":
    PAGE.write_text(page(Oracles()))
