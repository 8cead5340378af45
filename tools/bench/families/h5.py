"""The rules of the H5: HSI divided by 2 after a reset, three PLLs with sources of their own,
voltage scaling."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral

CSI_HZ = 4_000_000
PLLS = ("PLL1", "PLL2", "PLL3")
SOURCE, HSI, WHILE_OFF = (
    3,
    1,
    0x00073F00,
)  # RCC_PLLxCFGR: PLLxSRC, its value for HSI; DIVM, outputs
HSIDIV = 3 << 3  # RCC_CR
VOS = 3 << 4  # PWR_VOSCR
VOSRDY, ACTVOSRDY, ACTVOS_SHIFT = 1 << 3, 1 << 13, 14 - 4  # PWR_VOSSR


class RccH5(Rcc):
    """RM0481, chapter RCC, by the texts of the SVD file."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        for name in PLLS:
            self.on_write(f"{name}CFGR", lambda value, name=name: self._write_pll(name, value))
            self.on_write(f"{name}DIVR", lambda value, name=name: self._write_divr(name, value))

    def locked(self, name: str) -> int:
        """HSI cannot be divided anew while a PLL that is on runs from it."""
        from_hsi = any(self.is_on(pll) and self.get(f"{pll}CFGR") & SOURCE == HSI for pll in PLLS)
        return HSIDIV if name == "CR" and from_hsi else 0

    def _hz(self, name: str) -> int:
        hsi = self.system.chip.clocks["hsi_hz"] >> ((self.get("CR") & HSIDIV) >> 3)
        if name == "PLL1":
            m, divisors = self.get("PLL1CFGR") >> 8 & 0x3F, self.get("PLL1DIVR")
            vco = self._hz(self.pll_source()) // max(m, 1) * ((divisors & 0x1FF) + 1)
            return vco // ((divisors >> 9 & 0x7F) + 1)
        return {"CSI": CSI_HZ, "HSE": self.hse_hz or hsi}.get(name, hsi)

    def _write_pll(self, name: str, value: int) -> None:
        """The sources are chosen while all PLLs are off; the rest while this one is."""
        old, kept = self.get(f"{name}CFGR"), 0
        if any(self.is_on(pll) for pll in PLLS):
            kept |= SOURCE
        if self.is_on(name):
            kept |= WHILE_OFF
        self.store(f"{name}CFGR", value & ~kept | old & kept)

    def _write_divr(self, name: str, value: int) -> None:
        if not self.is_on(name):
            self.store(f"{name}DIVR", value)


class PwrH5(Pwr):
    """RM0481, chapter PWR. The voltage changes at once."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_read("VOSSR", self._vossr)
        self.on_write("VOSCR", self._write_voscr)

    def _vossr(self) -> int:
        return VOSRDY | ACTVOSRDY | (self.get("VOSCR") & VOS) << ACTVOS_SHIFT

    def wait_states_hz(self) -> Sequence[int]:
        names = ("wait_states_hz_vos3", "wait_states_hz_vos2", "wait_states_hz_vos1")
        scale = (self.get("VOSCR") & VOS) >> 4
        return self.system.chip.clocks[(*names, "wait_states_hz")[scale]]

    def _write_voscr(self, value: int) -> None:
        self.store("VOSCR", value)
        self.system.check_speed()
