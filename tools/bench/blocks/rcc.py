"""RCC: oscillators, the system clock, and the clock and reset of every other block (RM0090 6, 7).

Oscillators take their start-up time in virtual time. HSE and LSE run only if the board has them.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chip import Peripheral
from ..clock import Event
from .base import Patience, RegisterBlock, System
from .clocktree import (
    PLLSRC_HSE,
    SW_HSE,
    SW_HSI,
    SW_PLL,
    SW_PLLR,
    Frequencies,
    frequencies,
)
from .oscillators import (
    HSEON,
    HSION,
    LSION,
    OSCILLATORS,
    PLLI2SON,
    PLLON,
    PLLS,
    PLLSAION,
    Oscillator,
)

HSEBYP = 1 << 18  # RCC.CR
RTC_SELECT, BDRST = 3 << 8, 1 << 16  # RCC.BDCR
RMVF = 1 << 24  # RCC.CSR
CSS_FLAG, CSS_CLEAR = 1 << 7, 1 << 23  # RCC.CIR
RESET_FLAGS = {
    "BOR": 1 << 25,
    "PIN": 1 << 26,
    "POR": 1 << 27,
    "SFT": 1 << 28,
    "IWDG": 1 << 29,
    "WWDG": 1 << 30,
    "LPWR": 1 << 31,
}
ALL_RESET_FLAGS = sum(RESET_FLAGS.values())


class Rcc(RegisterBlock):
    """Attributes for boards: `hse_hz` (0: none), `lse` (True if there is a 32 kHz crystal)."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.hse_hz = 0
        self.lse = False
        hsi = system.chip.clocks["hsi_hz"]
        self.clocks = Frequencies(hsi, hsi, hsi)
        self._sws = SW_HSI
        self._lsi_forced = False
        self._starting: dict[str, Event] = {}
        self._gates: dict[str, list[tuple[int, Callable[[bool], None]]]] = {}
        self.on_clocks: Callable[[], None] = lambda: None
        self.on_backup_reset: Callable[[], None] = lambda: None
        self._patience = Patience(system)
        for name in ("CR", "BDCR", "CSR"):
            self.on_read(name, self._reader_of_ready_flags(name))
        self.on_write("CR", self._write_cr)
        self.on_write("CFGR", self._write_cfgr)
        self.on_write("CIR", self._write_cir)
        self.on_write("BDCR", self._write_bdcr)
        self.on_write("CSR", self._write_csr)
        self.on_write("PLLCFGR", self._write_pllcfgr)
        for name, on in (("PLLI2SCFGR", PLLI2SON), ("PLLSAICFGR", PLLSAION)):
            if self.has(name):
                self.on_write(name, self._writer_while_off(name, on))
        for name in self.by_name:
            if name.endswith(("ENR", "RSTR")) and not name.endswith("LPENR"):
                self.on_write(name, self._writer_of_gates(name))

    def connect(self, register: str, mask: int, switch: Callable[[bool], None]) -> None:
        """Call `switch(level)` when a bit of an xxxENR or xxxRSTR register changes."""
        self._gates.setdefault(register, []).append((mask, switch))

    # --- reset ---------------------------------------------------------------------------------

    def reset(self) -> None:
        """System reset: the backup domain and the reset flags stay (RM0090 6.1.1)."""
        self.system_reset(None)

    def system_reset(self, cause: str | None) -> None:
        kept = self.get("BDCR"), self.get("CSR") & ALL_RESET_FLAGS
        for name, event in list(self._starting.items()):
            if name != "LSE":
                event.cancel()
                del self._starting[name]
        before = dict(self.values)
        super().reset()
        self.put("BDCR", kept[0])
        flags = kept[1] | (RESET_FLAGS["PIN"] | RESET_FLAGS[cause] if cause else 0)
        self.put("CSR", flags)
        self._lsi_forced = False
        self._sws = SW_HSI
        for register in self._gates:
            self._switch_gates(register, before[self.by_name[register].offset])
        self._update_clocks()

    def power_on(self) -> None:
        """Everything, the backup domain too; the flags say power-on, brown-out and pin."""
        self.system_reset(None)
        self.put("BDCR", 0)
        self.put("CSR", self.by_name["CSR"].reset)
        self.on_backup_reset()

    # --- xxxENR and xxxRSTR --------------------------------------------------------------------

    def _writer_of_gates(self, name: str) -> Callable[[int], None]:
        offset = self.by_name[name].offset

        def write(value: int) -> None:
            before = self.values[offset]
            if self.store(name, value):
                self._switch_gates(name, before)

        return write

    def _switch_gates(self, register: str, before: int) -> None:
        now = self.get(register)
        changed = before ^ now
        for mask, switch in self._gates.get(register, ()):
            if changed & mask:
                switch(bool(now & mask))

    # --- oscillators ---------------------------------------------------------------------------

    def _write_cr(self, value: int) -> None:
        old = self.get("CR")
        register = self.by_name["CR"]
        ready = sum(o.ready for o in OSCILLATORS if o.register == "CR")
        keep = ready | 0xFF00 | self._in_use()
        if old & HSEON:
            keep |= HSEBYP
        value = value & ~keep | old & keep
        self.put("CR", old & ~register.mask | value & register.mask)
        self._follow("CR", old)

    def _in_use(self) -> int:
        """On bits that cannot be cleared: what the system clock needs (RM0090 6.3.1)."""
        if self._sws in (SW_PLL, SW_PLLR):
            return PLLON | (HSEON if self.get("PLLCFGR") & PLLSRC_HSE else HSION)
        return HSEON if self._sws == SW_HSE else HSION

    def _follow(self, register: str, old: int) -> None:
        """Start or stop the oscillators whose on bit differs from `old`."""
        now = self.get(register)
        for oscillator in OSCILLATORS:
            if oscillator.register == register and (old ^ now) & oscillator.on:
                if now & oscillator.on:
                    self._start(oscillator)
                else:
                    self._stop(oscillator)
        self._update_clocks()

    def _start(self, oscillator: Oscillator) -> None:
        if oscillator.name in self._starting or self._is_ready(oscillator):
            return
        if not self._can_run(oscillator.name):
            return
        startup = self.system.chip.startup_ns
        ns = startup["PLL" if oscillator.name in PLLS else oscillator.name]
        event = self.system.clock.after(ns, lambda: self._became_ready(oscillator))
        self._starting[oscillator.name] = event

    def _stop(self, oscillator: Oscillator) -> None:
        if oscillator.name == "LSI" and self._lsi_forced:
            return
        if event := self._starting.pop(oscillator.name, None):
            event.cancel()
        self.put(oscillator.register, self.get(oscillator.register) & ~oscillator.ready)
        if oscillator.name in ("HSI", "HSE"):
            self._restart_plls()

    def _restart_plls(self) -> None:
        """A PLL whose source has stopped loses its lock; one whose source came may start."""
        for pll in (o for o in OSCILLATORS if o.name in PLLS and self.get("CR") & o.on):
            if not self._can_run(pll.name):
                self._stop(pll)
            else:
                self._start(pll)

    def _can_run(self, name: str) -> bool:
        if name in PLLS:
            cr = self.get("CR")
            source = HSEON if self.get("PLLCFGR") & PLLSRC_HSE else HSION
            return bool(cr & source << 1)
        return bool(self.hse_hz) if name == "HSE" else self.lse if name == "LSE" else True

    def _is_ready(self, oscillator: Oscillator) -> bool:
        return bool(self.get(oscillator.register) & oscillator.ready)

    def _reader_of_ready_flags(self, register: str) -> Callable[[], int]:
        offset = self.by_name[register].offset
        on = sum(o.on for o in OSCILLATORS if o.register == register)

        def read() -> int:
            value = self.values[offset]
            self._patience.asked(bool(value & on & ~(value >> 1)))
            return value

        return read

    def _became_ready(self, oscillator: Oscillator) -> None:
        self._starting.pop(oscillator.name, None)
        self.put(oscillator.register, self.get(oscillator.register) | oscillator.ready)
        if self.get("CIR") >> 8 + oscillator.cir & 1:
            self.put("CIR", self.get("CIR") | 1 << oscillator.cir)
            self._drive_irq()
        if oscillator.name in ("HSI", "HSE"):
            self._restart_plls()
        self._update_clocks()

    def force_lsi(self) -> None:
        """The independent watchdog runs: LSI is on and cannot be switched off (RM0090 6.2.5).
        LSION is what software wrote: a ready LSI without it gives the watchdog away."""
        self._lsi_forced = True
        self._start(OSCILLATORS[0])

    def fail_hse(self) -> None:
        """The crystal stops, as when it is touched: clock security (RM0090 6.2.7)."""
        old = self.get("CR")
        self.hse_hz, secured = 0, old & 1 << 19
        self.put("CR", old & ~(HSEON | HSEON << 1))
        if self._sws == SW_HSE or (self._sws == SW_PLL and self.get("PLLCFGR") & PLLSRC_HSE):
            self.put("CR", self.get("CR") & ~(PLLON | PLLON << 1) | HSION | HSION << 1)
            self.put("CFGR", self.get("CFGR") & ~3)
        self._follow("CR", old)  # what was about to start is not any more
        if secured:
            self.put("CIR", self.get("CIR") | CSS_FLAG)
            self.system.nmi()

    # --- PLL configuration ---------------------------------------------------------------------

    def _write_pllcfgr(self, value: int) -> None:
        cr = self.get("CR")
        if cr & PLLON:
            return  # "written only when PLL is disabled" (RM0090 6.3.2)
        if cr & (PLLI2SON | PLLSAION):
            shared = PLLSRC_HSE | 0x3F
            value = value & ~shared | self.get("PLLCFGR") & shared
        self.store("PLLCFGR", value)

    def _writer_while_off(self, name: str, on: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            if not self.get("CR") & on:
                self.store(name, value)

        return write

    # --- the clock tree ------------------------------------------------------------------------

    def _write_cfgr(self, value: int) -> None:
        self.put("CFGR", self.get("CFGR") & 0xC | self._masked_cfgr(value))
        self._update_clocks()

    def _masked_cfgr(self, value: int) -> int:
        return value & self.by_name["CFGR"].mask & ~0xC

    def _update_clocks(self) -> None:
        """Switch to the source in SW as soon as it is ready, then work out the frequencies."""
        wanted = self.get("CFGR") & 3
        if wanted != self._sws and self._source_ready(wanted):
            self._sws = wanted
        cfgr = self.get("CFGR") & ~0xC | self._sws << 2
        self.put("CFGR", cfgr)
        hsi = self.system.chip.clocks["hsi_hz"]
        self.clocks = frequencies(self._sws, cfgr, self.get("PLLCFGR"), hsi, self.hse_hz)
        self.on_clocks()

    def _source_ready(self, source: int) -> bool:
        on = {SW_HSI: HSION, SW_HSE: HSEON}.get(source, PLLON)
        return bool(self.get("CR") & on << 1)

    # --- interrupts, backup domain, reset flags ------------------------------------------------

    def _write_cir(self, value: int) -> None:
        cir = self.get("CIR") & ~(value >> 16 & 0x7F)
        if value & CSS_CLEAR:
            cir &= ~CSS_FLAG
        enables = self.by_name["CIR"].mask & 0x7F00
        self.put("CIR", cir & 0xFF | value & enables)
        self._drive_irq()

    def _drive_irq(self) -> None:
        cir = self.get("CIR")
        self.irq(bool(cir & cir >> 8 & 0x7F))

    def _write_bdcr(self, value: int) -> None:
        if not self.backup_writable():
            return
        old = self.get("BDCR")
        if value & BDRST:
            if event := self._starting.pop("LSE", None):
                event.cancel()
            self.put("BDCR", BDRST)
            self.on_backup_reset()
            return
        if old & RTC_SELECT:  # can be chosen once (RM0090 6.3.20)
            value = value & ~RTC_SELECT | old & RTC_SELECT
        value = value & ~2 | old & 2
        self.put("BDCR", value & self.by_name["BDCR"].mask)
        self._follow("BDCR", old)

    def backup_writable(self) -> bool:
        """PWR_CR.DBP: the backup domain is write-protected after a reset (RM0090 5.1.2)."""
        return bool(self.system.block("PWR").get("CR") & 1 << 8)

    def _write_csr(self, value: int) -> None:
        old = self.get("CSR")
        if value & RMVF:
            old &= ~ALL_RESET_FLAGS
        self.put("CSR", old & ~LSION | value & LSION)
        self._follow("CSR", old)
