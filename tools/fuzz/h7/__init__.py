"""STM32H7, those of the H743."""

from __future__ import annotations

from ..family import Family
from . import clocks, directed, system

FAMILY = Family(
    clocks=clocks.draw,
    system=system.draw,
    erase=system.erase,
    directed=directed.recipes,
    # Those with a section of their own; DMA would copy from anywhere to anywhere; RTC and the
    # debug block are kept by a reset; what has no reset bit here only a reset puts back.
    apart=frozenset(
        {"RCC", "PWR", "FLASH", "SYSCFG", "EXTI", "IWDG1", "WWDG1", "RTC", "DBGMCU"}
        | {"DMA1", "DMA2", "DMAMUX1", "DMAMUX2", "BDMA", "MDMA", "GPV"}
        | {"RAMECC1", "RAMECC2", "RAMECC3"}
    ),
    changing={
        "RCC.CR": ~0x15051099,  # all but the on bits, HSIDIV
        "RCC.CFGR": 0x38,
        "RCC.BDCR": 0x2,
        "RCC.CSR": ~0x1,
        "RCC.CIFR": 0x7FF,
        "FLASH.SR1": 0xF,
        "FLASH.SR2": 0xF,
        "PWR.CSR1": 0xFFFFFFFF,
        "PWR.D3CR": 1 << 13,
        "WWDG1.CR": 0x7F,
        "WWDG1.SR": 1,
        "IWDG1.SR": 7,
    },
    by_reset=False,
)
