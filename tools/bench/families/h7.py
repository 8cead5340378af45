"""The rules of the H7: clocks in three domains (two on H7A3, H7B0 and H7B3, whose registers have
other names), voltage scaling, RCC registers at two addresses."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral

CSI_HZ = 4_000_000
C1 = range(0x130, 0x180)  # RCC_C1_xxx: for this CPU, the registers 0x60 below (RM0433 8.7.2)
C1_ABOVE = 0x60
VOS = 3 << 14  # PWR_D3CR, PWR_SRDCR


class RccH7(Rcc):
    """RM0433 8.5, 8.7."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("PLLCKSELR", self._write_pllckselr)

    def read(self, offset: int, size: int) -> int:
        return super().read(self._own(offset), size)

    def write(self, offset: int, size: int, value: int) -> None:
        super().write(self._own(offset), size, value)

    def _own(self, offset: int) -> int:
        """The offset of a register; some are seen at a second address."""
        return offset - C1_ABOVE if offset in C1 else offset

    def _hz(self, name: str) -> int:
        hsi = self.system.chip.clocks["hsi_hz"] >> (self.get("CR") >> 3 & 3)  # HSIDIV
        if name == "PLL1":
            m, divisors = self.get("PLLCKSELR") >> 4 & 0x3F, self.get("PLL1DIVR")
            vco = self._hz(self.pll_source()) // max(m, 1) * ((divisors & 0x1FF) + 1)
            return vco // ((divisors >> 9 & 0x7F) + 1)
        return {"CSI": CSI_HZ, "HSE": self.hse_hz or hsi}.get(name, hsi)

    def _write_pllckselr(self, value: int) -> None:
        """The source is chosen while all PLLs are off (RM0433 8.7.12)."""
        if not any(self.is_on(name) for name in ("PLL1", "PLL2", "PLL3")):
            self.store("PLLCKSELR", value)


class RccH7A(RccH7):
    """RM0455 8.7. What the H74x shows twice is at the second address alone."""

    def _own(self, offset: int) -> int:
        return offset


class PwrH7(Pwr):
    """RM0433 6.8, RM0468 6.8. The voltage changes at once. SCALE: the register with VOS."""

    SCALE = "D3CR"

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        ready = self.by_name[self.SCALE].read_only  # VOSRDY, and ACTVOSRDY of CSR1
        self.on_read("CSR1", lambda: self.get(self.SCALE) & VOS | ready)
        self.on_write(self.SCALE, self._write_scale)

    def wait_states_hz(self) -> Sequence[int]:
        """By the value of VOS."""
        by_scale = self.system.chip.clocks["wait_states_hz"]
        return by_scale[(self.get(self.SCALE) & VOS) >> 14]

    def _write_scale(self, value: int) -> None:
        self.store(self.SCALE, value)
        self.system.check_speed()


class PwrH7A(PwrH7):
    """RM0455 6.8."""

    SCALE = "SRDCR"
