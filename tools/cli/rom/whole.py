"""Whether there is firmware that could be started. flash writes a vector table last, and erases it
first: so there is none where a flashing was interrupted."""

from __future__ import annotations

import struct

from .image import RAM
from .rom import Rom

FLASH = range(0x08000000, 0x08800000)  # of any STM32; PM0214 and the like, memory map
LOOK = 16  # bytes of the first instructions; no code is as erased flash


def why_not(rom: Rom, address: int) -> str:
    """Why nothing can be started there, as a sentence; "" if there may be firmware.

    Args:
        rom: it is asked for a few bytes.
        address: of the vector table.
    """
    table = rom.read(address, 8, lambda _: None)
    if _erased(table):
        return f"there is no vector table at 0x{address:08X}: the flash is erased there"
    stack, entry = struct.unpack("<2I", table)
    rams = [range(r.base, r.end + 1) for r in rom.chip[1].rams] if rom.chip else RAM
    if stack % 4 or not any(stack in ram for ram in rams) or not entry & 1 or entry not in FLASH:
        return (
            f"at 0x{address:08X} is no vector table: a stack at 0x{stack:08X} and a first "
            f"instruction at 0x{entry:08X} cannot be"
        )
    if _erased(rom.read(entry & ~3, LOOK, lambda _: None)):
        return f"its first instruction would be at 0x{entry:08X}, and the flash is erased there"
    return ""


def _erased(data: bytes) -> bool:
    """An L0 and L1 has zeros there."""
    return set(data) in ({0xFF}, {0x00})
