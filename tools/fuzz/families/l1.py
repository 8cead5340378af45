"""STM32L1: as the L0, with other limits of range 3 (RM0038 3.2 table 13) and no divided HSI."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..application import Application
from ..family import MHZ
from ..system import unlock
from . import l0

RANGES = {**l0.RANGES, 3: (4_200_000, 2_100_000, 24 * MHZ)}


def _error(app: Application) -> None:
    """Half a word."""
    unlock(app, l0.PROGRAM, l0.PROG)
    app.core.bus.store(app.soc.chip.region("FLASH").end - 0x8000, 2, 1)


FAMILY = replace(
    l0.FAMILY,
    error=_error,
    tree=partial(l0.tree, ranges=RANGES),
    anytime={
        "RCC.ICSCR": 0xFF001F00,  # MSITRIM, HSITRIM
        "PWR.CR": 0x3F4,
        "FLASH.ACR": 1 << 3,  # SLEEP_PD
    },
)
