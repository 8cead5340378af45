"""The steps that all F4 share: the names of registers and fields, and the values."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import or_

import pytest

from host_tests.tables.library import DIES, LINES, table
from host_tests.tables.names import Names
from host_tests.tables.oracles import Oracles
from tools.tables import cortex_m, f4
from tools.tables.language import Kind, Register, Step

ONES = 0xFFFFFFFF
PPB = 0xE0000000  # the core's own registers are from here on
REGISTERS = {register.address: register for step in LINES for register in step.registers}
each_register = pytest.mark.parametrize("register", REGISTERS.values(), ids=str)

# Cleared by writing 1: their reset value is not what is written.
CLEARED_BY_ONES = {"SR", "PR", "CFSR", "HFSR", "ICSR"} | {
    f"IC{k}R{n}" for k in "EP" for n in range(4)
}

# Registers of the Cortex-M4 that do not start as zero: Arm DDI 0439B table 4-1 (CCR) and
# DDI 0403E B3.2.21 (FPCCR). Neither SVD file has the first, one has the second.
M4_RESETS = {"CCR": 0x00000200, "FPCCR": 0xC0000000}

# What the public files call otherwise.
OTHER_NAMES = {"CTRL": "CSR", "LOAD": "RVR", "VAL": "CVR", "CPUID": "CPUID_BASE"}

# Constants of f4.py that are no field of a register, but a value or a count.
NO_FIELDS = {"IRQS", "REGIONS", "SYSTEM_MEMORY"}


@pytest.fixture(scope="module")
def names(oracles: Oracles) -> Names:
    return Names(oracles)


@each_register
def test_a_register_has_the_name_that_others_give_it(register: Register, names: Names) -> None:
    name = register.name.partition(".")[2]
    assert {name, OTHER_NAMES.get(name, name)} & names.at(register.address)


@pytest.mark.parametrize("block", f4.FAMILY.blocks, ids=lambda block: block.name)
def test_a_block_is_where_others_have_it(
    block: cortex_m.Block, names: Names, oracles: Oracles
) -> None:
    """And so is every register of it, written or not."""
    assert {svd.bases[block.name] for svd in oracles.family_svds("STM32F4")} == {block.base}
    for register in block:
        assert register.name.partition(".")[2] in names.at(register.address), register


FIELDS = {
    name: value
    for name, value in vars(f4).items()
    if name.isupper() and isinstance(value, int) and name not in NO_FIELDS
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_constant_is_the_field_of_that_name(name: str, names: Names) -> None:
    assert FIELDS[name] in names.masks(name)


@pytest.mark.parametrize("step", [s for s in LINES if s.kind in (Kind.CHANGE, Kind.WAIT)], ids=str)
def test_a_mask_is_made_of_whole_fields(step: Step, names: Names) -> None:
    """In at least one file that describes the register."""
    mask = step.values[0] if step.kind is Kind.WAIT else step.values[0] | step.values[1]
    possible = set()
    for register in names.registers[step.registers[0].address]:
        fields = [m for m in register.fields.values() if m & mask]
        possible.add(reduce(or_, fields, 0))
    assert mask in possible


def final_values() -> dict[int, int]:
    """Address -> what the steps leave there; bits that CHANGE does not name are not in it."""
    final: dict[int, int] = {}
    for step in LINES:
        if step.kind in (Kind.WRITE, Kind.FILL):
            final |= {register.address: step.values[0] for register in step.registers}
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
    address = f4.FLASH.SR.address
    flags = {mask for r in names.registers[address] for n, mask in r.fields.items() if n != "BSY"}
    assert FINAL[address] == sum(flags)


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
    most = max(oracles.dies[die.dev_id].interrupts for die in DIES)
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
    writes = [(step.registers[0].address, step.values[0]) for step in LINES]
    pairs = [
        (value, following) for (address, value), following in pairwise(writes) if address == rbar
    ]
    assert pairs == [(0x10 | number, (rasr, 0)) for number in range(regions)]


def test_the_change_of_optcr_locks_it_and_starts_nothing(names: Names) -> None:
    """OPTSTRT, one bit further, would program the option bytes."""
    (step,) = (s for s in LINES if s.registers[0].address == table.OPTCR)
    assert (step.kind, step.values) == (Kind.CHANGE, (0, 1))
    assert 1 in names.masks("OPTLOCK")
