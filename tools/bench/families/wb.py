"""The rules of the WB: those of the L4, but the range of MSI is that of RCC_CR alone, and PWR has
no reset."""

from __future__ import annotations

from ..blocks.base import System
from ..blocks.clocktree import AHB_SHIFTS
from ..chip import Peripheral
from .l4 import MSI_HZ, PwrL4, RccL4

HSEPRE = 1 << 20  # RCC_CR
HPRE = (1, 3, 5, 1, 1, 6, 10, 32, *(1 << shift for shift in AHB_SHIFTS))  # RM0434 8.4.3
HSECR_KEY, UNLOCKED = 0xCAFECAFE, 1 << 0  # RCC_HSECR


class RccWb(RccL4):
    """RM0434 8.4."""

    PLL_OUTPUTS = 1 << 16 | 1 << 24 | 1 << 28  # PLLPEN, PLLQEN, PLLREN

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        if self.has("HSECR"):
            self.on_write("HSECR", self._write_hsecr)

    def divides(self, pll: int) -> int:
        return (pll >> 29 & 7) + 1

    def ahb(self, hz: int, hpre: int) -> int:
        return max(hz // HPRE[hpre & 15], 1)

    def _hz(self, name: str) -> int:
        cr = self.get("CR")
        if name == "MSI":
            return MSI_HZ[min(cr >> 4 & 15, len(MSI_HZ) - 1)]
        return super()._hz(name) // (2 if name == "HSE" and cr & HSEPRE else 1)

    def locked(self, name: str) -> int:
        return super().locked(name) if name == "CR" else 0

    def _write_hsecr(self, value: int) -> None:
        """The key is for one write."""
        old = self.get("HSECR")
        if value == HSECR_KEY:
            self.put("HSECR", old | UNLOCKED)
        elif old & UNLOCKED:
            self.store("HSECR", value)
            self.put("HSECR", self.get("HSECR") & ~UNLOCKED)


class PwrWb(PwrL4):
    """RM0434 6.6."""

    RANGE_2_HZ = 16_000_000
