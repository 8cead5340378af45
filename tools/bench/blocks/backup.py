"""Backup SRAM: keeps its contents over resets, writable with PWR_CR.DBP (RM0090 5.1.2)."""

from __future__ import annotations

from ..chip import Region
from .base import System


class BackupSram:
    def __init__(self, region: Region, system: System) -> None:
        self.name = region.name
        self.base = region.base
        self.size = region.size
        self.bytes = bytearray(region.size)
        self.clocked = False
        self._system = system

    def read(self, offset: int, size: int) -> int:
        if not self.clocked:
            return 0
        return int.from_bytes(self.bytes[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        if self.clocked and self._system.block("PWR").get("CR") & 1 << 8:
            self.bytes[offset : offset + size] = value.to_bytes(size, "little")

    def reset(self) -> None:
        """A system reset keeps the contents."""

    def set_clock(self, on: bool) -> None:
        self.clocked = on
