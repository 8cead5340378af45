"""The virtual system memory: what the CPU finds at 0x1FFF0000 (RM0090 3.4, AN2606).

ST's code is not in it. There is a vector table whose vectors lead to endless loops, the bootloader
identifier where AN2606 says, and filler everywhere else: the CPU stays in the loop, and `rom.py`
does the talking.
"""

from __future__ import annotations

import random
from functools import cache

from .chip import Chip
from .cpu.memory import PAGE, Memory

BRANCH_TO_SELF = b"\xfe\xe7"  # b .
VECTORS = 98  # 16 of the core and 82 interrupts, as the smallest F4
UID = bytes.fromhex("290030000B51383333323731")  # lot, wafer and position: any will do
ERASED = 0xFF
# Raw readings at 3.3 V: VREFINT (1.21 V), temperature sensor at 30 and 110 degrees C; typical
# values, the real ones differ from part to part (DS9405, ADC characteristics).
CALIBRATION = {"vrefin_cal": 1502, "ts_cal1": 943, "ts_cal2": 1192}


def build(chip: Chip) -> Memory:
    """System memory, OTP area and factory bytes of `chip` in one piece."""
    system = chip.region("SYSTEM")
    end = max(r.end for r in chip.memory if r.kind in ("system", "otp", "factory"))
    size = -(-(end - system.base) // PAGE) * PAGE
    memory = Memory(size, fill=ERASED, name="system memory")
    memory.write(0, _filler(chip.dev_id, system.size))
    memory.write(chip.rom["vector_table"] - system.base, _vector_table(chip))
    memory.write(chip.rom["reset_offset"], BRANCH_TO_SELF * 2)
    memory.store(chip.rom["id_address"] - system.base, 1, chip.rom["id"])
    _write_factory_bytes(chip, memory, system.base)
    return memory


@cache
def _filler(seed: int, size: int) -> bytes:
    """Kept, as making it takes longer than all the rest of a board."""
    noise = random.Random(seed)
    return bytes(noise.randrange(1, 255) for _ in range(size))


def initial_sp(chip: Chip) -> int:
    """Word 0 of the ROM's vector table: the end of the RAM that the ROM uses."""
    return chip.rom["ram_base"] + chip.rom["ram_size"]


def reset_vector(chip: Chip) -> int:
    """Word 1 of the ROM's vector table, with the Thumb bit."""
    return chip.rom["base"] + chip.rom["reset_offset"] | 1


def _vector_table(chip: Chip) -> bytes:
    """Every exception leads to a loop of its own, so that it can be seen."""
    handler = reset_vector(chip) + 2
    words = [initial_sp(chip), reset_vector(chip), *[handler] * (VECTORS - 2)]
    return b"".join(word.to_bytes(4, "little") for word in words)


def _write_factory_bytes(chip: Chip, memory: Memory, base: int) -> None:
    memory.write(chip.factory["uid"] - base, UID)
    memory.store(chip.factory["flash_kib"] - base, 2, chip.region("FLASH").size // 1024)
    for name, value in CALIBRATION.items():
        memory.store(chip.factory[name] - base, 2, value)
