"""OpenOCD's drivers of ST's flash interfaces, one for each kind of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# F2, F4 and F7 have their DEV_IDs in a switch, the others have them in tables.
SWITCH = "stm32f2x.c"
TABLES = ("stm32h7x.c", "stm32l4x.c", "stm32lx.c")


OFFSET = re.compile(r"FLASH_([A-Z0-9_]+?)(?:_INDEX\]\s*=)?\s+0x([0-9A-Fa-f]{2,3})\b")
ABSOLUTE = re.compile(r"FLASH_([A-Z0-9]+)\s+0x(4\w{7})")
BANKS = re.compile(r"FLASH_REG_BASE_B(\d)\s+(0x\w+)")


@dataclass(frozen=True)
class Device:
    """flash_size: address of the flash size. idcodes: where the driver looks for IDCODE. flash:
    address of a register of the flash interface -> its names."""

    name: str
    flash_size: int
    idcodes: frozenset[int]
    flash: Mapping[int, frozenset[str]]


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
        base = re.search(r"\.flash_regs_base\s*= (0x\w+)", part)
        bases = {int(base[1], 16): ""} if base else {int(a, 16): n for n, a in BANKS.findall(text)}
        bases = {} if "F_HAS_TZ" in part else bases
        found[int(defines.get(dev_id, dev_id), 16)] = Device(
            name, int(size, 16), idcodes, _registers(text, bases)
        )
    return found


def _registers(text: str, bases: dict[int, str]) -> dict[int, frozenset[str]]:
    """bases: address of a bank -> its number, counted from 0: bank 0 has CR, which is CR1, too."""
    found: dict[int, frozenset[str]] = {}
    layout = re.search(r" stm32l4_flash_regs\[.*?\};", text, re.S)  # those with TrustZone: others
    for name, offset in OFFSET.findall(layout[0] if layout else text):
        for base, bank in bases.items():
            numbered = f"{name}{int(bank) + 1}" if bank else name
            names = {numbered, name} if bank in ("", "0") else {numbered}
            found[base + int(offset, 16)] = frozenset(f"FLASH.{each}" for each in names)
    return found


def _switch(whole: str) -> dict[int, Device]:
    text = whole[whole.index("static int stm32x_probe") :]
    (default,) = re.findall(r"uint32_t flash_size_reg = (0x\w+);", text)
    idcode = frozenset({0xE0042000})  # stm32x_get_device_id()
    flash = {int(at, 16): frozenset({f"FLASH.{name}"}) for name, at in ABSOLUTE.findall(whole)}
    found = {}
    for group in text[: text.index("default:")].split("break;"):
        size = re.search(r"\tflash_size_reg = (0x\w+);", group.partition("switch")[2] or group)
        for dev_id, name in re.findall(r"case (0x\w{3}):\s*/\* (F\S+)", group):
            address = int(size[1] if size else default, 16)
            found[int(dev_id, 16)] = Device(f"STM32{name}", address, idcode, flash)
    return found
