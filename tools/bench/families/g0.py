"""The rules of the G0: HSI16 and its clock tree, and what the core voltage allows."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral

LSE_HZ = 32_768
VOS, LPR, RANGE_2 = 3 << 9, 1 << 14, 2 << 9  # PWR_CR1
REGLPF, VOSF = 1 << 9, 1 << 10  # PWR_SR2
LOW_POWER_HZ = 2_000_000
SCALING_NS = 20_000  # tVOST of the datasheet, from memory


class RccG0(Rcc):
    """RM0444, chapter RCC."""

    PLL_BITS = 0xFFFFFFFF & ~(1 << 16 | 1 << 24 | 1 << 28)
    """Of RCC_PLLCFGR: all but PLLPEN, PLLQEN, PLLREN."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("PLLCFGR", self._write_pllcfgr)

    def _write_pllcfgr(self, value: int) -> None:
        """M, N, P, Q, R and the source are chosen while the PLL is off."""
        if self.is_on("PLL"):
            value = self.get("PLLCFGR") & self.PLL_BITS | value & ~self.PLL_BITS
        self.store("PLLCFGR", value)

    def _hz(self, name: str) -> int:
        clocks = self.system.chip.clocks
        hsi = clocks["hsi_hz"]
        if name == "PLL":
            pll = self.get("PLLCFGR")
            source = hsi if self.pll_source() == "HSI" else self._hz("HSE")
            vco = source // ((pll >> 4 & 7) + 1) * (pll >> 8 & 0x7F)
            return vco // ((pll >> 29 & 7) + 1)
        divided = hsi >> (self.get("CR") >> 11 & 7)  # HSIDIV
        known = {"HSE": self.hse_hz or hsi, "LSI": clocks["lsi_hz"], "LSE": LSE_HZ}
        return known.get(name, divided)


class PwrG0(Pwr):
    """RM0444, chapter PWR."""

    RANGE_2_HZ = 16_000_000
    RESET_BY_RCC = ("CR1", "CR2")
    """The others keep what is written to them when RCC's PWRRST is set: so on an STM32L4 (RM0351
    5.4), and nobody says that it is different here."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("CR1", self._write_cr1)
        self.on_write("SCR", lambda value: self.put("SR1", self.get("SR1") & ~value))

    def wait_states_hz(self) -> Sequence[int]:
        slow = self.get("CR1") & VOS == RANGE_2
        return self.system.chip.clocks["wait_states_hz_range_2" if slow else "wait_states_hz"]

    def problem(self, hclk: int) -> str | None:
        if self.get("CR1") & LPR and hclk > LOW_POWER_HZ:
            return f"HCLK is {hclk} Hz in low-power run, which is for 2 MHz and less"
        slow = self.get("CR1") & VOS == RANGE_2 or self.get("SR2") & VOSF
        if slow and hclk > self.RANGE_2_HZ:
            return f"HCLK is {hclk} Hz in range 2, which is for {self.RANGE_2_HZ} Hz and less"
        return None

    def hold(self, held: bool) -> None:
        """The level of PWRRST."""
        kept = {name: self.get(name) for name in self.by_name if name not in self.RESET_BY_RCC}
        super().hold(held)
        for name, value in kept.items():
            self.put(name, value)

    def _write_cr1(self, value: int) -> None:
        if value & VOS not in (1 << 9, RANGE_2):  # the others are reserved
            value = value & ~VOS | self.get("CR1") & VOS
        changed = self.store("CR1", value)
        sr2 = self.get("SR2") & ~REGLPF | (REGLPF if value & LPR else 0)
        if changed & VOS and value & VOS != RANGE_2:
            sr2 |= VOSF
            self.system.clock.after(SCALING_NS, self._scaled)
        self.put("SR2", sr2)
        self.system.check_speed()

    def _scaled(self) -> None:
        self.put("SR2", self.get("SR2") & ~VOSF)
