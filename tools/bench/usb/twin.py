"""The chip of a second DFU device: nothing but flash."""

from __future__ import annotations

from dataclasses import dataclass

from ..rom import BusFault, RomFacts
from ..rom.memory import RDP_LEVEL_0


@dataclass
class BlankOptions:
    """Nothing is protected."""

    rdp: int = RDP_LEVEL_0
    user: int = 0xEF
    nwrp: int = -1
    writable: int = -1


class BlankMemory:
    """A `RomMemory` whose flash is erased, and which has nothing else."""

    def __init__(self, facts: RomFacts) -> None:
        self.options = BlankOptions()
        self._base = facts.sectors[0].base
        self._flash = bytearray([facts.erased]) * (facts.sectors[-1].end - self._base)

    def _offset(self, address: int, length: int) -> int:
        offset = address - self._base
        if not 0 <= offset <= offset + length <= len(self._flash):
            raise BusFault(f"{length} bytes at 0x{address:08X}")
        return offset

    def read(self, address: int, length: int) -> bytes:
        offset = self._offset(address, length)
        return bytes(self._flash[offset : offset + length])

    def write(self, address: int, data: bytes) -> None:
        offset = self._offset(address, len(data))
        self._flash[offset : offset + len(data)] = data

    def clear_ram(self) -> None:
        pass
