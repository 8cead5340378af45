"""The two watchdogs (RM0090 21, 22). Both reset the chip."""

from __future__ import annotations

from ..chip import Peripheral
from ..clock import NS_PER_S, Event
from .base import RegisterBlock, System
from .rcc import Rcc

KEY_RELOAD, KEY_START, KEY_UNLOCK = 0xAAAA, 0xCCCC, 0x5555
PVU, RVU, WVU = 1, 2, 4  # IWDG_SR
SYNC_LSI_CYCLES = 5  # "up to 5 RC 40 kHz cycles" for a new PR or RLR
WDGA, EWI, EWIF = 1 << 7, 1 << 9, 1


class Iwdg(RegisterBlock):
    """The independent watchdog. Runs on LSI; only a reset stops it."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.running = False
        self._unlocked = False
        self._expiry: Event | None = None
        self._reloaded_at = 0
        self.on_write("KR", self._write_kr)
        self.on_write("PR", lambda value: self._write_protected("PR", value, PVU))
        self.on_write("RLR", lambda value: self._write_protected("RLR", value, RVU))
        if self.has("WINR"):
            self.on_write("WINR", self._write_winr)

    @property
    def timeout_ns(self) -> int:
        divider = 4 << min(self.get("PR"), 6)
        return (self.get("RLR") + 1) * divider * NS_PER_S // self.system.chip.clocks["lsi_hz"]

    def start(self) -> None:
        """Called for the key, and after a reset if the option bit WDG_SW is 0."""
        self.running = True
        rcc = self.system.block("RCC")
        assert isinstance(rcc, Rcc)
        rcc.force_lsi()
        self._reload()

    def keep_reloaded(self) -> None:
        """The ROM reloads a running watchdog from now on (AN2606 4.1)."""
        if self._expiry:
            self._expiry.cancel()

    def reset(self) -> None:
        super().reset()
        self.running = self._unlocked = False
        if self._expiry:
            self._expiry.cancel()

    def _write_kr(self, value: int) -> None:
        key = value & 0xFFFF
        self._unlocked = key == KEY_UNLOCK
        if key == KEY_START:
            self.start()
        elif key == KEY_RELOAD and self.running:
            if self.has("WINR") and self._counter() > self.get("WINR"):
                self._expire()
            else:
                self._reload()

    def _counter(self) -> int:
        """Counts down from RLR."""
        passed = self.system.clock.now - self._reloaded_at
        return max(self.get("RLR") - passed * (self.get("RLR") + 1) // self.timeout_ns, 0)

    def _reload(self) -> None:
        if self._expiry:
            self._expiry.cancel()
        self._reloaded_at = self.system.clock.now
        self._expiry = self.system.clock.after(self.timeout_ns, self._expire)

    def _write_winr(self, value: int) -> None:
        """A write of the window reloads the counter too (RM0367 25.3.2)."""
        if self._unlocked and not self.get("SR") & WVU and self.running:
            self._reload()
        self._write_protected("WINR", value, WVU)

    def _expire(self) -> None:
        self.system.request_reset("IWDG")

    def _write_protected(self, name: str, value: int, flag: int) -> None:
        if not self._unlocked or self.get("SR") & flag:
            return
        self.store(name, value)
        self.put("SR", self.get("SR") | flag)
        ns = SYNC_LSI_CYCLES * NS_PER_S // self.system.chip.clocks["lsi_hz"]
        self.system.clock.after(ns, lambda: self.put("SR", self.get("SR") & ~flag))


class Wwdg(RegisterBlock):
    """The window watchdog: resets when bit 6 of CR.T becomes 0, or on a refresh above CFR.W."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._loaded_at = 0
        self._step = 1  # ns, when that was last looked at
        self._early: Event | None = None
        self._expiry: Event | None = None
        self.on_write("CR", self._write_cr)
        self.on_read("CR", self._read_cr)
        self.on_write("SR", self._write_sr)

    def reset(self) -> None:
        super().reset()
        self._cancel()

    def divider(self) -> int:
        """Of the clock of the bus: 4096 and CFR.WDGTB."""
        return 4096 << (self.get("CFR") >> 7 & 3)

    def _step_ns(self) -> int:
        return self.divider() * NS_PER_S // self.system.frequency(self.facts.bus)

    def _counter(self) -> int:
        start = self.get("CR") & 0x7F
        if not self.get("CR") & WDGA:
            return start
        return max(start - (self.system.clock.now - self._loaded_at) // self._step_ns(), 0)

    def _read_cr(self) -> int:
        return self.get("CR") & WDGA | self._counter()

    def _write_cr(self, value: int) -> None:
        active = self.get("CR") & WDGA
        if active and self._counter() > self.get("CFR") & 0x7F:
            self.system.request_reset("WWDG")
            return
        self.put("CR", value & 0x7F | active | value & WDGA)
        self._loaded_at, self._step = self.system.clock.now, self._step_ns()
        self._cancel()
        if not self.get("CR") & WDGA:
            return
        if not value & 0x40:
            self.system.request_reset("WWDG")
            return
        self._schedule()

    def _schedule(self) -> None:
        """From where the counter is now."""
        clock, steps = self.system.clock, (self.get("CR") & 0x7F) - 0x40
        early = self._loaded_at + steps * self._step - clock.now
        if early >= 0:
            self._early = clock.after(early, self._warn)
        self._expiry = clock.after(max(early + self._step, 0), self._expire)

    def clock_changed(self) -> None:
        """What has been counted stays; the rest takes the time of the new clock."""
        step = self._step_ns()
        if self.get("CR") & WDGA and step != self._step:
            now = self.system.clock.now
            self._loaded_at = now - (now - self._loaded_at) * step // self._step
            self._step = step
            self._cancel()
            self._schedule()

    def _cancel(self) -> None:
        for event in (self._early, self._expiry):
            if event:
                event.cancel()

    def _warn(self) -> None:
        self.put("SR", EWIF)
        self.irq(bool(self.get("CFR") & EWI))

    def _expire(self) -> None:
        self.system.request_reset("WWDG")

    def _write_sr(self, value: int) -> None:
        self.put("SR", self.get("SR") & value)
        self.irq(False)


class WwdgV2(Wwdg):
    """WDGTB has a third bit, and another place."""

    def divider(self) -> int:
        return 4096 << (self.get("CFR") >> 11 & 7)
