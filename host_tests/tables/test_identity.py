"""Who a chip is, how much SRAM it has and where its ROM is."""

from __future__ import annotations

import re

import pytest
from stm32loader.bootloader import CHIP_IDS, Stm32Bootloader

from host_tests.tables.library import DIES, RCC, Die, facts, table
from host_tests.tables.oracles import Oracles, stm32flash
from tools.bench import chip
from tools.tables import f4, h7, l0

needs_stm32flash = pytest.mark.skipif(
    not stm32flash.installed(), reason="whether stm32flash knows the dies so: it is not installed"
)

# AN2606 rev 70 Table 226 gives the F469 384 KiB: RM0386 2.3.1 has 320 KiB of SRAM and 64 of CCM.
# For the other dies with CCM, F405 (RM0090 2.3.1: 128 and 64) and F429 (192 and 64), it does not.
COUNTED_WITH_CCM = 0x434

each_die = pytest.mark.parametrize("die", DIES, ids=str)


@each_die
def test_dev_id_is_that_of_the_parts_in_the_name(die: Die, oracles: Oracles) -> None:
    names = set(re.findall(r"(?:F|/)4(\d\d)", die.name))
    sizes = set(re.findall(r"x([A-Z])", die.name))
    modm = oracles.dies[die.dev_id]
    assert names == modm.names
    assert not sizes or {size.lower() for size in sizes} == modm.sizes


def test_every_f4_that_stm32loader_knows_is_here() -> None:
    known = {dev_id for dev_id, name in CHIP_IDS.items() if name.startswith("STM32F4")}
    assert known and known <= {die.dev_id for die in DIES}


@each_die
def test_sram(die: Die, oracles: Oracles) -> None:
    """From 0x20000000 without a gap, CCM not counted."""
    assert die.sram == oracles.dies[die.dev_id].sram


@each_die
@needs_stm32flash
def test_stm32flash_has_the_same_chip(die: Die, oracles: Oracles) -> None:
    """stm32flash copies the RAM of AN2606 Table 226. How much of it is CCM says modm-devices."""
    device = stm32flash.ask(die.dev_id)
    assert set(re.findall(r"\d\d", device.name[7:])) <= set(re.findall(r"\d\d", die.name[7:]))
    counted = oracles.dies[die.dev_id].ccm if die.dev_id == COUNTED_WITH_CCM else 0
    assert device.ram == die.sram + counted
    assert device.system_memory == table.ROM_END - table.VECTORS


@each_die
def test_system_memory(die: Die, oracles: Oracles) -> None:
    places = {oracles.system_memory[part] for part in oracles.part_names(die.dev_id)}
    assert places == {(table.VECTORS, table.ROM_END - table.VECTORS)}


@pytest.mark.parametrize("name", chip.names())
def test_the_bench_has_the_same_rom(name: str) -> None:
    """Bootloader ID and USARTs, read from AN2606 for the bench by itself. test_reference.py has
    the other interfaces."""
    bench = chip.load(name)
    families = (f4.FAMILY, h7.FAMILY, l0.FAMILY)
    (family,) = (f for f in families if bench.dev_id in [die.dev_id for die in f.dies])
    die = family.die(bench.dev_id)
    assert (die.rom_id, family.vectors) == (bench.rom["id_address"], bench.rom["vector_table"])
    assert bench.rom["id"] in die.ids
    assert usarts_in(", ".join(map(str, die.listens(bench.rom["id"])))) == [
        (usart["usart"], usart["tx"], usart["rx"]) for usart in bench.rom["usarts"]
    ]


def usarts_in(text: str) -> list[tuple[str, str, str]]:
    """USART3 PB10/PB11 or PC10/PC11 is two places."""
    return [
        (name, *pins.split("/"))
        for name, places in re.findall(r"(USART\d) ([^,]+)", text)
        for pins in places.split(" or ")
    ]


def test_flash_size_and_unique_id() -> None:
    assert Stm32Bootloader.FLASH_SIZE_ADDRESS["F4"] == table.FLASH_SIZE
    assert Stm32Bootloader.UID_ADDRESS["F4"] == facts.UNIQUE_ID


def test_addresses_that_are_read(oracles: Oracles) -> None:
    """IDCODE, FLASH_OPTCR and RCC_CSR, in every SVD file and in MicroPython's own module stm."""
    for svd in oracles.every_svd:
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
