"""The rules of the H7: clocks in three domains, voltage scaling, RCC registers at two
addresses."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.clocktree import Frequencies, ahb_shift, apb_shift, divide
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral

CSI_HZ = 4_000_000
PLL_SOURCES = ("HSI", "CSI", "HSE", None)  # RCC_PLLCKSELR.PLLSRC
C1 = range(0x130, 0x180)  # RCC_C1_xxx: for this CPU, the registers 0x60 below (RM0433 8.7.2)
C1_ABOVE = 0x60
VOS = 3 << 14  # PWR_D3CR
VOSRDY = ACTVOSRDY = 1 << 13  # PWR_D3CR, PWR_CSR1


class RccH7(Rcc):
    """RM0433 8.5 and 8.7."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        for name in ("D1CFGR", "D2CFGR", "D3CFGR"):
            self.on_write(name, lambda value, name=name: self._write_dividers(name, value))
        self.on_write("PLLCKSELR", self._write_pllckselr)

    def read(self, offset: int, size: int) -> int:
        return super().read(offset - C1_ABOVE if offset in C1 else offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        super().write(offset - C1_ABOVE if offset in C1 else offset, size, value)

    def pll_source(self) -> str | None:
        return PLL_SOURCES[self.get("PLLCKSELR") & 3]

    def frequencies(self) -> Frequencies:
        d1, d2, d3 = (self.get(f"D{n}CFGR") for n in (1, 2, 3))
        cpu = divide(self._hz(self.source), ahb_shift(d1 >> 8))
        hclk = divide(cpu, ahb_shift(d1))
        shifts = {"APB1": d2 >> 4, "APB2": d2 >> 8, "APB3": d1 >> 4, "APB4": d3 >> 4}
        buses = {bus: divide(hclk, apb_shift(ppre)) for bus, ppre in shifts.items()}
        return Frequencies(cpu, hclk, buses)

    def _hz(self, name: str | None) -> int:
        hsi = self.system.chip.clocks["hsi_hz"] >> (self.get("CR") >> 3 & 3)  # HSIDIV
        if name == "PLL1":
            m, divisors = self.get("PLLCKSELR") >> 4 & 0x3F, self.get("PLL1DIVR")
            vco = self._hz(self.pll_source()) // max(m, 1) * ((divisors & 0x1FF) + 1)
            return vco // ((divisors >> 9 & 0x7F) + 1)
        return {"CSI": CSI_HZ, "HSE": self.hse_hz or hsi}.get(name or "", hsi)

    def _write_dividers(self, name: str, value: int) -> None:
        self.store(name, value)
        self.update_clocks()

    def _write_pllckselr(self, value: int) -> None:
        """The source is chosen while all PLLs are off (RM0433 8.7.12)."""
        if not any(self.is_on(name) for name in ("PLL1", "PLL2", "PLL3")):
            self.store("PLLCKSELR", value)


class PwrH7(Pwr):
    """RM0433 6.8. The voltage changes at once."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_read("CSR1", lambda: self.get("D3CR") & VOS | ACTVOSRDY)
        self.on_write("D3CR", self._write_d3cr)

    def wait_states_hz(self) -> Sequence[int]:
        names = {3: "wait_states_hz", 2: "wait_states_hz_vos2"}
        return self.system.chip.clocks[
            names.get((self.get("D3CR") & VOS) >> 14, "wait_states_hz_vos3")
        ]

    def _write_d3cr(self, value: int) -> None:
        self.store("D3CR", value)
        self.system.check_speed()
