"""The table of the STM32H7 against modm-devices, stm32flash and stm32loader.

No package has an SVD file of an H7. What the project's collection of chip facts has (masks of ST's
headers, embassy's peripherals, AN2606) is compared where it is there; see test_reference.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from stm32loader.bootloader import CHIP_IDS, Stm32Bootloader

from host_tests.conftest import REFERENCE
from host_tests.tables import replay
from host_tests.tables.oracles import Oracles, stm32flash
from tools.tables import h7a
from tools.tables.family import Die, Family
from tools.tables.h7 import FAMILY, IRQS
from tools.tables.language import Register

Row = tuple[Family, Die]
Chip = dict[str, Any]

ROWS: list[Row] = [(family, die) for family in (FAMILY, h7a.FAMILY) for die in family.dies]
each_die = pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[1]))
in_reference = pytest.mark.reference

CPURST = 1 << 31  # RCC.AHB3RSTR of the H72x: it would reset this core
BUSES = ("AHB3", "AHB1", "AHB2", "AHB4", "APB3", "APB1L", "APB1H", "APB2", "APB4")


@each_die
def test_names_memory_and_interrupts(row: Row, oracles: Oracles) -> None:
    """DTCM is where other families have SRAM. AXI SRAM: test_memory."""
    _, die = row
    modm = oracles.dies[die.dev_id]
    names = {name.lower() for name in re.findall(r"[\dAB]\d+", die.name.removeprefix("STM32H7"))}
    assert {name[-2:] for name in names} == modm.names
    assert (0x20000000, modm.sram) in [(ram.base, ram.size) for ram in die.rams]
    assert modm.interrupts <= IRQS


def test_interrupts(oracles: Oracles) -> None:
    assert max(oracles.dies[die.dev_id].interrupts for _, die in ROWS) == IRQS


@pytest.mark.skipif(not stm32flash.installed(), reason="what stm32flash knows: not installed")
def test_stm32flash_has_the_same_chip() -> None:
    """It knows 0x450 only."""
    device, die = stm32flash.ask(0x450), FAMILY.die(0x450)
    assert device.ram in [ram.size for ram in die.rams]
    assert 0x1FF00000 + device.system_memory == FAMILY.rom_end == die.rom_id + 2


def test_stm32loader_knows_no_other() -> None:
    known = {dev_id for dev_id, name in CHIP_IDS.items() if name.startswith("STM32H7")}
    assert known == {die.dev_id for _, die in ROWS}
    assert Stm32Bootloader.FLASH_SIZE_ADDRESS["H7"] == FAMILY.flash_size
    assert Stm32Bootloader.UID_ADDRESS["H7"] == FAMILY.unique_id[0]


def chips(die: Die) -> list[Chip]:
    """The parts of a die in the collection."""
    found = [json.loads(path.read_text()) for path in (REFERENCE / "chips").glob("STM32H7*.json")]
    return [chip for chip in found if int(chip["dev_id"]["value"], 16) == die.dev_id]


def masks(die: Die, block: str) -> dict[str, int]:
    """Register -> the bits that any header of the die's parts implements."""
    found: dict[str, int] = {}
    for chip in chips(die):
        for name, register in chip["registers"][block]["regs"].items():
            found[name] = found.get(name, 0) | int(register.get("mask") or "0", 16)
    return found


@in_reference
@each_die
def test_reset_masks_hold_every_bit_of_the_headers(row: Row) -> None:
    """And none but those of parts that are not in the collection, which modm-devices lists."""
    ours, headers = replay.resets(*row), masks(row[1], "RCC")
    for bus in BUSES:
        theirs = headers[f"{bus}RSTR"] & ~(CPURST if bus == "AHB3" else 0)
        assert ours[f"{bus}RSTR"] & theirs == theirs, bus


@in_reference
@each_die
def test_every_reset_bit_is_that_of_a_peripheral(row: Row, oracles: Oracles) -> None:
    """Embassy says where the bit of each peripheral is on any H7; modm says what the die has."""
    named: dict[tuple[str, int], set[str]] = {}
    for _, die in ROWS:
        for chip in chips(die):
            for item in chip["peripherals"]:
                if reset := item["reset"]:
                    place = (reset["reg"], 1 << reset["bit"])
                    named.setdefault(place, set()).add(item["name"].lower())
    parts = {PARTS.get(part, part) for part in oracles.dies[row[1].dev_id].peripherals}
    headers = masks(row[1], "RCC")
    for name, mask in replay.resets(*row).items():
        for bit in (1 << n for n in range(32) if mask >> n & 1 and not headers[name] >> n & 1):
            assert named.get((name, bit), set()) | set(LATER.get((name, bit), ())) & parts


