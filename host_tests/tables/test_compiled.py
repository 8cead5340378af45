"""The compiled tables: the scripts of the F4 are byte for byte those that were proven."""

from __future__ import annotations

import hashlib

import pytest

from host_tests.tables.library import LIB
from tools.tables import FAMILIES, f4, family, names
from tools.tables.compiler import modules
from tools.tables.language import pack

# SHA-256 of each die's script, without its end, as of c26a6ac: the one that 10,000 random states
# of each board have tried. Whoever changes a byte has to say why, and to try again.
PROVEN = {
    0x413: "a0f304eb738b0574dafed9d9c4055d4ed4610bd27e1bfef78ab87f018ff1f7c7",
    0x419: "5961deb2735aac20c26f6ffc2d61b13bfb61a7c74858d85ac0b9471ca44c8b2a",
    0x421: "fce9c4931522f7330d8d600219f64e4079caa0235c654d2db08adb4e028a0e97",
    0x423: "f5a30b9416b0473f155b0658010784b07f27935e5dcd66591c4361040278a4f2",
    0x431: "22f8c68e56166cff118294e0cccc463bf85dbcd54ac0e281b5ddb09c655263e1",
    0x433: "f5a30b9416b0473f155b0658010784b07f27935e5dcd66591c4361040278a4f2",
    0x434: "77032848c7ffb0ade61f2bf1560105f031c7eb91e189f2e3e087742b04346e4d",
    0x441: "cd920b7abe374eac0b37c114880f80e5603010c9aef20ace6b7a9751b610aa66",
    0x463: "e0a0ef4a116d70649424205331498418112f52c8b3936dfed88f68e948d982ed",
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
