"""The ROM of the bench, and the addresses by which an F4 is known."""

from __future__ import annotations

import re

import pytest

from host_tests.tables.library import RCC, table
from host_tests.tables.oracles import Oracles
from tools.bench import chip
from tools.tables import dies, no_row


@pytest.mark.parametrize("name", chip.names())
def test_the_bench_has_the_same_rom(name: str) -> None:
    """Bootloader ID and USARTs, read from AN2606 for the bench by itself. The other
    interfaces: test_facts.py."""
    bench = chip.load(name)
    ((family, die),) = ((f, d) for f, d in dies() if d.dev_id == bench.dev_id)
    assert (die.rom_id, family.vectors) == (bench.rom["id_address"], bench.rom["vector_table"])
    assert bench.rom["id"] in die.ids
    there = {p.name for p in bench.peripherals}  # a ROM knows more than the smallest part has
    listens = usarts_in(", ".join(map(str, die.listens(bench.rom["id"]))))
    assert [each for each in listens if each[0] in there] == [
        (usart["usart"], usart["tx"], usart["rx"]) for usart in bench.rom["usarts"]
    ]


# AN2606 rev 70, table 226: the PIDs of F0, F4, F7, G0, G4, H5, H7, L0, L1, L4, U5, WB and WL
TABLE_226 = """
440 444 442 445 448  413 419 423 433 458 431 441 421 434 463  452 449 451  466 456 460 467
468 469 479  474 484 478 47A  483 450 480 485  457 425 417 447  416 429 427 436 437
464 435 462 415 461 470 471  455 482 481 476  494 495  497
"""


def test_each_die_of_an2606_has_a_row_or_a_reason() -> None:
    known = {die.dev_id for _, die in dies()}
    assert not known & set(no_row.DIES)
    assert known | set(no_row.DIES) == {int(pid, 16) for pid in TABLE_226.split()}


def usarts_in(text: str) -> list[tuple[str, str, str]]:
    """USART3 PB10/PB11 or PC10/PC11 is two places. What is in () is a remark."""
    return [
        (name, *pins.split("/"))
        for name, places in re.findall(r"(USART\d) ([^,]+)", re.sub(r" \(.*?\)", "", text))
        for pins in places.split(" or ")
    ]


def test_addresses_that_are_read(oracles: Oracles) -> None:
    """IDCODE, FLASH_OPTCR and RCC_CSR, in every SVD file and in MicroPython's own module stm."""
    for svd in oracles.family_svds("STM32F4"):
        assert "DBGMCU_IDCODE" in [register.name for register in svd.at(table.IDCODE)]
        assert [register.name for register in svd.at(table.OPTCR)] == ["OPTCR"]
        assert [register.name for register in svd.at(table.RCC_CSR)] == ["CSR"]
        (optcr,) = svd.at(table.OPTCR)
        assert optcr.fields["RDP"] == 0xFF00  # as Chip.rdp_level() takes it
        (csr,) = svd.at(table.RCC_CSR)
        assert (csr.fields["LSION"], csr.fields["LSIRDY"]) == (1, 2)  # watchdog_runs()
    stm = oracles.micropython
    assert stm["DBGMCU"] + stm["DBGMCU_IDCODE"] == table.IDCODE
    assert stm["FLASH"] + stm["FLASH_OPTCR"] == table.OPTCR
    assert stm["RCC"] + stm["RCC_CSR"] == table.RCC_CSR
    assert stm["RCC"] == RCC


def test_cpuid_of_the_core(oracles: Oracles) -> None:
    """The PARTNO under which chip.py looks for this family, in both descriptions of the M4."""
    for svd in oracles.core_svds:
        (cpuid,) = (register for register in svd.at(oracles.arm["CPUID"]))
        assert cpuid.reset >> 4 & 0xFFF == 0xC24
