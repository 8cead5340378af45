"""The rules of the U5: MSIS and its ranges, three PLLs with sources of their own, four voltage
ranges with a booster, two regulators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..blocks.base import System
from ..blocks.pwr import Pwr
from ..blocks.rcc import Rcc
from ..chip import Peripheral
from ..clock import Event

# MSIRangeTable of ST's system_stm32u5xx.c: ranges 0 to 15, in Hz
MSI_HZ = (
    *(48_000_000, 24_000_000, 16_000_000, 12_000_000, 4_000_000, 2_000_000, 1_330_000, 1_000_000),
    *(3_072_000, 1_536_000, 1_024_000, 768_000, 400_000, 200_000, 133_000, 100_000),
)
PLLS = ("PLL1", "PLL2", "PLL3")
SOURCE, WHILE_OFF, MBOOST = 3, 0x0F00, 0xF000  # RCC_PLLxCFGR: PLLxSRC; PLLxM; PLL1MBOOST
MSIPLLEN, MSIPLLSEL, HSEEXT = 1 << 3, 1 << 6, 1 << 20  # RCC_CR
MSIRGSEL, MSISRANGE, MSIKRANGE = 1 << 23, 15 << 28, 15 << 24  # RCC_ICSCR1
AHB3DIS, PWREN = 1 << 16, 1 << 2  # RCC_CFGR3, RCC_AHB3ENR
STARTUP_RANGES = 0xFF << 8  # RCC_CSR: MSIKSRANGE, MSISSRANGE
REGSEL, REGS = 1 << 1, 1 << 1  # PWR_CR3, PWR_SVMSR
VOS, BOOSTEN, USBBOOSTEN = 3 << 16, 1 << 18, 1 << 20  # PWR_VOSR
VOSRDY, BOOSTRDY, USBBOOSTRDY = 1 << 15, 1 << 14, 1 << 13
ACTVOSRDY = 1 << 15  # PWR_SVMSR, with ACTVOS where VOS is
STOP_FLAGS, CSSF = 6, 1  # PWR_SR
MHZ = 1_000_000
# SYSCLK at most, by VOS (operating conditions of DS13086, ranges 4 to 1)
FASTEST_HZ = (25 * MHZ, 55 * MHZ, 110 * MHZ, 160 * MHZ)
BOOSTED_HZ = 50 * MHZ  # above it the booster must run (SVD file: PWR_VOSR)


class RccU5(Rcc):
    """RM0456 11, by the texts of the SVD file."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        for name in PLLS:
            self.on_write(f"{name}CFGR", lambda value, name=name: self._write_pll(name, value))
            self.on_write(f"{name}DIVR", lambda value, name=name: self._write_divr(name, value))
        self.on_write("CFGR3", self._write_cfgr3)
        self.on_write("ICSCR1", self._write_icscr1)

    def locked(self, name: str) -> int:
        """MSISSRANGE and MSIKSRANGE are changed while MSIRGSEL is 1."""
        if name == "CSR":
            return 0 if self.get("ICSCR1") & MSIRGSEL else STARTUP_RANGES
        if name != "CR":
            return 0
        locked = MSIPLLSEL if self.get("CR") & MSIPLLEN else 0
        return locked | (HSEEXT if self.is_on("HSE") or self.is_ready("HSE") else 0)

    def _hz(self, name: str) -> int:
        hsi = self.system.chip.clocks["hsi_hz"]
        if name == "MSIS":
            icscr1 = self.get("ICSCR1")
            return MSI_HZ[icscr1 >> 28 if icscr1 & MSIRGSEL else self.get("CSR") >> 12 & 15]
        if name == "PLL1":
            return self.pll_hz()
        return self.hse_hz or hsi if name == "HSE" else hsi

    def pll_hz(self) -> int:
        """PLL1R, which SYSCLK takes."""
        m, divisors = (self.get("PLL1CFGR") >> 8 & 15) + 1, self.get("PLL1DIVR")
        vco = self._hz(self.pll_source()) // m * ((divisors & 0x1FF) + 1)
        return vco // ((divisors >> 24 & 0x7F) + 1)

    def _write_pll(self, name: str, value: int) -> None:
        """The divider for the booster is changed while that is off, too."""
        old, kept = self.get(f"{name}CFGR"), 0
        if self.is_on(name):
            kept = SOURCE | WHILE_OFF
        if name == "PLL1" and (self.is_on(name) or self._boosts()):
            kept |= MBOOST
        self.store(f"{name}CFGR", value & ~kept | old & kept)

    def _boosts(self) -> bool:
        return bool(self.system.block("PWR").get("VOSR") & BOOSTEN)

    def _write_divr(self, name: str, value: int) -> None:
        if not self.is_on(name):
            self.store(f"{name}DIVR", value)

    def _write_cfgr3(self, value: int) -> None:
        """Of the bits that stop the clocks of a bus the one that takes PWR along."""
        if self.store("CFGR3", value) & AHB3DIS:
            self.system.block("PWR").set_clock(bool(self.get("AHB3ENR") & PWREN))
        self.update_clocks()

    def _write_icscr1(self, value: int) -> None:
        """A range is changed while its oscillator is off or ready."""
        kept, old = 0, self.get("ICSCR1")
        for name, mask in (("MSIS", MSISRANGE), ("MSIK", MSIKRANGE)):
            if self.is_on(name) and not self.is_ready(name):
                kept |= mask
        self.store("ICSCR1", value & ~kept | old & kept)
        self.update_clocks()


