"""OpenOCD's drivers of ST's flash interfaces, one for each kind of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# F2, F4 and F7 have their DEV_IDs in a switch, the others have them in tables.
SWITCH = "stm32f2x.c"
TABLES = ("stm32h7x.c", "stm32l4x.c", "stm32lx.c")


@dataclass(frozen=True)
class Device:
    """flash_size: address of the flash size. idcodes: where the driver looks for IDCODE."""

    name: str
    flash_size: int
    idcodes: frozenset[int]


def devices(folder: Path) -> dict[int, Device]:
    """DEV_ID -> what its driver has of it."""
    header = (folder / "stm32l4x.h").read_text()
    found = _switch((folder / SWITCH).read_text())
    for name in TABLES:
        found |= _table((folder / name).read_text(), header)
    return found


def _table(text: str, header: str) -> dict[int, Device]:
    defines = dict(re.findall(r"#define (\w+)\s+(0x\w+)", header + text))
    idcodes = frozenset(
        int(defines[name], 16) for name in re.findall(r"DBGMCU_IDCODE\w*", text) if name in defines
    )
    found = {}
    for dev_id, part in re.findall(r"\{\s*\.id\s*= (\w+),(.*?)\n\s*\}", text, re.S):
        (name,) = re.findall(r'\.device_str\s*= "(.*?)"', part)
        (size,) = re.findall(r"\.fsize_(?:addr|base)\s*= (0x\w+)", part)
        found[int(defines.get(dev_id, dev_id), 16)] = Device(name, int(size, 16), idcodes)
    return found


def _switch(text: str) -> dict[int, Device]:
    text = text[text.index("static int stm32x_probe") :]
    (default,) = re.findall(r"uint32_t flash_size_reg = (0x\w+);", text)
    idcode = frozenset({0xE0042000})  # stm32x_get_device_id()
    found = {}
    for group in text[: text.index("default:")].split("break;"):
        size = re.search(r"\tflash_size_reg = (0x\w+);", group.partition("switch")[2] or group)
        for dev_id, name in re.findall(r"case (0x\w{3}):\s*/\* (F\S+)", group):
            address = int(size[1] if size else default, 16)
            found[int(dev_id, 16)] = Device(f"STM32{name}", address, idcode)
    return found
