"""STM32F4."""

from __future__ import annotations

from ..family import Family
from . import clocks, directed, system

FAMILY = Family(
    clocks=clocks.draw,
    system=system.draw,
    erase=system.erase,
    directed=directed.recipes,
    # Those with a section of their own. DMA1 and DMA2 would copy from anywhere to anywhere; RTC
    # and the debug block are kept by a reset.
    apart=frozenset(
        {"RCC", "PWR", "FLASH", "SYSCFG", "EXTI", "IWDG", "WWDG", "RTC", "DBGMCU", "DMA1", "DMA2"}
    ),
    changing={
        "RCC.CR": ~0x150D00F9,  # all but the on bits, HSITRIM and CSSON
        "RCC.CFGR": 0xC,
        "RCC.BDCR": 0x2,
        "RCC.CSR": ~0x1,
        "RCC.CIR": 0xFF,
        "FLASH.SR": 1 << 16,
        "PWR.CSR": 0xFFFFFFFF,
        "WWDG.CR": 0x7F,
        "WWDG.SR": 1,
        "IWDG.SR": 3,
    },
)
