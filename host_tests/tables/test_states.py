"""What only a reset clears: its bits against ST's headers, as the collection has them."""

from __future__ import annotations

import json

import pytest

from host_tests.conftest import REFERENCE
from tools.tables import FAMILIES, names
from tools.tables.family import Family, State

# Of these the collection has no mask
NO_MASK = ("FLASH.OPTSR_CUR", "FLASH.OPTSR2_CUR", "FLASH.NSSR")
ROWS = [(family, state) for family in FAMILIES for state in family.states]


def masks(family: Family, state: State) -> dict[int, tuple[str, int]]:
    """Address of a register -> its name, the bits that any part of the family implements, or of
    the series, if its other families have this very state."""
    found: dict[int, tuple[str, int]] = {}
    series = [each for each in FAMILIES if each.name[:7] == family.name[:7]]
    dev_ids = {die.dev_id for each in series if state in each.states for die in each.dies}
    for path in (REFERENCE / "chips").glob("*.json"):
        chip = json.loads(path.read_text())
        if int(chip["dev_id"]["value"], 16) in dev_ids:
            bases = {p["name"]: int(p["base"], 16) for p in chip["peripherals"]}
            for block in {"RCC", "FLASH", "PWR", "SYSCFG"} & set(chip["registers"]):
                for name, register in chip["registers"][block]["regs"].items():
                    address = bases[block] + int(register["offset"], 16)
                    _, known = found.get(address, ("", 0))
                    mask = known | int(register.get("mask") or "0", 16)
                    found[address] = f"{block}.{name}", mask
    return found


@pytest.mark.reference
@pytest.mark.parametrize(
    ("family", "state"), ROWS, ids=[f"{family}: {state.about}" for family, state in ROWS]
)
def test_each_bit_is_in_a_header(family: Family, state: State) -> None:
    """Of the line identifier, which is no register, RM0399 has an example."""
    known = masks(family, state)
    for check in state.checks:
        if check.address == family.idcode:
            assert check.value in {die.dev_id for die in family.dies} and check.mask == 0xFFF
        elif check != family.dual_core:
            name, mask = known[check.address]
            assert name == names(check.address, family)
            assert name in NO_MASK or mask & check.mask == check.mask
        else:
            assert 0x48373437 & check.mask == check.value