class PwrU5(Pwr):
    """RM0456 10, by the texts of the SVD file."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._coming: dict[int, Event] = {}  # by the bit that shows it
        self._applied = self.by_name["VOSR"].reset & VOS
        self._linear = True
        self.on_read("VOSR", lambda: self._read("VOSR"))
        self.on_read("SVMSR", self._read_svmsr)
        self.on_write("VOSR", self._write_vosr)
        self.on_write("CR3", self._write_cr3)
        self.on_write("SR", self._write_sr)
        self.on_write("WUSCR", lambda value: self.put("WUSR", self.get("WUSR") & ~value))

    def set_clock(self, on: bool) -> None:
        rcc = self.system.block("RCC")
        super().set_clock(on and not rcc.get("CFGR3") & AHB3DIS)

    def reset(self) -> None:
        super().reset()
        for event in self._coming.values():
            event.cancel()
        self._coming.clear()
        self._applied, self._linear = 0, True

    def wait_states_hz(self) -> Sequence[int]:
        names = ("wait_states_hz_range_4", "wait_states_hz_range_3", "wait_states_hz_range_2")
        return self.system.chip.clocks[(*names, "wait_states_hz")[self._range]]

    @property
    def _range(self) -> int:
        """VOS: the lower of what is asked for and what is there."""
        return min(self.get("VOSR") & VOS, self._applied) >> 16

    def problem(self, hclk: int) -> str | None:
        most = FASTEST_HZ[self._range]
        if hclk > most:
            return (
                f"HCLK is {hclk} Hz in range {4 - self._range}, which is for {most // MHZ} MHz "
                "and less (RM0456 10.5)"
            )
        if hclk > BOOSTED_HZ and not self.get("VOSR") & BOOSTRDY:
            return f"HCLK is {hclk} Hz, and the booster is not ready (PWR_VOSR.BOOSTRDY)"
        return None

    def _write_vosr(self, value: int) -> None:
        self.store("VOSR", value)
        startup, wanted = self.system.chip.startup_ns, self.get("VOSR") & VOS
        if wanted > self._applied:
            self._later(VOSRDY, startup["VOS"], self._arrive)
        else:
            self._lower(wanted >> 16)
            self._arrive()
        for enable, ready in ((BOOSTEN, BOOSTRDY), (USBBOOSTEN, USBBOOSTRDY)):
            if not self.get("VOSR") & enable:
                self._forget(ready)
            elif not self.get("VOSR") & ready and ready not in self._coming:
                self._later(ready, startup["BOOST"], lambda: None)
        self.system.check_speed()

    def _lower(self, vos: int) -> None:
        """A range is for PLLs of so many Hz, too (IS_LL_UTILS_PLL_FREQUENCY of ST's LL)."""
        rcc = self.system.block("RCC")
        assert isinstance(rcc, RccU5)
        if vos < self._applied >> 16 and rcc.is_on("PLL1") and rcc.pll_hz() > FASTEST_HZ[vos]:
            self.system.violation(f"range {4 - vos} while PLL1 gives {rcc.pll_hz()} Hz")

    def _arrive(self) -> None:
        self._forget(VOSRDY)
        self._applied = self.get("VOSR") & VOS
        self.put("VOSR", self.get("VOSR") | VOSRDY)

    def _later(self, bit: int, ns: int, done: Callable[[], None]) -> None:
        """The bit of VOSR is 0 until then."""

        def arrived() -> None:
            self._coming.pop(bit, None)
            self.put("VOSR", self.get("VOSR") | bit)
            done()

        self._forget(bit)
        self._coming[bit] = self.system.clock.after(ns, arrived)

    def _forget(self, bit: int) -> None:
        if event := self._coming.pop(bit, None):
            event.cancel()
        self.put("VOSR", self.get("VOSR") & ~bit)

    def _read(self, name: str) -> int:
        if self._coming:
            self.system.skip_to_next_event()
        return self.get(name)

    def _write_cr3(self, value: int) -> None:
        if self.store("CR3", value) & REGSEL:
            self.system.clock.after(self.system.chip.startup_ns["REGULATOR"], self._regulated)

    def _regulated(self) -> None:
        self._linear = not self.get("CR3") & REGSEL

    def _read_svmsr(self) -> int:
        regsel = bool(self.get("CR3") & REGSEL)
        if regsel == self._linear or self._coming:
            self.system.skip_to_next_event()
        ready = 0 if VOSRDY in self._coming else ACTVOSRDY
        return self._applied | ready | (0 if self._linear else REGS)

    def leftover(self) -> str:
        return "" if self._linear else "it has not gone back to the linear regulator"

    def _write_sr(self, value: int) -> None:
        if value & CSSF:
            self.put("SR", self.get("SR") & ~STOP_FLAGS)
