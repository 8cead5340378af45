"""The chip files of stlink-tools: KEY VALUE // COMMENT."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Device:
    """ram: bytes, CCM included. rom: its first address, and the first one behind it."""

    name: str
    flash_size: int
    ram: int
    rom: tuple[int, int]


def devices(folder: Path) -> dict[int, Device]:
    """DEV_ID -> what its file says."""
    found = {}
    for path in sorted(folder.glob("*.chip")):
        values = dict(re.findall(r"^(\w+)\s+(\S+)", path.read_text(), re.M))
        start = int(values["bootrom_base"], 0)
        found[int(values["chip_id"], 0)] = Device(
            values["dev_type"],
            int(values["flash_size_reg"], 0),
            int(values["sram_size"], 0),
            (start, start + int(values["bootrom_size"], 0)),
        )
    return found
