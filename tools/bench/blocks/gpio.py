"""GPIO ports: levels of pins and the alternate functions that peripherals need (RM0090 8)."""

from __future__ import annotations

from collections.abc import Callable

from ..chip import Peripheral
from .base import RegisterBlock, System

OUTPUT, ALTERNATE, ANALOG = 1, 2, 3
PULL_UP = 1


class Gpio(RegisterBlock):
    """`on_input` is called with pin and level when a level changes. `pulled_up` are the pins that
    resistors of the board hold high."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.pulled_up: set[int] = set()
        self._driven: dict[int, bool] = {}
        self.on_input: Callable[[int, bool], None] = lambda pin, level: None
        self.on_read("IDR", self._read_idr)
        self.on_write("BSRR", self._write_bsrr)
        if self.has("BRR"):
            self.on_write("BRR", lambda value: self._write_bsrr((value & 0xFFFF) << 16))

    def drive(self, pin: int, level: bool | None) -> None:
        """Drive pin 0 to 15 from outside, as a button does; None: no longer."""
        before = self.level(pin)
        if level is None:
            self._driven.pop(pin, None)
        else:
            self._driven[pin] = level
        if self.level(pin) != before:
            self.on_input(pin, not before)

    def mode(self, pin: int) -> int:
        return self.get("MODER") >> 2 * pin & 3

    def alternate(self, pin: int) -> int | None:
        """The number of the alternate function that the pin has, or None."""
        if self.mode(pin) != ALTERNATE:
            return None
        return self.get("AFRH" if pin >= 8 else "AFRL") >> 4 * (pin % 8) & 0xF

    def level(self, pin: int) -> bool:
        """What IDR shows: the output, what drives the pin, or a pull-up."""
        mode = self.mode(pin)
        if mode == ANALOG:
            return False
        if mode == OUTPUT:
            return bool(self.get("ODR") >> pin & 1)
        if pin in self._driven:
            return self._driven[pin]
        return pin in self.pulled_up or self.get("PUPDR") >> 2 * pin & 3 == PULL_UP

    def _read_idr(self) -> int:
        return sum(1 << pin for pin in range(16) if self.level(pin))

    def _write_bsrr(self, value: int) -> None:
        odr = self.get("ODR") & ~(value >> 16) | value & 0xFFFF  # set wins (RM0090 8.4.7)
        self.put("ODR", odr)