# modm's name of a peripheral -> embassy's
PARTS = {"hdmi_cec": "cec", "sys": "syscfg", "spdifrx": "spdifrx1", "usb_otg_hs": "usb_otg_hs"}
# Reset bits of parts that the collection has not got, by HAL_DeInit
LATER = {
    ("AHB1RSTR", 1 << 14): ("art",),
    ("APB3RSTR", 1 << 4): ("dsihost",),
    ("AHB3RSTR", 1 << 22): ("otfdec1",),
    ("AHB3RSTR", 1 << 23): ("otfdec2",),
}


@in_reference
@each_die
def test_low_power_clocks_are_all_on(row: Row) -> None:
    """LPENR after a reset: every implemented bit; and what has a reset has a clock."""
    ours, headers = replay.values(*row), masks(row[1], "RCC")
    for bus in BUSES:
        name = f"{bus}LPENR"
        assert ours[f"RCC.{name}"] & headers[name] == headers[name], name


@in_reference
@each_die
def test_registers_are_where_st_has_them(row: Row) -> None:
    """All that the script touches. The manuals' EXTI.CPUIMR1 is IMR1 in the headers."""
    family, die = row
    touched = {register for step in family.script(die) for register in step.registers}
    for chip in chips(die):
        for register in sorted(touched, key=lambda register: register.address):
            block, name = register.name.split(".")
            if block in chip["registers"] and register.block in family.blocks:
                regs = chip["registers"][block]["regs"]
                theirs = {n for n, r in regs.items() if int(r["offset"], 16) == offset(register)}
                assert name.removeprefix("CPU" if block == "EXTI" else "") in theirs, register
        bases = {p["name"]: int(p["base"], 16) for p in chip["peripherals"]}
        assert all(bases[block.name] == block.base for block in family.blocks)


def offset(register: Register) -> int:
    return register.address - register.block.base


@in_reference
@each_die
def test_values_after_a_reset(row: Row) -> None:
    """Of RCC without LPENR, and of PWR where the collection does not repeat the H74x for the H7A.

    Not of CICR, which reads 0; but for bits that the collection is not sure of.
    """
    ours = replay.values(*row)
    for chip in chips(row[1]):
        for name, theirs in chip["registers"]["RCC"]["regs"].items():
            if f"RCC.{name}" in ours and "LPENR" not in name:
                assert same(ours[f"RCC.{name}"], theirs), name
        for name in ("CR1", "CPUCR", "D3CR"):
            if name in chip["registers"]["PWR"]["regs"]:
                assert same(ours[f"PWR.{name}"], chip["registers"]["PWR"]["regs"][name]), name


def same(value: int, register: dict[str, Any]) -> bool:
    known = int(register.get("mask") or "0", 16) & ~int(register["mask_unknown"], 16)
    return value & known == int(register["reset"], 16) & known


@in_reference
@each_die
def test_exti_masks(row: Row) -> None:
    """Lines without an edge detector come from a peripheral directly: their mask is 1."""
    ours, headers = replay.values(*row), masks(row[1], "EXTI")
    for number in (1, 2, 3):
        lines = headers[f"IMR{number}"]
        direct = lines & ~headers[f"RTSR{number}"]
        assert ours[f"EXTI.CPUIMR{number}"] & lines == direct


@in_reference
@each_die
def test_memory_and_places(row: Row) -> None:
    family, die = row
    lines = json.loads((REFERENCE / "roms.json").read_text())["lines"].values()
    (rom,) = (x for x in lines if int(x["dev_id"]["value"], 16) == die.dev_id)
    assert int(rom["vector_table"]["value"], 16) == family.vectors
    assert int(rom["end"]["value"], 16) + 1 == family.rom_end
    assert int(rom["id_addr"]["value"], 16) == die.rom_id
    assert {int(value, 16) for value in rom["ids_known"]["value"]} == set(die.ids)
    assert int(rom["dbgmcu_idcode_addr"]["value"], 16) == family.idcode
    for chip in chips(die):
        memory = {m["name"]: (int(m["base"], 16), m["size"]) for m in chip["memory"]}
        axi, dtcm = [(ram.base, ram.size) for ram in die.rams]
        base, size = memory["AXISRAM"]
        assert (axi, dtcm) == ((base, min(size, 512 * 1024)), memory["DTCM"])
        assert family.pcrop
        for register in family.pcrop.registers:
            theirs = chip["registers"]["FLASH"]["regs"][register.name.split(".")[1]]
            assert int(theirs["offset"], 16) == offset(register)
        assert int(chip["flashsize_addr"], 16) == family.flash_size
        assert int(chip["uid_addr"], 16) == family.unique_id[0]
        blocks = {p["name"]: p for p in chip["peripherals"]}
        assert int(blocks["IWDG1"]["base"], 16) == family.iwdg
        for usart in family.usarts:
            if usart.name in blocks:
                assert int(blocks[usart.name]["base"], 16) == usart.base
                enable = blocks[usart.name]["enable"]
                assert usart.clock.register.name == f"RCC.{enable['reg']}"
                assert usart.clock.number == enable["bit"]
        missing = {u.name for u in family.usarts} - blocks.keys()
        assert missing <= {"UART9", "USART10"}
