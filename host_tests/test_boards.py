"""What the files of boards/ say of the official build and of the cables."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from host_tests.conftest import REFERENCE
from tools import boards, tables
from tools.bench import chip
from tools.tables.family import Die

EVERY = boards.names()
# Folders of ports/stm32/boards with an mpconfigboard.mk, in MicroPython 1c3c2011: 70 of them are
# in v1.25.0, the others came later.
MICROPYTHON = """
ADAFRUIT_F405_EXPRESS ARDUINO_GIGA ARDUINO_NICLA_VISION ARDUINO_OPTA ARDUINO_PORTENTA_H7
B_L072Z_LRWAN1 B_L475E_IOT01A CERB40 ESPRUINO_PICO GARATRONIC_NADHAT_F405
GARATRONIC_PYBSTICK26_F411 GARATRONIC_PYMATE_CORE8ADI8DOSC HYDRABUS LEGO_HUB_NO6 LEGO_HUB_NO7
LIMIFROG MIKROE_CLICKER2_STM32 MIKROE_QUAIL NETDUINO_PLUS_2 NUCLEO_F091RC NUCLEO_F401RE
NUCLEO_F411RE NUCLEO_F412ZG NUCLEO_F413ZH NUCLEO_F429ZI NUCLEO_F439ZI NUCLEO_F446RE
NUCLEO_F722ZE NUCLEO_F746ZG NUCLEO_F756ZG NUCLEO_F767ZI NUCLEO_G0B1RE NUCLEO_G474RE
NUCLEO_H563ZI NUCLEO_H723ZG NUCLEO_H743ZI NUCLEO_H743ZI2 NUCLEO_H753ZI NUCLEO_H7A3ZI_Q
NUCLEO_L073RZ NUCLEO_L152RE NUCLEO_L432KC NUCLEO_L452RE NUCLEO_L476RG NUCLEO_L4A6ZG
NUCLEO_N657X0 NUCLEO_U5A5ZJ_Q NUCLEO_WB55 NUCLEO_WL55 OLIMEX_E407 OLIMEX_H407 OPENMV_N6
PYBD_SF2 PYBD_SF3 PYBD_SF6 PYBLITEV10 PYBV10 PYBV11 PYBV3 PYBV4 SPARKFUN_MICROMOD_STM32
STM32F411DISC STM32F429DISC STM32F439 STM32F469DISC STM32F4DISC STM32F769DISC STM32F7DISC
STM32H573I_DK STM32H747I_DISCO STM32H7B3I_DK STM32L476DISC STM32L496GDISC USBDONGLE_WB55
VCC_GND_F407VE VCC_GND_F407ZG VCC_GND_H743VI WEACTSTUDIO_MINI_STM32H723
WEACTSTUDIO_MINI_STM32H743 WEACTSTUDIO_MINI_STM32U585 WEACT_F411_BLACKPILL
"""
ON_BENCH = boards.on_bench()


def die(board: boards.Board) -> Die:
    dev_id = chip.load(board.chip).dev_id
    return next(die for _, die in tables.dies() if die.dev_id == dev_id)


def written(folder: Path, text: str) -> boards.Board:
    head = 'name = "X"\nmcu_name = "X"\nchip = "X"\nrefused = "no ROM"\n'
    (folder / "X.toml").write_text(head + text)
    return boards.load("X", folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hse = 8", r"boards/X.toml says 'hse', which nobody reads; known here: name,"),
        ("lse = 1", r"boards/X.toml: lse is 1, and not a bool"),
        ("[memory]\nflash = 1", r"boards/X.toml: \[memory\] says 'flash', which nobody reads"),
        ("[[cable]]\nat = 'CN1'", "a cable has `at` and one of usb, st_link, uart"),
        ("[[cable]]\nat = 'CN1'\nusb = 'A11'", "'A11' are no two pins"),
        ("[official]\nmboot = 'no'", "mboot is one of none, optional, yes"),
        ("[official]\napp_base = 1", "app_base and what lies below it belong together"),
    ],
)
def test_what_nobody_reads_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(boards.BoardFileError, match=words):
        written(tmp_path, text)


def test_a_file_without_a_console_is_no_board_of_the_bench(tmp_path: Path) -> None:
    (tmp_path / "X.toml").write_text('name = "X"\nmcu_name = "X"\nchip = "X"\n')
    with pytest.raises(boards.BoardFileError, match="has no console, memory"):
        boards.load("X", tmp_path)


def test_a_variant_of_a_build_is_the_same_board() -> None:
    found = boards.find("PYBV11-THREAD")
    assert found and found.build == "PYBV11"
    assert boards.find("PYBV") is None and boards.find("") is None


def test_which_interface_a_cable_reaches() -> None:
    listens = ["USART3 PB10/PB11 or PC10/PC11", "USB DFU PA11/PA12", "I2C1 PB6/PB7"]
    usb = boards.Cable("usb", "CN1", "PA11/PA12")
    uart = boards.Cable("uart", "CN2", "PC10/PC11")
    wired = boards.Cable("uart", "CN2", "PC10/PC11", why_not="a capacitor")
    assert usb.interface(listens) == "USB DFU PA11/PA12"
    assert uart.interface(listens) == "USART3 PC10/PC11"
    assert wired.interface(listens) == "" and wired.blocked(listens) == "a capacitor"
    for kind, pins in (("usb", "PB14/PB15"), ("uart", "PA11/PA12"), ("st_link", "PB6/PB7")):
        other = boards.Cable(kind, "CN3", pins)
        assert other.blocked(listens) == f"it is on {pins}, where the ROM does not listen"


def test_every_board_of_micropython_has_a_file() -> None:
    assert set(MICROPYTHON.split()) <= set(EVERY)


@pytest.mark.reference
def test_they_are_those_of_the_collection() -> None:
    assert sorted(_reference()) == sorted(MICROPYTHON.split())


@pytest.mark.parametrize("name", EVERY)
def test_each_board_says_how_to_get_at_its_rom(name: str) -> None:
    board = boards.load(name)
    assert (board.boot0 or board.refused) and board.cables
    assert any(cable.prompt for cable in board.cables)


@pytest.mark.parametrize("name", ON_BENCH)
def test_some_cable_reaches_the_rom(name: str) -> None:
    """And no reason is given for what is so without it."""
    board = boards.load(name)
    listens = [str(i) for i in die(board).interfaces]
    assert any(cable.interface(listens) for cable in board.cables)
    for cable in board.cables:
        if cable.why_not:
            plain = boards.Cable(cable.kind, cable.at, cable.pins)
            assert plain.interface(listens)


@pytest.mark.reference
@pytest.mark.parametrize("name", MICROPYTHON.split())
def test_the_official_build(name: str) -> None:
    """As the project's collection of facts has it, from MicroPython's files."""
    board, known = boards.load(name), _reference()[name]
    assert (board.name, board.mcu_name) == (known["name"], known["mcu_name"])
    assert board.assembler == known["inline_assembler"]
    assert board.mboot == {"default": "yes"}.get(known["mboot"], known["mboot"])
    assert board.app_base == int(known["app_base"], 16)
    assert (board.heap == "SDRAM") == ("SDRAM" in known["heap"]["where"])
    assert board.hook == known["enter_bootloader_via_reset"]
    assert (board.code != "flash") == bool(known["code_in_external_flash"])


@pytest.mark.reference
@pytest.mark.parametrize("name", MICROPYTHON.split())
def test_the_prompts(name: str) -> None:
    """Every connection with a prompt is a cable, and no other has one."""
    repl = _reference()[name]["repl"]
    expected = {
        f"{port['dm']}/{port['dp']}" if port["dm"] else port["port"].removeprefix("HS_")
        for port in repl["usb_ports"]
        if repl["usb"]
    }
    if uart := repl["uart"]:
        expected.add(f"{uart['tx']}/{uart['rx']}")
    assert {cable.pins for cable in boards.load(name).cables if cable.prompt} == expected


@cache
def _reference() -> dict[str, Any]:
    return json.loads((REFERENCE / "boards.json").read_text())["boards"]
