"""The rules of the F0: its clock tree."""

from __future__ import annotations

from ..blocks.rcc import Rcc

PLL_BITS, PREDIV = 0x003F8000, 0xF  # CFGR: PLLMUL, PLLXTPRE, PLLSRC; CFGR2


class RccF0(Rcc):
    """RM0091 6.2 and 6.4."""

    def locked(self, name: str) -> int:
        """The PLL is configured while it is off (RM0091 6.4.2)."""
        return PLL_BITS if name == "CFGR" and self.is_on("PLL") else 0

    def _hz(self, name: str) -> int:
        clocks = self.system.chip.clocks
        if name == "PLL":
            cfgr = self.get("CFGR")
            divider = (self.get("CFGR2") & PREDIV) + 1 if cfgr >> 15 & 3 else 2
            factor = min((cfgr >> 18 & 15) + 2, 16)
            return self._hz(self.pll_source()) // divider * factor
        if name == "HSE":
            return self.hse_hz or clocks["hsi_hz"]
        return clocks[f"{name.lower()}_hz"]
