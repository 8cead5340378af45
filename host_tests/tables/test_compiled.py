"""The compiled tables: the scripts of the F4 are byte for byte those that were proven."""

from __future__ import annotations

import hashlib

import pytest

from host_tests.tables.library import LIB
from tools.tables import FAMILIES, f4, family, names
from tools.tables.compiler import modules
from tools.tables.language import pack

# SHA-256 of each die's script, without its end: the one that 500 random states of each board have
# tried, and 10,000 but for the last change: APB1ENR and APB2ENR are in the rows, as the clocks of
# RTC and EXTI stay on in F412 and F413. Whoever changes a byte has to say why, and to try again.
PROVEN = {
    0x413: "561d5b017a7a1d285256c4b466adabc8ccc948beb4182beaf97b881db2ef02b1",
    0x419: "b3eca0ef1360922ce84be2fb89138d1c7bdb759454c478f6b896011bb64273fd",
    0x421: "9b43631cfe32bed497f4a8424e92275b4e408160a4b69d893caf076cbaf2cbd2",
    0x423: "7dee810102c37186cdc5cee817e71b380de48ab66c91d21cf5ebb98ae3c89461",
    0x431: "0031b50c700e86f4faef598f992c9e77207436e5f9d6c1621b17bf022b211532",
    0x433: "7dee810102c37186cdc5cee817e71b380de48ab66c91d21cf5ebb98ae3c89461",
    0x434: "9017e0037dcc6e54c6578b2b793116e13bf56cb0af7a86cc92bf87e52edcf87c",
    0x441: "319bad77ef082d49cfa41379b21734cf3fda9980b61094c5929508c2fc124c68",
    0x463: "4c4dbd97b439b9d0a3d66d28da33b5bda8ab8d419a055edc02e851d3bd8e4ef1",
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
