"""The rules of the F4: its clock tree, over-drive, and what SYSCFG has beside others."""

from __future__ import annotations

from collections.abc import Callable

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..blocks.syscfg import Syscfg
from ..chip import Peripheral
from ..clock import Event

PLLSRC_HSE = 1 << 22  # RCC_PLLCFGR
PLL_R = 3  # RCC_CFGR.SWS: the R output; on F446, F412, F413, F469
CWUF, CSBF, VOS, ODEN, ODSWEN = 1 << 2, 1 << 3, 3 << 14, 1 << 16, 1 << 17  # PWR_CR
WUF, SBF, BRR, EWUP, BRE, VOSRDY, ODRDY, ODSWRDY, UDRDY = (
    *(1 << 0, 1 << 1, 1 << 3, 1 << 8, 1 << 9, 1 << 14, 1 << 16, 1 << 17),
    3 << 18,
)  # PWR_CSR
SWP_FMC = 3 << 10  # SYSCFG_MEMRMP
CMP_PD, CMP_READY = 1 << 0, 1 << 8  # SYSCFG_CMPCR


class RccF4(Rcc):
    """RM0090 6.2 and 6.3: one PLLCFGR whose source and M all PLLs share."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("PLLCFGR", self._write_pllcfgr)
        for name in ("PLLI2S", "PLLSAI"):
            if self.has(f"{name}CFGR"):
                self.on_write(f"{name}CFGR", self._writer_while_off(name))

    def _hz(self, name: str) -> int:
        """Without an HSE, the PLL configuration may still name it; HSI is assumed then."""
        if name == "PLL":
            pllcfgr = self.get("PLLCFGR")
            vco = self._hz(self.pll_source()) * (pllcfgr >> 6 & 0x1FF) // max(pllcfgr & 0x3F, 1)
            r, p = pllcfgr >> 28 & 7, ((pllcfgr >> 16 & 3) + 1) * 2
            return vco // max(r if self.source_number == PLL_R else p, 1)
        hsi = self.system.chip.clocks["hsi_hz"]
        return (self.hse_hz or hsi) if name == "HSE" else hsi

    def _write_pllcfgr(self, value: int) -> None:
        if self.is_on("PLL"):
            return  # "written only when PLL is disabled" (RM0090 6.3.2)
        if self.is_on("PLLI2S") or self.is_on("PLLSAI"):
            shared = PLLSRC_HSE | 0x3F
            value = value & ~shared | self.get("PLLCFGR") & shared
        self.store("PLLCFGR", value)

    def _writer_while_off(self, name: str) -> Callable[[int], None]:
        def write(value: int) -> None:
            if not self.is_on(name):
                self.store(f"{name}CFGR", value)

        return write


class PwrF4(Pwr):
    """Voltage scaling and over-drive (RM0090 5.4, 5.5)."""

    CONTROL, STATUS = "CR", "CSR"
    OVERDRIVE_HZ = 168_000_000  # above, the regulator must be in over-drive (RM0090 5.1.4)

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._overdrive: Event | None = None
        self.on_write(self.CONTROL, self._write_cr)
        self.on_write(self.STATUS, self._write_csr)
        self.on_read(self.STATUS, self._read_csr)

    def problem(self, hclk: int) -> str | None:
        has_overdrive = self.by_name[self.CONTROL].mask & ODEN
        if hclk <= self.OVERDRIVE_HZ or not has_overdrive or self.get(self.STATUS) & ODSWRDY:
            return None
        return f"HCLK is {hclk} Hz while the regulator is not in over-drive (RM0090 5.1.4)"

    def reset(self) -> None:
        super().reset()
        if self._overdrive:
            self._overdrive.cancel()

    def _write_cr(self, value: int) -> None:
        csr = self.get(self.STATUS)
        if value & CWUF:
            csr &= ~WUF
        if value & CSBF:
            csr &= ~SBF
        self.put(self.STATUS, csr)
        value &= ~(CWUF | CSBF)
        if self._rcc.is_on("PLL"):
            # "can be modified only when the PLL is OFF": otherwise the new value is ignored
            value = value & ~VOS | self.get(self.CONTROL) & VOS
        changed = self.store(self.CONTROL, value)
        if changed & (ODEN | ODSWEN):
            self._switch_overdrive()

    @property
    def _rcc(self) -> Rcc:
        rcc = self.system.block("RCC")
        assert isinstance(rcc, Rcc)
        return rcc

    def _switch_overdrive(self) -> None:
        cr, csr = self.get(self.CONTROL), self.get(self.STATUS)
        if not cr & ODEN:
            csr &= ~(ODRDY | ODSWRDY)
        if not cr & ODSWEN:
            csr &= ~ODSWRDY
        self.put(self.STATUS, csr)
        ns = self.system.chip.startup_ns["OVERDRIVE"]
        self._overdrive = self.system.clock.after(ns, self._overdrive_ready)

    def _overdrive_ready(self) -> None:
        cr, csr = self.get(self.CONTROL), self.get(self.STATUS)
        if cr & ODEN:
            csr |= ODRDY
            if cr & ODSWEN:
                csr |= ODSWRDY
        self.put(self.STATUS, csr)

    def _read_csr(self) -> int:
        # The chosen scale takes effect, and VOSRDY is set, once the PLL runs.
        ready = VOSRDY if self._rcc.is_ready("PLL") else 0
        brr = BRR if self.get(self.STATUS) & BRE else 0
        return self.get(self.STATUS) | ready | brr

    def _write_csr(self, value: int) -> None:
        csr = self.get(self.STATUS) & ~(value & UDRDY)
        self.put(self.STATUS, csr & ~(EWUP | BRE) | value & (EWUP | BRE))


class SyscfgF4(Syscfg):
    """Swapped external memories, and the compensation cell (RM0090 9.3)."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("MEMRMP", self._write_memrmp)
        if self.has("CMPCR"):
            self.on_write("CMPCR", self._write_cmpcr)

    def _write_memrmp(self, value: int) -> None:
        if value & SWP_FMC & self.by_name["MEMRMP"].mask:
            self.system.report(
                f"the program writes 0x{value:X} to SYSCFG.MEMRMP: it swaps external memories, "
                f"which the bench does not do"
            )
        if self.system.chip.remap:
            self.write_remap(value)
        else:
            self.store("MEMRMP", value)

    def _write_cmpcr(self, value: int) -> None:
        self.put("CMPCR", CMP_PD | CMP_READY if value & CMP_PD else 0)
