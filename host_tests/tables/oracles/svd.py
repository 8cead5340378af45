"""CMSIS-SVD files: enough of a reader for ST's and NXP's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Register:
    """fields: name -> mask in the register."""

    block: str
    name: str
    address: int
    reset: int
    fields: dict[str, int]

    @property
    def mask(self) -> int:
        """Every bit that the file describes."""
        mask = 0
        for field in self.fields.values():
            mask |= field
        return mask


@dataclass(frozen=True)
class Svd:
    """One file. bases: name of the peripheral -> address."""

    name: str
    bases: dict[str, int]
    registers: tuple[Register, ...]

    def at(self, address: int) -> list[Register]:
        """The registers at an address: mostly one, sometimes of two blocks."""
        return [register for register in self.registers if register.address == address]


@cache
def load(path: Path) -> Svd:
    """Read a file."""
    peripherals = {_text(p, "name"): p for p in ET.parse(path).getroot().iter("peripheral")}
    bases = {name: _number(_text(p, "baseAddress")) for name, p in peripherals.items()}
    registers: list[Register] = []
    for name, peripheral in peripherals.items():
        source = peripherals[peripheral.get("derivedFrom", name)]
        registers += (_register(name, bases[name], item) for item in source.iter("register"))
    return Svd(path.stem, bases, tuple(registers))


def _register(block: str, base: int, item: ET.Element) -> Register:
    return Register(
        block,
        _text(item, "name"),
        base + _number(_text(item, "addressOffset")),
        _number(item.findtext("resetValue", "0")),
        {_text(field, "name"): _mask(field) for field in item.iter("field")},
    )


def _mask(field: ET.Element) -> int:
    bit_range = field.findtext("bitRange")  # [msb:lsb], or one of two pairs of elements
    if bit_range:
        high, low = (int(part) for part in bit_range.strip("[]").split(":"))
    elif field.findtext("lsb"):
        high, low = _number(_text(field, "msb")), _number(_text(field, "lsb"))
    else:
        low = _number(_text(field, "bitOffset"))
        high = low + _number(_text(field, "bitWidth")) - 1
    return (1 << high + 1) - (1 << low)


def _text(item: ET.Element, tag: str) -> str:
    text = item.findtext(tag)
    assert text is not None, f"no <{tag}> in <{item.tag}>"
    return text.strip()


def _number(text: str) -> int:
    text = text.strip().lower()
    return int(text, 16) if text.startswith("0x") else int(text, 10)
