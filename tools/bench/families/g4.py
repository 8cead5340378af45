"""The rules of the G4: its clock tree, and what range 1 allows with and without boost."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..chip import Peripheral
from .g0 import PwrG0, RccG0

PLL_BITS = 0xFFFFFFFF & ~(1 << 16 | 1 << 20 | 1 << 24)  # RCC_PLLCFGR: all but PLLPEN, QEN, REN
R1MODE = 1 << 8  # PWR_CR5: no boost
NORMAL_HZ = 150_000_000  # RM0440, chapter PWR


class RccG4(RccG0):
    """RM0440, chapter RCC."""

    PLL_BITS = PLL_BITS

    def _hz(self, name: str) -> int:
        hsi = self.system.chip.clocks["hsi_hz"]
        if name == "PLL":
            pll = self.get("PLLCFGR")
            source = hsi if self.pll_source() == "HSI" else self._hz("HSE")
            vco = source // ((pll >> 4 & 15) + 1) * (pll >> 8 & 0x7F)
            return vco // (((pll >> 25 & 3) + 1) * 2)
        return (self.hse_hz or hsi) if name == "HSE" else hsi


class PwrG4(PwrG0):
    """RM0440, chapter PWR."""

    RANGE_2_HZ = 26_000_000

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("CR5", self._write_cr5)

    def wait_states_hz(self) -> Sequence[int]:
        boost = not self.get("CR5") & R1MODE
        return (
            self.system.chip.clocks["wait_states_hz_boost"] if boost else super().wait_states_hz()
        )

    def problem(self, hclk: int) -> str | None:
        if hclk > NORMAL_HZ and self.get("CR5") & R1MODE:
            return f"HCLK is {hclk} Hz without boost, which is for 150 MHz and less"
        return super().problem(hclk)

    def _write_cr5(self, value: int) -> None:
        self.store("CR5", value)
        self.system.check_speed()
