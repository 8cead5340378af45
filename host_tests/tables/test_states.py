"""What only a reset clears, and option bytes: their bits against ST's headers, as the collection
has them."""

from __future__ import annotations

import pytest

from host_tests.tables.sources import collected_chips
from tools.tables import FAMILIES, dies
from tools.tables.family import Family, Option, State

# Of these the collection has no mask
NO_MASK = ("FLASH.OPTSR_CUR", "FLASH.OPTSR2_CUR", "FLASH.NSSR")
ROWS = [(family, state) for family in FAMILIES for state in family.states]


OPTIONS = {
    f"{family} {option.register}.{option.bit}": (family, option)
    for family, die in dies()
    for option in die.options
}


def of_series(family: Family, state: State) -> set[int]:
    """The DEV_IDs of the family, and of the others of its series that have this very state."""
    series = [each for each in FAMILIES if each.name[:7] == family.name[:7]]
    return {die.dev_id for each in series if state in each.states for die in each.dies}


def masks(dev_ids: set[int]) -> dict[int, tuple[str, int]]:
    """Address of a register -> its name, the bits that any part of these dies implements."""
    found: dict[int, tuple[str, int]] = {}
    for chip in (chip for dev_id in dev_ids for chip in collected_chips().get(dev_id, ())):
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
    known = masks(of_series(family, state))
    names = {register.address: register.name for block in family.blocks for register in block}
    for check in state.checks:
        if check.address == family.idcode:
            assert check.value in {die.dev_id for die in family.dies} and check.mask == 0xFFF
        elif check != family.dual_core:
            name, mask = known[check.address]
            assert name == names[check.address]
            assert name in NO_MASK or mask & check.mask == check.mask
        else:
            assert 0x48373437 & check.mask == check.value


@pytest.mark.reference
@pytest.mark.parametrize(("family", "option"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_byte_is_in_a_header(family: Family, option: Option) -> None:
    found = masks({die.dev_id for die in family.dies if option in die.options})
    name, mask = found.get(option.register.address, ("", 0))
    if name and name not in NO_MASK:
        assert mask >> option.bit & (1 << option.bits) - 1 == (1 << option.bits) - 1, name
