"""romboot's table of the STM32F4, as a reader of the source sees it: numbers with their names."""

from __future__ import annotations

import ast
import io
import re
import struct
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

LIB = Path(__file__).parents[2] / "lib" / "romboot"
SOURCE = LIB / "stm32f4.py"
RCC = 0x40023800
RESETS = ("AHB1RSTR", "AHB2RSTR", "AHB3RSTR", "APB1RSTR", "APB2RSTR")
LPENS = ("AHB1LPENR", "AHB2LPENR", "AHB3LPENR", "APB1LPENR", "APB2LPENR")
WRITE, FILL, CHANGE, WAIT = range(4)


@dataclass(frozen=True)
class Die:
    """A row. values: name of an RCC register -> value, only where the die has it."""

    dev_id: int
    name: str
    sram: int
    id_address: int
    interfaces: str
    values: dict[str, int]

    def __str__(self) -> str:
        return f"0x{self.dev_id:03X}"


@dataclass(frozen=True)
class Line:
    """One source line of the script: its steps as (address, kind, values), and its comment."""

    number: int
    step: str
    steps: tuple[tuple[int, int, tuple[int, ...]], ...]
    comment: str

    def __str__(self) -> str:
        return f"line {self.number}"


# RM0090 7.3: the registers that the rows may have
OFFSETS = {
    "AHB1RSTR": 0x10,
    "AHB2RSTR": 0x14,
    "AHB3RSTR": 0x18,
    "APB1RSTR": 0x20,
    "APB2RSTR": 0x24,
    "CIR": 0x0C,
    "AHB1ENR": 0x30,
    "AHB3ENR": 0x38,
    "AHB1LPENR": 0x50,
    "AHB2LPENR": 0x54,
    "AHB3LPENR": 0x58,
    "APB1LPENR": 0x60,
    "APB2LPENR": 0x64,
    "PLLI2SCFGR": 0x84,
    "PLLSAICFGR": 0x88,
    "DCKCFGR": 0x8C,
    "CKGATENR": 0x90,
    "DCKCFGR2": 0x94,
}
MICROPYTHON = SimpleNamespace(const=lambda value: value)


def load(source: str) -> ModuleType:
    """A module of the library from its text, for what it says and not for what it does."""
    module = ModuleType("romboot_as_data")
    with mock.patch.dict(sys.modules, {"machine": mock.MagicMock(), "micropython": MICROPYTHON}):
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module


table = load(SOURCE.read_text())
facts = load((LIB / "stm32f4_facts.py").read_text())


def registers() -> dict[str, int]:
    """The RCC registers that the rows have columns for: name -> address, in the source's order."""
    return {name: RCC + offset for name, offset in OFFSETS.items()}


def _dies() -> list[Die]:
    assert facts.DIES.keys() == table.DIES.keys(), "a die has its row in one of the files only"
    dies = []
    for dev_id, (kib, values) in table.DIES.items():
        name, id_address, interfaces = facts.DIES[dev_id]
        names = {address: name for name, address in registers().items()}
        present = {names[address]: value for address, value in _row(values)}
        dies.append(Die(dev_id, name, kib * 1024, id_address, interfaces, present))
    return dies


def _row(script: bytes) -> Iterator[tuple[int, int]]:
    """Address and value of each register in a row's part of the script."""
    words = list(struct.unpack(f">{len(script) // 4}I", script))
    while words:
        base, bits, zero = words[0] - 1, words[1], words[2]
        assert not zero
        present = [i for i in range(31) if bits >> i & 1]
        for i, value in zip(present, words[3:], strict=False):
            yield base + 4 * i, value
        words = words[3 + len(present) :]


def lines() -> list[Line]:
    """The lines of _BEFORE and _AFTER."""
    text = SOURCE.read_text()
    found: list[Line] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("_BEFORE", "_AFTER"):
            assert node.end_lineno
            source = text.splitlines()[node.lineno : node.end_lineno - 1]
            found += _lines(source, node.lineno + 1)
    return found


def _lines(source: list[str], first: int) -> list[Line]:
    found: list[Line] = []
    step = ""
    for number, text in enumerate(source, first):
        code, comment = _split(text)
        if match := re.match(r"step: (\w+)", comment):
            step = match[1]
        if code:
            found.append(Line(number, step, _steps(code), comment))
    return found


def _split(text: str) -> tuple[list[int], str]:
    words: list[int] = []
    comment = ""
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        if token.type == tokenize.STRING:
            words.append(int.from_bytes(ast.literal_eval(token.string), "big"))
        elif token.type == tokenize.COMMENT:
            comment = token.string.lstrip("# ")
    return words, comment


def _steps(words: list[int]) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    # The format, stated once more on purpose: romboot.script is what is being checked.
    found: list[tuple[int, int, tuple[int, ...]]] = []
    while words:
        kind = words[0] & 3
        length = (2, 3, 3, 4)[kind]
        found.append((words[0] & ~3, kind, tuple(words[1:length])))
        words = words[length:]
    return tuple(found)


DIES = _dies()
LINES = lines()
