"""What chip.image() needs of a chip."""

from __future__ import annotations

import struct
from types import SimpleNamespace


def chip(
    before: bytes, own: bytes, after: bytes, ram: tuple[int, int], mpu: tuple[int, int]
) -> SimpleNamespace:
    """A chip with a script of these three chunks, with this SRAM, and RBAR and RASR for it."""
    header = struct.pack("<5I", 0, 0, 0, *mpu)
    family = SimpleNamespace(SCRIPT=(header + before, after), DIES=((0, own),))
    return SimpleNamespace(family=family, number=0, ram=ram)
