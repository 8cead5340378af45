"""RAM on a peripheral bus: backup SRAM, and packet memories of USB and CAN.

It keeps its contents over resets. Without its clock it reads as 0 and drops writes. Backup SRAM is
writable with PWR's DBP only (RM0090 5.1.2).
"""

from __future__ import annotations

from ..chip import Region
from .base import System


class PeripheralRam:
    def __init__(self, region: Region, system: System) -> None:
        self.name = region.name
        self.base = region.base
        self.size = region.size
        self.region = region
        self.bytes = bytearray(region.size)
        self.clocked = region.enable is None
        self._system = system

    def read(self, offset: int, size: int) -> int:
        if not self.clocked:
            return 0
        return int.from_bytes(self.bytes[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        protected = self.region.kind == "backup" and not self._system.backup_writable()
        if self.clocked and not protected:
            self.bytes[offset : offset + size] = value.to_bytes(size, "little")

    def reset(self) -> None:
        """A system reset keeps the contents."""

    def set_clock(self, on: bool) -> None:
        self.clocked = on
