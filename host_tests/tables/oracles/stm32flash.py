"""stm32flash's table of chips: that of AN2606 which it was made from, some entries as comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SRAM = 0x20000000
ROW = re.compile(r"\{(0x\w{3}), \"(.*?)\"\s*,(.*?)\}")


@dataclass(frozen=True)
class Device:
    """ram: bytes. rom: its first address, and the first one behind it."""

    name: str
    ram: int
    rom: tuple[int, int]


def devices(folder: Path) -> dict[int, Device]:
    """DEV_ID -> what stm32flash has of it."""
    found = {}
    for dev_id, name, numbers in ROW.findall((folder / "dev_table.c").read_text()):
        columns = [column.strip() for column in numbers.split(",")]
        ram, start, end = (int(columns[i], 16) for i in (1, 8, 9))
        found[int(dev_id, 16)] = Device(name, ram - SRAM, (start, end))
    return found
