"""A board file, `boards/<name>.toml`: chip, crystals, serial lines, external memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import boards as files
from ..paths import BOARDS
from . import chip

BAUD = 115_200


@dataclass(frozen=True)
class SerialPins:
    """A USART on two pins. `af` is their alternate function, by default that of the chip file;
    `baud` is the speed of the host's end."""

    usart: str
    tx: str
    rx: str
    af: int
    baud: int

    @property
    def pins(self) -> str:
        return f"{self.tx}/{self.rx}"


@dataclass(frozen=True)
class ExternalChip:
    """A memory chip: kind "sdram", "nor" or "qspi"; the bank it is wired to; size in bytes."""

    kind: str
    bank: int
    size: int


@dataclass(frozen=True)
class BoardFile:
    """One board. `hse_hz` is 0 where there is no crystal or clock; `lse` a 32 kHz crystal;
    `pulled_up` are pins that a resistor of the board holds high, such as buttons to ground;
    `option` is a register of FLASH, a mask and a value: option bytes that are not delivered as ST
    delivers them, or nothing."""

    name: str
    chip: str
    hse_hz: int
    lse: bool
    pulled_up: tuple[str, ...]
    option: tuple[Any, ...]
    console: SerialPins
    rom_wire: SerialPins
    external: tuple[ExternalChip, ...]


@cache
def load(name: str, boards: Path = BOARDS) -> BoardFile:
    """The board `name`, such as "NUCLEO_F429ZI".

    Raises:
        ValueError: there is no such file, or no such chip, or what it says is wrong.
    """
    path = boards / f"{name}.toml"
    if not path.is_file():
        raise ValueError(files.unknown(name, boards))
    data = files.read(path)
    if "refused" in data:
        raise ValueError(f"there is no virtual {name}: {data['refused']}")
    try:
        return _parse(data)
    except KeyError as missing:
        raise ValueError(f"boards/{path.name} has no key {missing}") from missing


def _parse(data: Mapping[str, Any]) -> BoardFile:
    external = (
        ExternalChip(line["kind"], line.get("bank", 1), line["size_kib"] * 1024)
        for line in data.get("external", ())
    )
    return BoardFile(
        name=data["name"],
        chip=data["chip"],
        hse_hz=data.get("hse_hz", 0),
        lse=data.get("lse", False),
        pulled_up=tuple(data.get("pulled_up", ())),
        option=tuple(data.get("option", ())),
        console=_pins(data["chip"], data["console"]),
        rom_wire=_pins(data["chip"], data["rom_wire"]),
        external=tuple(external),
    )


def _pins(die: str, line: Mapping[str, Any]) -> SerialPins:
    usart = line["usart"]
    af = line["af"] if "af" in line else chip.load(die).alternate_functions[usart]
    return SerialPins(usart, line["tx"], line["rx"], af, line.get("baud", BAUD))
