"""The contents of the virtual system memory (AN2606).

ST's code is not in it: there is a vector table whose vectors lead to endless loops, the bootloader
ID at its address, and filler everywhere else. The CPU stays in a loop while `rom/` answers the
host.
"""

from __future__ import annotations

import random
from functools import cache

from .chip import Chip, Region
from .cpu.memory import PAGE, Memory
from .lot import UID

BRANCH_TO_SELF = b"\xfe\xe7"  # b .
ERASED = 0xFF
READ_ONLY = ("system", "otp", "factory", "options")  # kinds of memory


def build(chip: Chip) -> dict[int, Memory]:
    """System memory, OTP area, factory and option bytes by base address; regions that share a
    page are one memory."""
    found: dict[int, Memory] = {}
    for base, end in _pieces(sorted((r for r in chip.memory if r.kind in READ_ONLY), key=_base)):
        found[base] = Memory(-(-(end - base) // PAGE) * PAGE, fill=ERASED, name="system memory")
    system = chip.region("SYSTEM")
    rom = chip.rom
    _write(found, system.base, _filler(chip.dev_id, system.size))
    for region in chip.memory:
        if region.kind == "otp":  # on an F72x within the ROM
            _write(found, region.base, bytes([ERASED]) * region.size)
    for table in (rom["vector_table"], *rom.get("more_vector_tables", ())):
        _write(found, table, _vector_table(chip))
    _write(found, rom["base"] + rom["reset_offset"], BRANCH_TO_SELF * 2)
    _write(found, rom["id_address"], bytes([rom["id"]]))
    uid = chip.factory["uid"]
    _write(found, uid, UID[:8])
    _write(found, chip.factory.get("uid_third_word", uid + 8), UID[8:])
    if "line_id" in chip.factory:
        address, name = chip.factory["line_id"]
        _write(found, address, name.encode()[::-1])
    kib = chip.region("FLASH").size // 1024
    for address, value in [(chip.factory["flash_kib"], kib), *chip.factory["calibration"]]:
        _write(found, address, value.to_bytes(2, "little"))
    return found


def _base(region: Region) -> int:
    return region.base


def _pieces(regions: list[Region]) -> list[tuple[int, int]]:
    """First address and end of each."""
    pieces: list[tuple[int, int]] = []
    for region in regions:
        if pieces and region.base - pieces[-1][1] < PAGE:
            pieces[-1] = pieces[-1][0], max(pieces[-1][1], region.end)
        else:
            pieces.append((region.base, region.end))
    return pieces


def _write(memories: dict[int, Memory], address: int, data: bytes) -> None:
    base = max(base for base in memories if base <= address)
    memories[base].write(address - base, data)


@cache
def _filler(seed: int, size: int) -> bytes:
    """Cached: it takes longer than the rest of a board."""
    noise = random.Random(seed)
    return bytes(noise.randrange(1, 255) for _ in range(size))


def initial_sp(chip: Chip) -> int:
    """Word 0 of the ROM's vector table: the end of the RAM that the ROM uses."""
    return chip.rom["ram_base"] + chip.rom["ram_size"]


def reset_vector(chip: Chip) -> int:
    """Word 1 of the ROM's vector table, with the Thumb bit."""
    return chip.rom["base"] + chip.rom["reset_offset"] | 1


def _vector_table(chip: Chip) -> bytes:
    """Each exception leads to a loop of its own, so that the PC shows which one was taken."""
    handler = reset_vector(chip) + 2
    words = [initial_sp(chip), reset_vector(chip), *[handler] * (chip.rom["vectors"] - 2)]
    return b"".join(word.to_bytes(4, "little") for word in words)
