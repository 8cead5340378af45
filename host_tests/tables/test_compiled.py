"""The compiled tables: the scripts of the F4 are byte for byte those that were proven."""

from __future__ import annotations

import hashlib

import pytest

from host_tests.tables.library import LIB
from tools.tables import FAMILIES, f4, family, names
from tools.tables.compiler import modules
from tools.tables.language import pack

# SHA-256 of each die's script, without its end: the one that 500 random states of each board have
# tried, and 10,000 but for the last change (the clocks of RTC and EXTI on F412 and F413). Whoever
# changes a byte has to say why, and to try again.
PROVEN = {
    0x413: "9161a9d22acd6875f9fb55ba21cfeb587e08a30435ee2ae1311efd52e75765c1",
    0x419: "80b4fc9acc65d4392cde6841796e14b5a1d0d800c61db269f341d67300bbba8e",
    0x421: "5a2c5a3989c17c7cfebd88073740c5276d513ac2f31db97fb5df3daba11db414",
    0x423: "146f967448c0d7da887c1e075f7395ac13b0005b9815a62483c8d7aee65131b8",
    0x431: "54b1f2cfbf5391760499268340e5e7b2b05e2423731b83cbfeffe9f20d69911a",
    0x433: "146f967448c0d7da887c1e075f7395ac13b0005b9815a62483c8d7aee65131b8",
    0x434: "641f6167d5a380850b60fffaea246b82c222ea6818524b194f228df6b1d5520b",
    0x441: "2ac8e94568df1ea99bec3d3cd2273c38f301d5fec27e22e4b3eb64251dc3d79e",
    0x463: "56cf5118f6c7f8036caed4e89ef8f83e4f6b95955faae8a858c7077f157b79ba",
}


@pytest.mark.parametrize("dev_id", PROVEN, ids=hex)
def test_the_script_of_an_f4_is_the_proven_one(dev_id: int) -> None:
    script = pack(f4.FAMILY.script(f4.FAMILY.die(dev_id)))
    assert hashlib.sha256(script).hexdigest() == PROVEN[dev_id]


def test_every_f4_has_been_proven() -> None:
    assert [die.dev_id for die in f4.DIES] == list(PROVEN)


@pytest.mark.parametrize("name", modules(FAMILIES))
def test_the_committed_module_is_what_the_tables_compile_to(name: str) -> None:
    """If not: python -m tools.tables."""
    assert (LIB / name).read_text() == modules(FAMILIES)[name]


def test_names_are_those_of_the_manuals() -> None:
    assert names(0x40023810, f4.FAMILY) == "RCC.AHB1RSTR"
    assert names(0xE000E184, f4.FAMILY) == "NVIC.ICER1"
    assert names(0x40023C04, f4.FAMILY) == "FLASH.KEYR"
    assert names(0x40023C18, f4.FAMILY) == "FLASH.OPTCR1"
    assert names(0x40023C1C, f4.FAMILY) == ""


def test_a_family_is_found_by_the_name_of_its_module() -> None:
    assert family("stm32f4") is f4.FAMILY
    with pytest.raises(KeyError, match="STM32F4"):
        family("stm32f9")
