"""ICACHE and DCACHE, between a Cortex-M33 and memory (RM0481 8 and 9, RM0456 10 and 11).

CACHEINV starts an invalidation, and so does switching the cache off (HAL_ICACHE_Disable and
HAL_DCACHE_Disable: "it automatically starts a cache invalidation procedure"). That of a reset is
over at once here. No bit of RCC resets them.
"""

from __future__ import annotations

from ..chip import Peripheral
from .base import Polling, RegisterBlock, System

EN, CACHEINV, WAYSEL = 1 << 0, 1 << 1, 1 << 2  # CR
BUSYF = 1 << 0  # SR
BSYENDF = 1 << 1  # SR; its bit in IER and FCR is the same, as of every flag
INVALIDATION_NS = 10_000  # of no manual: 512 lines at a cycle each, at 50 MHz


class StCache(RegisterBlock):
    """What both have in common."""

    ONLY_WHILE_OFF = 0
    """Bits of CR."""
    MONITORS = (("RHMONR", 16), ("RMMONR", 17), ("WHMONR", 20), ("WMMONR", 21))
    """Counters, and the bit of CR that enables each; that which holds it in reset is 2 above."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._polling = Polling(system)
        self.on_write("CR", self._write_cr)
        self.on_write("IER", self._write_ier)
        self.on_write("FCR", self._write_fcr)
        self.on_read("SR", self._read_sr)

    @property
    def busy(self) -> bool:
        return bool(self.get("SR") & BUSYF)

    def leftover(self) -> str:
        return "its invalidation has not ended" if self.busy else ""

    def _read_sr(self) -> int:
        self._polling.note(self.busy)
        return self.get("SR")

    def _write_cr(self, value: int) -> None:
        old = self.get("CR")
        if old & EN:
            value = value & ~self.ONLY_WHILE_OFF | old & self.ONLY_WHILE_OFF
        self.store("CR", value & ~self.by_name["CR"].self_clearing)
        for counter, bit in self.MONITORS:
            if value >> bit + 2 & 1:
                self.put(counter, 0)
            elif value & EN and value >> bit & 1:  # the first access counts at once
                self.put(counter, self.get(counter) or 1)
        if value & CACHEINV or old & EN & ~value:
            self.put("SR", self.get("SR") | BUSYF)
            self.system.clock.after(INVALIDATION_NS, self._invalidated)

    def _invalidated(self) -> None:
        if self.busy:  # there was no reset
            self.put("SR", self.get("SR") & ~BUSYF | BSYENDF)
            self._drive()

    def _write_ier(self, value: int) -> None:
        self.store("IER", value)
        self._drive()

    def _write_fcr(self, value: int) -> None:
        self.put("SR", self.get("SR") & ~(value & self.by_name["FCR"].mask))
        self._drive()

    def _drive(self) -> None:
        self.irq(bool(self.get("SR") & self.get("IER")))


class Icache(StCache):
    ONLY_WHILE_OFF = WAYSEL
    MONITORS = (("HMONR", 16), ("MMONR", 17))
