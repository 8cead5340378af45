"""The script's lines: each address is the register of that name, each mask its field."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import or_

import pytest

from host_tests.tables.library import CHANGE, FILL, LINES, WAIT, WRITE, Line, table
from host_tests.tables.names import Names, addresses, words
from host_tests.tables.oracles import Oracles

each_line = pytest.mark.parametrize("line", LINES, ids=str)
ONES = 0xFFFFFFFF
PPB = 0xE0000000  # the core's own registers are from here on

# Cleared by writing 1: their reset value is not what is written.
CLEARED_BY_ONES = {"SR", "PR", "CFSR", "HFSR", "ICSR"} | {
    f"IC{k}R{n}" for k in "EP" for n in range(4)
}

# Registers of the Cortex-M4 that do not start as zero: Arm DDI 0439B table 4-1 (CCR) and
# DDI 0403E B3.2.21 (FPCCR). Neither SVD file has the first, one has the second.
M4_RESETS = {"CCR": 0x00000200, "FPCCR": 0xC0000000}


@pytest.fixture(scope="module")
def names(oracles: Oracles) -> Names:
    return Names(oracles)


@each_line
def test_every_address_is_named(line: Line, names: Names) -> None:
    """By the comment of its line, or by an earlier line: nothing is written incognito."""
    before = [earlier for earlier in LINES if earlier.number < line.number]
    for address in addresses(line):
        known = names.at(address)
        assert known, f"no file has a register at 0x{address:08X}"
        told = [other for other in (line, *before) if address in addresses(other)]
        assert any(known & words(other.comment) for other in told), f"0x{address:08X} is {known}"


@each_line
def test_every_register_in_a_comment_is_written(line: Line, names: Names) -> None:
    """And where a comment counts (ICER0-3), to the last."""
    written = {name for address in addresses(line) for name in names.at(address)}
    numbered = {word for word in words(line.comment) if word[-1].isdigit()}
    known = {name for address in names.registers for name in names.at(address)}
    assert numbered & known <= written
    assert written & words(line.comment) or not addresses_named_first(line)


def addresses_named_first(line: Line) -> bool:
    """Does this line touch an address that no earlier one does?"""
    seen = {a for earlier in LINES if earlier.number < line.number for a in addresses(earlier)}
    return bool(set(addresses(line)) - seen)


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.steps[0][1] in (CHANGE, WAIT)], ids=str
)
def test_masks_are_those_of_the_fields_in_the_comment(line: Line, names: Names) -> None:
    """Where it names none, the mask is that of one field and no other."""
    ((address, kind, values),) = line.steps
    mask = values[0] if kind == WAIT else values[0] | values[1]
    fields = names.fields(address)
    named = words(line.comment) & fields.keys()
    if named:
        possible = {0}
        for name in named:
            possible = {before | one for before in possible for one in fields[name]}
        assert mask in possible
    else:
        assert mask in {one for masks in fields.values() for one in masks}


def final_values() -> dict[int, int]:
    """Address -> what the lines leave there; bits that CHANGE does not name are not in it."""
    final: dict[int, int] = {}
    for line in LINES:
        for address, kind, values in line.steps:
            if kind == WRITE:
                final[address] = values[0]
            elif kind == FILL:
                final |= dict.fromkeys(range(address, address + 4 * values[1], 4), values[0])
    return final


FINAL = final_values()


def is_status(name: str) -> bool:
    """A field that the hardware sets: reset causes, ready flags, calibration."""
    return name.endswith(("RSTF", "RDY", "HSICAL"))


@pytest.mark.parametrize("address", [a for a in FINAL if a < PPB], ids=hex)
def test_a_register_of_st_gets_its_reset_value(address: int, names: Names) -> None:
    """In every SVD file that has it. What is written by ones must cover every flag there."""
    for register in names.registers[address]:
        if register.name in CLEARED_BY_ONES:
            flags = [mask for name, mask in register.fields.items() if name != "BSY"]
            assert all(FINAL[address] & mask == mask for mask in flags)
        elif register.name == "KEYR":
            assert FINAL[address] == 0xCDEF89AB  # write-only; KEY2 comes last, RM0090 3.6.1
        elif register.name in ("MEMRM", "MEMRMP"):
            assert FINAL[address] == 1  # MEM_MODE 01: system memory, RM0090 9.3.1
        else:
            status = sum(mask for name, mask in register.fields.items() if is_status(name))
            assert FINAL[address] & ~status == register.reset & ~status, register.name


def test_every_flag_of_flash_is_cleared(names: Names) -> None:
    """The value is exactly the flags: ones elsewhere are reserved."""
    (line,) = (line for line in LINES if line.comment.startswith("SR: "))
    ((address, _, values),) = line.steps
    flags = {mask for r in names.registers[address] for n, mask in r.fields.items() if n != "BSY"}
    assert values[0] == sum(flags)


@pytest.mark.parametrize("address", [a for a in FINAL if a >= PPB], ids=hex)
def test_a_register_of_the_core_gets_its_reset_value(address: int, names: Names) -> None:
    """Bits that are not zero are fields of the register, so that a shifted one is noticed."""
    called = names.at(address)
    fields = [mask for r in names.registers.get(address, []) for mask in r.fields.values()]
    if called & CLEARED_BY_ONES:
        assert "ICSR" in called or all(FINAL[address] & mask == mask for mask in fields)
        return
    expected = next((value for name, value in M4_RESETS.items() if name in called), 0)
    key = 0x05FA0000 if "AIRCR" in called else 0
    region = 0x17 if "RBAR" in called else 0  # VALID and the number of the last region
    assert FINAL[address] == expected | key | region
    assert not FINAL[address] & ~reduce(or_, fields, 0)
    if not called & M4_RESETS.keys():
        assert all(
            0 in {r.reset for r in names.registers[a]} for a in {address} & {*names.registers}
        )


def test_icsr_unpends_pendsv_and_systick(oracles: Oracles) -> None:
    arm = oracles.arm
    assert FINAL[arm["ICSR"]] == arm["ICSR_PENDSVCLR"] | arm["ICSR_PENDSTCLR"]
    assert FINAL[arm["NVIC_AIRCR"]] == arm["NVIC_AIRCR_VECTKEY"]


def test_every_interrupt_of_every_die_is_covered(oracles: Oracles) -> None:
    most = max(oracles.dies[dev_id].interrupts for dev_id in table.DIES)
    arm = oracles.arm
    for first, per_word, value in (
        (arm["NVIC_ICER0"], 32, ONES),
        (arm["NVIC_ICPR0"], 32, ONES),
        (arm["NVIC_IPR0"], 4, 0),
    ):
        for number in range(0, most, per_word):
            assert FINAL[first + 4 * (number // per_word)] == value


def test_every_mpu_region_is_cleared(oracles: Oracles) -> None:
    """The M4 has 8 of them or none."""
    (typer,) = (r for svd in oracles.core_svds for r in svd.at(oracles.arm["MPU_TYPE"]))
    regions = typer.reset >> 8 & 0xFF
    rbar, rasr = oracles.arm["MPU_TYPE"] + 12, oracles.arm["MPU_TYPE"] + 16
    steps = [(address, *values) for line in LINES for address, _, values in line.steps]
    pairs = [
        (value, following)
        for (address, value, *_), following in pairwise(steps)
        if address == rbar
    ]
    assert pairs == [(0x10 | number, (rasr, 0)) for number in range(regions)]


def test_the_change_of_optcr_locks_it_and_starts_nothing(names: Names) -> None:
    """OPTSTRT, one bit further, would program the option bytes."""
    (step,) = (s for line in LINES for s in line.steps if s[0] == table.OPTCR)
    assert step[1:] == (CHANGE, (0, 1))
    assert names.fields(table.OPTCR)["OPTLOCK"] == {1}
