"""What the library's compiled table of the STM32F4 says, with names for its numbers."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from tools.tables import f4
from tools.tables.language import Step, steps

LIB = Path(__file__).parents[2] / "lib" / "romboot"
RCC = 0x40023800
RESETS = ("AHB1RSTR", "AHB2RSTR", "AHB3RSTR", "APB1RSTR", "APB2RSTR")
LPENS = ("AHB1LPENR", "AHB2LPENR", "AHB3LPENR", "APB1LPENR", "APB2LPENR")
MICROPYTHON = SimpleNamespace(const=lambda value: value)


@dataclass(frozen=True)
class Die:
    """A row. values: name of an RCC register -> value, only where the die has it."""

    dev_id: int
    name: str
    sram: int
    interfaces: str
    values: dict[str, int]

    def __str__(self) -> str:
        return f"0x{self.dev_id:03X}"


def load(source: str) -> ModuleType:
    """A module of the library from its text, for what it says and not for what it does."""
    module = ModuleType("romboot_as_data")
    with mock.patch.dict(sys.modules, {"machine": mock.MagicMock(), "micropython": MICROPYTHON}):
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module


def decoded(data: bytes, pairs: bytes) -> Iterator[Any]:
    """The values of FACTS. The format, stated once more on purpose: what writes it is checked."""
    while data:
        kind, data = data[0], data[1:]
        if kind == 0xFF:
            yield int.from_bytes(data[:4], "big")
            data = data[4:]
        elif kind == 0xFC:
            size = int.from_bytes(data[:2], "big")
            yield tuple(decoded(data[2 : 2 + size], pairs))
            data = data[2 + size :]
        elif kind in (0xFD, 0xFE):
            value, data = data[1 : 1 + data[0]], data[1 + data[0] :]
            yield text(value, pairs) if kind == 0xFD else value
        else:
            yield kind


def text(data: bytes, pairs: bytes) -> str:
    """A text is stored from its end. A byte from 0x80 on stands for two others."""
    parts = (
        chr(byte) if byte < 0x80 else text(pairs[2 * byte - 0x100 :][:2], pairs)
        for byte in reversed(data)
    )
    return "".join(parts)


compiled = load((LIB / "stm32f4.py").read_text())
PARTS = "UNIQUE_ID PCROP DUAL_CORE REGISTERS INTERFACES NOTES OPTIONS PROTECTED DIES"
_packed = load((LIB / "stm32f4_facts.py").read_text()).FACTS
_end = 3 + int.from_bytes(_packed[1:3], "big")  # of the pairs, which come first
_facts = dict(zip(PARTS.split(" "), decoded(_packed[_end:], _packed[3:_end]), strict=True))
# The F4 is the first one in the index.
_index = (LIB / "chip.py").read_text().partition("# chips: begin")[2].partition("# chips: end")[0]
_chips = load(f"from micropython import const\n{_index}")._CHIPS
_size, _partno, _idcode, _clock, _bit, _count = struct.unpack_from(">BH2I2B", _chips)
assert _chips[13 + _count :].startswith(b"\x02f4")

table = SimpleNamespace(
    PARTNO=_partno,
    IDCODE=_idcode,
    IDCODE_CLOCK=_clock,
    DEV_IDS=tuple(0x400 | byte for byte in _chips[13 : 13 + _count]),
    VECTORS=compiled.ROM,
    ROM_END=compiled.ROM_END,
    FLASH=compiled.FLASH,
    FLASH_SIZE=compiled.FLASH_SIZE,
    RCC_CSR=compiled.WATCHDOG[0],
    IWDG=compiled.WATCHDOG[2],
    OPTCR=compiled.PROTECTION[0],
    RDP_SHIFT=compiled.PROTECTION[1],
)
facts = SimpleNamespace(UNIQUE_ID=_facts["UNIQUE_ID"][0], PCROP=_facts["PCROP"])


def registers() -> dict[str, int]:
    """The RCC registers that the rows have columns for: name -> address."""
    columns = f"{f4.PULSED} {f4.ENABLES} {f4.LOW_POWER} {f4.CLOCKS}".split()
    return {name: getattr(f4.RCC, name).address for name in columns}


def _dies() -> list[Die]:
    names = {address: name for name, address in registers().items()}
    dies = []
    for dev_id, (kib, script), (name, _, versions, _, _) in zip(
        table.DEV_IDS, compiled.DIES, _facts["DIES"], strict=True
    ):
        values = {names[address]: value for address, value in _rows(script)}
        numbers = dict.fromkeys(number for _, listens, _ in versions for number in listens)
        text = ", ".join(_facts["INTERFACES"][number] for number in numbers)
        dies.append(Die(dev_id, name, kib * 1024, text, values))
    return dies


def _rows(script: bytes) -> Iterator[tuple[int, int]]:
    """Address and value of each register in a die's part of the script.

    The format, stated once more on purpose: what writes it is being checked.
    """
    words = list(struct.unpack(f"<{len(script) // 4}I", script))
    while words:
        base, bits, zero = words[0] - 1, words[1], words[2]
        assert not zero
        present = [i for i in range(31) if bits >> i & 1]
        for i, value in zip(present, words[3:], strict=False):
            yield base + 4 * i, value
        words = words[3 + len(present) :]


DIES = _dies()
LINES: list[Step] = list(steps([f4.FAMILY.before, f4.FAMILY.after]))
