"""RTC: write protection, the ready flags, and a calendar that follows virtual time (RM0090 26).

It is in the backup domain: a system reset only changes the flags of its bus interface, PWR's DBP
protects it, a bit of RCC resets it. Alarms and the wake-up timer are registers without
behaviour; starting one is reported.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..chip import Peripheral
from ..clock import NS_PER_S
from .base import RegisterBlock, System
from .rcc import Rcc

INIT, INITF, RSF, INITS, WUTWF, ALRBWF, ALRAWF = 1 << 7, 1 << 6, 1 << 5, 1 << 4, 4, 2, 1  # ISR
WUTE, ALRBE, ALRAE = 1 << 10, 1 << 9, 1 << 8  # CR
KEYS = (0xCA, 0x53)
BKP0R = 0x50


class Rtc(RegisterBlock):
    STATUS = "ISR"
    UNPROTECTED = (0x0C, 0x24, 0x40)
    """Offsets that need no key: ISR, WPR, TAFCR, and the backup registers from BKP0R on."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._keys: list[int] = []
        self._set_at = 0  # virtual ns at which the calendar showed `_time`
        self._time = datetime(2000, 1, 1)
        self.on_write("WPR", self._write_wpr)
        self.on_write(self.STATUS, self._write_isr)
        self.on_write("CR", self._write_cr)
        self.on_read(self.STATUS, self._read_isr)
        self.on_read("TR", lambda: self._tr(self._now()))
        self.on_read("DR", lambda: self._dr(self._now()))
        self.on_read("SSR", self._read_ssr)

    def reset(self) -> None:
        """A system reset: the calendar keeps running."""
        self._keys.clear()
        self.put(self.STATUS, self.get(self.STATUS) & ~(INIT | INITF | RSF))

    def power_on(self) -> None:
        self.backup_reset()

    def backup_reset(self) -> None:
        super().reset()
        self._keys.clear()
        self._time, self._set_at = datetime(2000, 1, 1), self.system.clock.now

    @property
    def ticking(self) -> bool:
        """RTCEN is set and the chosen oscillator runs."""
        rcc = self.system.block("RCC")
        assert isinstance(rcc, Rcc)
        return rcc.rtc_runs

    def write(self, offset: int, size: int, value: int) -> None:
        free = offset & ~3 in self.UNPROTECTED or offset >= BKP0R
        if not self.system.backup_writable() or (not free and self._keys != list(KEYS)):
            return
        super().write(offset, size, value)

    # --- protection and initialisation ---------------------------------------------------------

    def _write_wpr(self, value: int) -> None:
        self._keys = [*self._keys, value & 0xFF][-2:]
        if self._keys[0] != KEYS[0]:
            self._keys = self._keys[-1:]

    def _write_isr(self, value: int) -> None:
        old = self.get(self.STATUS)
        flags = old & (value | ~0x7F20)  # RSF and the event flags are cleared by a 0
        if self._keys == list(KEYS):
            flags = flags & ~INIT | value & INIT
            if old & INIT and not value & INIT:
                self._start_calendar()
                flags &= ~INITF
        self.put(self.STATUS, flags)

    def _read_isr(self) -> int:
        isr = self.get(self.STATUS) & ~(INITF | RSF)
        if isr & INIT and self.ticking:
            isr |= INITF
        elif self.ticking:
            isr |= RSF
        if self._now().year != 2000:
            isr |= INITS
        cr = self.get("CR")
        ready = (0 if cr & WUTE else WUTWF) | (0 if cr & ALRBE else ALRBWF)
        return isr & ~7 | ready | (0 if cr & ALRAE else ALRAWF)

    def _write_cr(self, value: int) -> None:
        self.store("CR", value)
        if self.get("CR") & (WUTE | ALRAE | ALRBE):
            self.system.report("the program starts an RTC alarm or wake-up timer")

    # --- the calendar --------------------------------------------------------------------------

    def _start_calendar(self) -> None:
        tr, dr = self.get("TR"), self.get("DR")
        two = _from_bcd
        self._set_at = self.system.clock.now
        try:
            self._time = datetime(
                2000 + two(dr >> 16), two(dr >> 8 & 0x1F), two(dr & 0x3F),
                two(tr >> 16 & 0x3F), two(tr >> 8 & 0x7F), two(tr & 0x7F),
            )  # fmt: skip
        except ValueError:
            self.system.report(f"the program sets the RTC to TR {tr:06X}, DR {dr:06X}")

    def _now(self) -> datetime:
        if not self.ticking:
            return self._time
        elapsed = self.system.clock.now - self._set_at
        return self._time + timedelta(microseconds=elapsed // 1000)

    def _tr(self, now: datetime) -> int:
        if self.get(self.STATUS) & INIT:
            return self.get("TR")
        return _bcd(now.hour) << 16 | _bcd(now.minute) << 8 | _bcd(now.second)

    def _dr(self, now: datetime) -> int:
        if self.get(self.STATUS) & INIT:
            return self.get("DR")
        date = _bcd(now.year % 100) << 16 | _bcd(now.month) << 8 | _bcd(now.day)
        return date | now.isoweekday() << 13

    def _read_ssr(self) -> int:
        prediv_s = self.get("PRER") & 0x7FFF
        part = (self.system.clock.now - self._set_at) % NS_PER_S if self.ticking else 0
        return prediv_s - part * (prediv_s + 1) // NS_PER_S


class RtcV3(Rtc):
    """With its event flags in SR and SCR, and the backup registers in TAMP (header of the G0)."""

    STATUS = "ICSR"
    UNPROTECTED = (0x0C, 0x24, 0x5C)  # ICSR, WPR, SCR


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _from_bcd(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 15)
