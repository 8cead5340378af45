"""PWR: backup domain protection, voltage scaling and over-drive (RM0090 5.4, 5.5)."""

from __future__ import annotations

from ..chip import Peripheral
from ..clock import Event
from .base import RegisterBlock, System

CWUF, CSBF, DBP, VOS, ODEN, ODSWEN = 1 << 2, 1 << 3, 1 << 8, 3 << 14, 1 << 16, 1 << 17  # CR
WUF, SBF, BRR, EWUP, BRE, VOSRDY, ODRDY, ODSWRDY, UDRDY = (
    *(1 << 0, 1 << 1, 1 << 3, 1 << 8, 1 << 9, 1 << 14, 1 << 16, 1 << 17),
    3 << 18,
)  # CSR
PLLON, PLLRDY = 1 << 24, 1 << 25  # RCC.CR


class Pwr(RegisterBlock):
    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._overdrive: Event | None = None
        self.on_write("CR", self._write_cr)
        self.on_write("CSR", self._write_csr)
        self.on_read("CSR", self._read_csr)

    @property
    def backup_writable(self) -> bool:
        return bool(self.get("CR") & DBP)

    @property
    def overdrive(self) -> bool:
        """The regulator feeds HCLK above 168 MHz (RM0090 5.1.4)."""
        return bool(self.get("CSR") & ODSWRDY)

    @property
    def has_overdrive(self) -> bool:
        return bool(self.by_name["CR"].mask & ODEN)

    def reset(self) -> None:
        super().reset()
        if self._overdrive:
            self._overdrive.cancel()

    def _write_cr(self, value: int) -> None:
        csr = self.get("CSR")
        if value & CWUF:
            csr &= ~WUF
        if value & CSBF:
            csr &= ~SBF
        self.put("CSR", csr)
        value &= ~(CWUF | CSBF)
        if self.system.block("RCC").get("CR") & PLLON:
            # "can be modified only when the PLL is OFF": otherwise the new value is ignored
            value = value & ~VOS | self.get("CR") & VOS
        changed = self.store("CR", value)
        if changed & (ODEN | ODSWEN):
            self._switch_overdrive()

    def _switch_overdrive(self) -> None:
        cr, csr = self.get("CR"), self.get("CSR")
        if not cr & ODEN:
            csr &= ~(ODRDY | ODSWRDY)
        if not cr & ODSWEN:
            csr &= ~ODSWRDY
        self.put("CSR", csr)
        ns = self.system.chip.startup_ns["OVERDRIVE"]
        self._overdrive = self.system.clock.after(ns, self._overdrive_ready)

    def _overdrive_ready(self) -> None:
        cr, csr = self.get("CR"), self.get("CSR")
        if cr & ODEN:
            csr |= ODRDY
            if cr & ODSWEN:
                csr |= ODSWRDY
        self.put("CSR", csr)

    def _read_csr(self) -> int:
        # The scale that was chosen takes effect, and the flag rises, once the PLL runs.
        ready = VOSRDY if self.system.block("RCC").get("CR") & PLLRDY else 0
        brr = BRR if self.get("CSR") & BRE else 0
        return self.get("CSR") | ready | brr

    def _write_csr(self, value: int) -> None:
        csr = self.get("CSR") & ~(value & UDRDY)
        self.put("CSR", csr & ~(EWUP | BRE) | value & (EWUP | BRE))
