"""The table against the project's collection of chip facts, which is not part of the repository.

It lies beside the checkout, as shared/reference, or where ROMBOOT_REFERENCE says. Its masks are
those of ST's CMSIS headers, its boot ROM facts those of AN2606; see the README there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from host_tests.conftest import REFERENCE
from host_tests.tables.library import DIES, LPENS, RCC, RESETS, Die, registers, table
from host_tests.tables.library import facts as told
from tools.bench import boardfile

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.reference
each_die = pytest.mark.parametrize("die", DIES, ids=str)
Facts = dict[str, Any]
CRYP_HASH = 0x30


@pytest.mark.parametrize("path", sorted((ROOT / "boards").glob("*.toml")), ids=lambda p: p.stem)
def test_buttons_are_not_pressed(path: Path) -> None:
    """One that is low while pressed needs a pull-up, if not that of the chip."""
    facts = json.loads((REFERENCE / "boards.json").read_text())["boards"][path.stem]["button"]
    external = facts["pressed"] == 0 and facts["pull"] in ("GPIO_NOPULL", "0")
    assert (facts["pin"] in boardfile.load(path.stem).pulled_up) == external


def chips(die: Die) -> list[Facts]:
    """The parts of a die."""
    found = [json.loads(path.read_text()) for path in (REFERENCE / "chips").glob("STM32F4*.json")]
    return [chip for chip in found if int(chip["dev_id"]["value"], 16) == die.dev_id]


each_collected_die = pytest.mark.parametrize("die", [d for d in DIES if chips(d)], ids=str)


def rom(die: Die) -> Facts:
    """AN2606's line of a die."""
    lines = json.loads((REFERENCE / "roms.json").read_text())["lines"].values()
    (line,) = (x for x in lines if x["family"] == "F4" and value(x, "dev_id") == die.dev_id)
    return line


def value(facts: Facts, name: str) -> int:
    return int(facts[name]["value"], 16)


def rcc(chip: Facts, name: str) -> tuple[int, int]:
    """(reset value, mask of implemented bits) of a register."""
    register = chip["registers"]["RCC"]["regs"].get(name, {})
    return int(register.get("reset") or "0", 16), int(register.get("mask") or "0", 16)


@each_collected_die
@pytest.mark.parametrize("name", [*RESETS, *LPENS])
def test_masks_hold_every_bit_of_the_headers(die: Die, name: str) -> None:
    """And no other, but for CRYP and HASH, whose parts are not all in the collection."""
    headers = 0
    for chip in chips(die):
        headers |= rcc(chip, name)[1]
    ours = die.values.get(name, 0)
    assert ours & headers == headers
    assert not ours & ~headers & ~(CRYP_HASH if name.startswith("AHB2") else 0)


@each_collected_die
@pytest.mark.parametrize("name", [n for n in registers() if n not in (*RESETS, *LPENS, "CIR")])
def test_reset_values(die: Die, name: str) -> None:
    for chip in chips(die):
        reset, _ = rcc(chip, name)
        assert die.values.get(name, 0) == reset
        offset = chip["registers"]["RCC"]["regs"].get(name, {}).get("offset")
        assert offset is None or RCC + int(offset, 16) == registers()[name]


@each_die
def test_places(die: Die) -> None:
    facts = rom(die)
    assert value(facts, "vector_table") == table.VECTORS
    assert value(facts, "end") + 1 == table.ROM_END
    assert value(facts, "id_addr") == die.id_address
    assert value(facts, "dbgmcu_idcode_addr") == table.IDCODE
    for chip in chips(die):
        assert int(chip["flashsize_addr"], 16) == table.FLASH_SIZE
        assert int(chip["uid_addr"], 16) == told.UNIQUE_ID
        sram = [m["size"] for m in chip["memory"] if m["kind"] == "sram"]
        assert sum(sram) == die.sram


def pins(text: str) -> list[str]:
    """PB12-PB15 is four pins, PA9/PA10 two."""
    found = []
    for part in text.split("/"):
        first, _, last = part.partition("-")
        numbers = range(int(first[2:]), int((last or first)[2:]) + 1)
        found += [f"{first[:2]}{number}" for number in numbers]
    return found


def ours(die: Die) -> set[tuple[str, ...]]:
    """(interface, pin, ...): USART and CAN tx, rx; I2C scl, sda; SPI nss, sck, miso, mosi."""
    found = set()
    previous = ""
    for words in re.split(r", | or ", die.interfaces):
        match = re.search(r"((?:USART|CAN|I2C|SPI)\d|DFU)? ?(P[A-K]\d[PA-K\d/-]*)", words)
        assert match, words
        previous = match[1] or previous
        found.add((previous, *pins(match[2])))
    return found


@each_die
def test_interfaces_and_their_pins(die: Die) -> None:
    """AN2606, "configuration in system memory boot mode" of each line."""
    facts = rom(die)
    theirs = set()
    for item in facts["interfaces"]:
        order = ("tx", "rx", "scl", "sda", "nss", "sck", "miso", "mosi", "dm", "dp")
        name = item["instance"] or item["kind"]
        theirs.add((name, *(item[pin] for pin in order if pin in item)))
    assert theirs <= ours(die)
