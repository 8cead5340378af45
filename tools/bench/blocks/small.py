"""Blocks whose behaviour is a few lines: RNG, CAN's mode handshake (RM0090 24, 32.4), and the
debug registers."""

from __future__ import annotations

import random

from ..chip import Peripheral
from .base import RegisterBlock, System

RNGEN, IE, DRDY = 1 << 2, 1 << 3, 1
RNG_NS = 850  # 40 periods of the 48 MHz clock
SEED = 0x52_4E_47
INRQ, SLEEP = 1, 2  # CAN_MCR; acknowledged by the same bits of CAN_MSR


class Rng(RegisterBlock):
    """Pseudo-random numbers, the same in every run."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._random = random.Random(SEED)
        self.on_write("CR", self._write_cr)
        self.on_read("DR", self._read_dr)

    def _write_cr(self, value: int) -> None:
        if self.store("CR", value) & RNGEN and value & RNGEN:
            self.system.clock.after(RNG_NS, self._ready)
        elif not value & RNGEN:
            self.put("SR", self.get("SR") & ~DRDY)
        self._drive()

    def _ready(self) -> None:
        if self.get("CR") & RNGEN and not self.get("SR") & DRDY:
            self.put("DR", self._random.getrandbits(32))
            self.put("SR", self.get("SR") | DRDY)
            self._drive()

    def _read_dr(self) -> int:
        value = self.get("DR") if self.get("SR") & DRDY else 0
        self.put("SR", self.get("SR") & ~DRDY)
        self.put("DR", 0)
        self.system.clock.after(RNG_NS, self._ready)
        self._drive()
        return value

    def _drive(self) -> None:
        self.irq(bool(self.get("CR") & IE and self.get("SR") & DRDY))


class Can(RegisterBlock):
    """Acknowledges initialisation and sleep mode; there is no bus."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("MCR", self._write_mcr)

    def _write_mcr(self, value: int) -> None:
        if value & 1 << 15:  # RESET: force a master reset
            self.reset()
            return
        self.store("MCR", value)
        modes = INRQ | SLEEP
        self.put("MSR", self.get("MSR") & ~modes | value & modes)


class Dbgmcu(RegisterBlock):
    """Only a power-on resets it (RM0090 38.16.3)."""

    def power_on(self) -> None:
        super().reset()

    def reset(self) -> None:
        """A system reset does not change it."""
