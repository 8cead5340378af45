"""STM32F7: as the F4, with other limits (RM0385 3.3.2, 4.1.4, 5.2) and more of PWR."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..family import MHZ, WORD
from . import f4

LIMITS = f4.Limits("CR1", (144, 168, 216), (180 * MHZ, 216 * MHZ), 45 * MHZ, 90 * MHZ)

FAMILY = replace(
    f4.FAMILY,
    tree=partial(f4.tree_within, LIMITS),
    anytime={
        "RCC.CR": 0xF8,  # HSITRIM
        **dict.fromkeys(("RCC.SSCGR", "RCC.DCKCFGR1", "RCC.DCKCFGR2"), WORD),
        **dict.fromkeys(("RCC.PLLI2SCFGR", "RCC.PLLSAICFGR"), WORD),
        "FLASH.ACR": 3 << 8,  # PRFTEN, ARTEN
        "PWR.CR1": 0x3FB,
        "PWR.CSR1": 0x300,  # EIWUP, BRE
        "PWR.CR2": 0x3F00,  # polarity of the wake-up pins
        "PWR.CSR2": 0x3F00,  # wake-up pins
    },
)
