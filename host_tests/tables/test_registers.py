"""The RCC columns of the table: addresses, presence and reset values."""

from __future__ import annotations

import pytest

from host_tests.tables.library import DIES, RCC, Die, registers
from host_tests.tables.oracles import Oracles
from host_tests.tables.oracles.svd import Register

each_die = pytest.mark.parametrize("die", DIES, ids=str)
COLUMNS = registers()
PLLCFGR = 0x24003010  # M 16, N 192, P 2, Q 4, R 2; test_pllcfgr_... below
PLL_N, PLL_R = PLLCFGR & 0x7FC0, PLLCFGR & 0x70000000
LATER = ("PLLI2SCFGR", "PLLSAICFGR", "DCKCFGR", "CKGATENR", "DCKCFGR2")
CCM_ENABLE = 1 << 20  # AHB1ENR.CCMDATARAMEN: the one clock that a reset leaves on


def of_die(oracles: Oracles, die: Die, name: str) -> list[Register]:
    """What the die's SVD files say about a register of RCC."""
    found = [r for svd in oracles.svds(die.dev_id) for r in svd.registers]
    return [r for r in found if (r.block, r.name) == ("RCC", name)]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_the_address_of_its_register(name: str, oracles: Oracles) -> None:
    svds = [
        register.address
        for svd in oracles.family_svds("STM32F4")
        for register in svd.registers
        if (register.block, register.name) == ("RCC", name)
    ]
    layouts = [
        RCC + layout[name]
        for die in DIES
        for layout in oracles.rcc_layouts(die.dev_id)
        if name in layout
    ]
    assert svds
    assert layouts
    assert set(svds + layouts) == {COLUMNS[name]}


@each_die
@pytest.mark.parametrize("name", LATER)
def test_a_die_has_the_registers_of_its_header(die: Die, name: str, oracles: Oracles) -> None:
    """ST's CMSIS headers, by way of qiling, and the SVD files: who knows one is right."""
    headers = [name in layout for layout in oracles.rcc_layouts(die.dev_id)]
    assert headers
    assert (name in die.values) == any(headers)
    if of_die(oracles, die, name):
        assert name in die.values


def test_pllcfgr_is_the_same_on_every_f4(oracles: Oracles) -> None:
    values = {
        register.reset
        for svd in oracles.family_svds("STM32F4")
        for register in svd.registers
        if (register.block, register.name) == ("RCC", "PLLCFGR")
    }
    assert values == {PLLCFGR}


@pytest.mark.parametrize(
    ("die", "name", "least"),
    [
        pytest.param(die, name, least, id=f"{die}-{name}")
        for die in DIES
        for name, least in (("PLLI2SCFGR", PLL_N | PLL_R), ("PLLSAICFGR", PLL_N))
        if name in die.values
    ],
)
def test_the_other_plls_start_like_the_main_one(
    die: Die, name: str, least: int, oracles: Oracles
) -> None:
    """M, N, P, Q and R are at the same places in all three, and start with the same values.

    So the reset value is PLLCFGR's, of the fields that the register has. The SVD files' own reset
    values cannot be right: they give Q as 0 where there is a Q, which RM0090 7.3.23 forbids.
    A field that a file forgets (M of the F411) may add to it, but only its part of PLLCFGR.
    """
    for register in of_die(oracles, die, name):
        least |= PLLCFGR & register.mask
    assert die.values[name] & least == least
    assert die.values[name] & ~PLLCFGR == 0


@each_die
@pytest.mark.parametrize("name", ["DCKCFGR", "CKGATENR", "DCKCFGR2", "AHB3ENR"])
def test_these_start_as_zero(die: Die, name: str, oracles: Oracles) -> None:
    assert die.values.get(name, 0) == 0
    assert all(register.reset == 0 for register in of_die(oracles, die, name))


@each_die
def test_ccm_is_clocked_after_a_reset_where_there_is_ccm(die: Die, oracles: Oracles) -> None:
    """Of AHB1ENR. The SVD files repeat the F405's reset value for dies that have no such bit.

    A die has CCM if an SVD file of it names the bit or, as F405's forgets it, if its parts have
    Ethernet: ST has put CCM on the large lines only.
    """
    named = [r.fields.get("CCMDATARAMEN") for r in of_die(oracles, die, "AHB1ENR")]
    has_ccm = CCM_ENABLE in named or "eth" in oracles.dies[die.dev_id].peripherals
    assert die.values["AHB1ENR"] == (CCM_ENABLE if has_ccm else 0)
    assert all(register.reset == CCM_ENABLE for register in of_die(oracles, die, "AHB1ENR"))


@each_die
def test_cir_clears_every_flag_and_enables_nothing(die: Die, oracles: Oracles) -> None:
    """One flag of each clock source, as the die has PLLSAI or not, and of CSS."""
    flags = 0
    for svd in oracles.family_svds("STM32F4"):
        for register in svd.registers:
            if (register.block, register.name) == ("RCC", "CIR"):
                fields = register.fields.items()
                flags |= sum(mask for name, mask in fields if name.endswith(("RDYC", "CSSC")))
    pllsai = 0x00400000
    assert flags & pllsai
    assert die.values["CIR"] == (flags if "PLLSAICFGR" in die.values else flags & ~pllsai)
    for register in of_die(oracles, die, "CIR"):
        for name, mask in register.fields.items():
            assert (die.values["CIR"] & mask == mask) == name.endswith("C")
