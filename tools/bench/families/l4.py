"""The rules of the L4: MSI and its clock tree, and what the core voltage allows."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral
from ..clock import Event

# RM0351 6.2.3: ranges 0 to 11, in Hz
MSI_HZ = (
    *(100_000, 200_000, 400_000, 800_000, 1_000_000, 2_000_000),
    *(4_000_000, 8_000_000, 16_000_000, 24_000_000, 32_000_000, 48_000_000),
)
PLL_OUTPUTS = 1 << 16 | 1 << 20 | 1 << 24  # PLLPEN, PLLQEN, PLLREN: at any time
PLL_INPUT = 0xF3  # PLLSRC, PLLM: of all PLLs
MSIRGSEL, MSIRANGE = 1 << 3, 15 << 4  # RCC_CR
MSISRANGE = 15 << 8  # RCC_CSR
VOS, LPR = 3 << 9, 1 << 14  # PWR_CR1
RANGE_2 = 2 << 9
REGLPF, VOSF = 1 << 9, 1 << 10  # PWR_SR2
CWUF, CSBF, SBF = 0x1F, 1 << 8, 1 << 8  # PWR_SCR, PWR_SR1
LOW_POWER_HZ = 2_000_000
RESET_BY_RCC = ("CR1", "CR2")


class RccL4(Rcc):
    """RM0351 6.2 and 6.4."""

    PLL_OUTPUTS = PLL_OUTPUTS

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        for pll, name in (
            ("PLL", "PLLCFGR"),
            ("PLLSAI1", "PLLSAI1CFGR"),
            ("PLLSAI2", "PLLSAI2CFGR"),
        ):
            if self.has(name):
                self.on_write(name, lambda value, p=pll, n=name: self._write_pll(p, n, value))

    def locked(self, name: str) -> int:
        """MSIRANGE is changed while MSI is off or ready, MSISRANGE while it is not used (RM0351
        6.4.1, 6.4.29)."""
        if name == "CSR":
            return 0 if self.get("CR") & MSIRGSEL else MSISRANGE
        starting = name == "CR" and self.is_on("MSI") and not self.is_ready("MSI")
        return MSIRANGE if starting else 0

    def _hz(self, name: str) -> int:
        cr, hsi = self.get("CR"), self.system.chip.clocks["hsi_hz"]
        if name == "MSI":
            chosen = cr >> 4 if cr & MSIRGSEL else self.get("CSR") >> 8
            return MSI_HZ[min(chosen & 15, len(MSI_HZ) - 1)]
        if name == "PLL":
            pll = self.get("PLLCFGR")
            vco = self._hz(self.pll_source()) // ((pll >> 4 & 7) + 1) * (pll >> 8 & 0x7F)
            return vco // self.divides(pll)
        return self.hse_hz or hsi if name == "HSE" else hsi

    def divides(self, pll: int) -> int:
        """PLLR: what PLLCFGR divides SYSCLK by."""
        return 2 * (pll >> 25 & 3) + 2

    def _write_pll(self, pll: str, name: str, value: int) -> None:
        """Factors while it is off, the input while all are (RM0351 6.4.4)."""
        kept = self.get(name) & ~self.PLL_OUTPUTS if self.is_on(pll) else 0
        mask = self.PLL_OUTPUTS if self.is_on(pll) else 0xFFFFFFFF
        if name == "PLLCFGR" and any(map(self.is_on, self.oscillators.plls)):
            mask &= ~PLL_INPUT
            kept |= self.get(name) & PLL_INPUT
        self.store(name, value & mask | kept)
        self.update_clocks()


class PwrL4(Pwr):
    """RM0351 5.4."""

    RANGE_2_HZ = 26_000_000

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._settling: Event | None = None
        self.on_write("CR1", self._write_cr1)
        self.on_write("SCR", self._write_scr)
        self.on_read("SR2", self._read_sr2)

    def wait_states_hz(self) -> Sequence[int]:
        in_range_2 = self.get("CR1") & VOS == RANGE_2
        return self.system.chip.clocks[
            "wait_states_hz_range_2" if in_range_2 else "wait_states_hz"
        ]

    def problem(self, hclk: int) -> str | None:
        cr1, sr2 = self.get("CR1"), self.get("SR2")
        if (cr1 & LPR or sr2 & REGLPF) and hclk > LOW_POWER_HZ:
            return (
                f"HCLK is {hclk} Hz in low-power run, which is for 2 MHz and less (RM0351 5.3.2)"
            )
        if (cr1 & VOS == RANGE_2 or sr2 & VOSF) and hclk > self.RANGE_2_HZ:
            most = self.RANGE_2_HZ // 1_000_000
            return f"HCLK is {hclk} Hz in range 2, which is for {most} MHz and less (RM0351 5.1.7)"
        return None

    def hold(self, held: bool) -> None:
        """PWRRST: "not reset ... with the PWRRST bit" (RM0351 5.4.3, 5.4.4, 5.4.8 and on)."""
        if held:
            for name in RESET_BY_RCC:
                self._write_reset(name)
        self.held = held

    def _write_reset(self, name: str) -> None:
        reset = self.by_name[name].reset
        if name == "CR1":
            self._write_cr1(reset)
        self.put(name, reset)

    def reset(self) -> None:
        super().reset()
        if self._settling:
            self._settling.cancel()

    def _write_cr1(self, value: int) -> None:
        old = self.get("CR1")
        if not value & VOS or value & VOS == VOS:  # forbidden: the write of the field is ignored
            value = value & ~VOS | old & VOS
        changed = self.store("CR1", value)
        startup, sr2 = self.system.chip.startup_ns, self.get("SR2")
        if changed & LPR and value & LPR:
            self.put("SR2", sr2 | REGLPF)
        elif changed & LPR:
            self._settle(startup["REGULATOR"])
        if changed & VOS and value & VOS != RANGE_2:
            self.put("SR2", self.get("SR2") | VOSF)
            self._settle(startup["VOS"])
        self.system.check_speed()

    def _settle(self, ns: int) -> None:
        if self._settling:
            self._settling.cancel()
        self._settling = self.system.clock.after(ns, self._settled)

    def _settled(self) -> None:
        low_power = REGLPF if self.get("CR1") & LPR else 0
        self.put("SR2", self.get("SR2") & ~(REGLPF | VOSF) | low_power)

    def _read_sr2(self) -> int:
        sr2 = self.get("SR2")
        waiting = sr2 & VOSF or (sr2 & REGLPF and not self.get("CR1") & LPR)
        if waiting:
            self.system.skip_to_next_event()
        return sr2

    def _write_scr(self, value: int) -> None:
        self.put("SR1", self.get("SR1") & ~(value & CWUF | (SBF if value & CSBF else 0)))
