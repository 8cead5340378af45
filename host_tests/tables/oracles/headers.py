"""ST's CMSIS headers, as two packages carry them on: qiling and MicroPython's stubs."""

from __future__ import annotations

import ast
import re
from importlib.metadata import files
from pathlib import Path

WORD = 4


def bases(folder: Path) -> dict[str, dict[str, int]]:
    """STM32F4xx -> peripheral -> base address."""
    return {name: _column(path, "peripheral") for name, path in _maps(folder).items()}


def system_memory(folder: Path) -> dict[str, tuple[int, int]]:
    """STM32F4xx -> (address, bytes) of the factory ROM."""
    maps = {name: _map(path)["SYSTEM"] for name, path in _maps(folder).items()}
    return {name: (item["base"], item["size"]) for name, item in maps.items()}


def rcc_layouts(folder: Path) -> dict[str, dict[str, int]]:
    """Header (as "stm32f405xx") -> register of RCC -> offset."""
    layouts = {}
    for path in sorted(folder.glob("stm32f4xx_rcc*.py")):
        for text in re.split(r"\n    class Type", path.read_text())[1:]:
            headers = re.findall(r"(stm32f4\w+)\.h", text)
            text = text.split("]\n")[0]
            offset, layout = 0, {}
            for name, words in re.findall(r"\('(\w+)'\s*, ctypes\.c_uint32(?: \* (\d))?\)", text):
                if not name.startswith("RESERVED"):
                    layout[name] = offset
                offset += WORD * int(words or 1)
            layouts |= {header: layout for header in headers}
    return layouts


def micropython_names() -> dict[str, int]:
    """Name -> address or offset, as the module stm of an F405 has it (from stm32f405xx.h)."""
    installed = files("micropython-stm32-stubs") or []
    text = next(path for path in installed if path.name == "stm.pyi").read_text()
    lines = re.findall(r"^(\w+): Final\[int\] = (\d+)", text, re.M)
    return {name: int(value) for name, value in lines}


def _maps(folder: Path) -> dict[str, Path]:
    return {path.stem.upper(): path for path in sorted(folder.glob("stm32f4[0-9][0-9].py"))}


def _map(path: Path) -> dict[str, dict[str, int]]:
    assignment = ast.parse(path.read_text()).body[-1]
    assert isinstance(assignment, ast.Assign)
    return ast.literal_eval(assignment.value)


def _column(path: Path, kind: str) -> dict[str, int]:
    items = _map(path).items()
    return {name: item["base"] for name, item in items if str(item["type"]) == kind}
