"""How an address is cached: by the default memory map or by the MPU (DDI 0403E B3.1, B3.5.9)."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from .mpu import Region


class Policy(enum.Enum):
    NOT_CACHED = "not cached"
    WRITE_THROUGH = "write-through"
    WRITE_BACK = "write-back"


NC, WT, WB = Policy
# By the three highest bits of the address: code, SRAM, peripherals, RAM, RAM, devices, system.
_DEFAULT = (WT, WB, NC, WB, WT, NC, NC, NC)
_INNER = (NC, WB, WT, WB)  # by C and B, where TEX is 1xx
_PLAIN = {(0, 2): WT, (0, 3): WB, (1, 3): WB}  # by TEX, C and B; the others are not cached


def of_region(rasr: int) -> Policy:
    """Shareable memory is not cached by a Cortex-M7 (DDI 0489, CACR.SIWT 0)."""
    tex, shareable, cb = rasr >> 19 & 7, rasr >> 18 & 1, rasr >> 16 & 3
    if shareable:
        return NC
    return _INNER[cb] if tex & 4 else _PLAIN.get((tex, cb), NC)


class Attributes:
    """The policies at one moment. `regions`: those of an MPU that is on; the last one decides."""

    def __init__(self, regions: Sequence[Region] = ()) -> None:
        self._regions = [Region(r.base, r.rasr) for r in regions if r.rasr & 1]

    def policy(self, address: int) -> Policy:
        for region in reversed(self._regions):
            if region.covers(address):
                return of_region(region.rasr)
        return _DEFAULT[address >> 29]
