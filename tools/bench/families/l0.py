"""The rules of the L0: MSI and its clock tree, and what the core voltage allows."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral

MSI_HZ = (65_536, 131_072, 262_144, 524_288, 1_048_000, 2_097_000, 4_194_000)  # RM0367 7.2.3
HSIDIVEN, HSIDIVF = 1 << 3, 1 << 4  # RCC_CR
PLL_BITS = 0x00FD0000  # RCC_CFGR: PLLSRC, PLLMUL, PLLDIV
PLL_FACTORS = (3, 4, 6, 8, 12, 16, 24, 32, 48)
CWUF, CSBF, VOS = 1 << 2, 1 << 3, 3 << 11  # PWR_CR
LPRUN, LOW_POWER_HZ = 1 << 14, 131_072  # PWR_CR
WUF, SBF, EWUP = 1 << 0, 1 << 1, 7 << 8  # PWR_CSR


class RccL0(Rcc):
    """RM0367 7.2 and 7.3."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("ICSCR", self._write_icscr)

    def locked(self, name: str) -> int:
        """The PLL is configured while it is off (RM0367 7.3.4)."""
        return PLL_BITS if name == "CFGR" and self.is_on("PLL") else 0

    def _hz(self, name: str) -> int:
        cfgr, hsi = self.get("CFGR"), self.system.chip.clocks["hsi_hz"]
        if name == "MSI":
            return MSI_HZ[min(self.get("ICSCR") >> 13 & 7, len(MSI_HZ) - 1)]
        if name == "HSI":
            return hsi // 4 if self.get("CR") & HSIDIVF else hsi
        if name == "HSE":
            return self.hse_hz or hsi
        factor = PLL_FACTORS[min(cfgr >> 18 & 15, len(PLL_FACTORS) - 1)]
        return self._hz(self.pll_source()) * factor // ((cfgr >> 22 & 3) + 1)

    def _write_icscr(self, value: int) -> None:
        self.store("ICSCR", value)
        self.update_clocks()

    def update_clocks(self) -> None:
        cr = self.get("CR")
        self.put("CR", cr | HSIDIVF if cr & HSIDIVEN else cr & ~HSIDIVF)
        super().update_clocks()


class PwrL0(Pwr):
    """RM0367 6.4."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("CR", self._write_cr)
        self.on_write("CSR", lambda value: self._write_csr(value))

    def wait_states_hz(self) -> Sequence[int]:
        names = {1: "wait_states_hz", 3: "wait_states_hz_range_3"}
        name = names.get((self.get("CR") & VOS) >> 11, "wait_states_hz_range_2")
        return self.system.chip.clocks[name]

    def problem(self, hclk: int) -> str | None:
        if not self.get("CR") & LPRUN or hclk <= LOW_POWER_HZ:
            return None
        return f"HCLK is {hclk} Hz in low-power run, which is for 131 kHz and less (RM0367 6.3.1)"

    def _write_cr(self, value: int) -> None:
        cleared = (WUF if value & CWUF else 0) | (SBF if value & CSBF else 0)
        self.put("CSR", self.get("CSR") & ~cleared)
        if not value & VOS:  # range 0 is reserved: the write of the field is ignored
            value |= self.get("CR") & VOS
        self.store("CR", value & ~(CWUF | CSBF))
        self.system.check_speed()

    def _write_csr(self, value: int) -> None:
        self.put("CSR", self.get("CSR") & ~EWUP | value & EWUP)
