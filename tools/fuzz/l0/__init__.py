"""STM32L0."""

from __future__ import annotations

from ..family import Family
from . import clocks, directed, system

FAMILY = Family(
    clocks=clocks.draw,
    system=system.draw,
    erase=system.erase,
    directed=directed.recipes,
    # Those with a section of their own. DMA1 would copy from anywhere to anywhere; RTC and the
    # debug block are kept by a reset; only a reset opens the firewall again (RM0367 5.3.6).
    apart=frozenset(
        {"RCC", "PWR", "FLASH", "SYSCFG", "EXTI", "IWDG", "WWDG", "RTC", "DBGMCU", "DMA1"}
        | {"FIREWALL"}
    ),
    changing={
        "RCC.CR": ~0x01150109,  # all but the on bits, HSIDIVEN, CSSHSEON
        "RCC.CFGR": 0xC,
        "RCC.CSR": ~0x100,
        "RCC.CRRCR": 0x2,
        "RCC.CIFR": 0x1FF,
        "FLASH.SR": 1,
        "PWR.CSR": 0xFFFFFFFF,
        "WWDG.CR": 0x7F,
        "WWDG.SR": 1,
        "IWDG.SR": 7,
    },
    by_reset=False,  # its firmware has no early-boot hook
)
