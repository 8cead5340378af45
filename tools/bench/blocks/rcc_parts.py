"""Two parts of RCC: the enable and reset bits of other blocks, and ready interrupts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .base import RegisterBlock

LOW_POWER = ("LPENR", "SMENR")  # clocks in sleep mode: nothing depends on them here
Switch = Callable[[bool], None]


class Gates:
    """The bits of xxxENR and xxxRSTR, and what to call when one changes."""

    def __init__(self, rcc: RegisterBlock) -> None:
        self._rcc = rcc
        self._switches: dict[str, list[tuple[int, Switch]]] = {}
        for name in rcc.by_name:
            bus = name.rstrip("12")  # APBENR1
            if bus.endswith(("ENR", "RSTR")) and not bus.endswith(LOW_POWER):
                rcc.on_write(name, lambda value, name=name: self._write(name, value))

    def connect(self, register: str, mask: int, switch: Switch) -> None:
        self._switches.setdefault(register, []).append((mask, switch))

    def changed(self, before: Mapping[int, int]) -> None:
        """The registers have been reset; these were their values, by offset."""
        for register in self._switches:
            self._switch(register, before[self._rcc.by_name[register].offset])

    def _write(self, name: str, value: int) -> None:
        before = self._rcc.get(name)
        if self._rcc.store(name, value):
            self._switch(name, before)

    def _switch(self, register: str, before: int) -> None:
        now = self._rcc.get(register)
        for mask, switch in self._switches.get(register, ()):
            if (before ^ now) & mask:
                switch(bool(now & mask))


class ReadyInterrupts:
    """The ready flags of the oscillators, and the flag of clock security, which is an NMI.

    Enable, flag and clear bits are in three registers or in one: `data` has the register and the
    bit of flag 0 of each, the number of the flag of clock security, which comes after the others,
    and a mask of those behind it, if there are `more`.
    """

    def __init__(self, rcc: RegisterBlock, data: Mapping[str, Any]) -> None:
        self._rcc = rcc
        self._enable, self._flag, self._clear = (data[key] for key in ("enable", "flag", "clear"))
        self.css: int = data["css"]
        self._ready = (1 << self.css) - 1 | data.get("more", 0)
        for name in {self._enable[0], self._clear[0]}:
            rcc.on_write(name, lambda value, name=name: self._write(name, value))

    def ready(self, number: int) -> None:
        """The oscillator with this flag has started: set the flag if its interrupt is enabled."""
        register, shift = self._enable
        if self._rcc.get(register) >> shift + number & 1:
            self.rise(number)

    def rise(self, number: int) -> None:
        register, shift = self._flag
        self._rcc.put(register, self._rcc.get(register) | 1 << shift + number)
        self._drive()

    def _write(self, name: str, value: int) -> None:
        if name == self._clear[0]:
            cleared = value >> self._clear[1] & (self._ready | 1 << self.css)
            register, shift = self._flag
            self._rcc.put(register, self._rcc.get(register) & ~(cleared << shift))
        if name == self._enable[0]:
            bits = self._rcc.by_name[name].mask & self._ready << self._enable[1]
            self._rcc.put(name, self._rcc.get(name) & ~bits | value & bits)
        self._drive()

    def _drive(self) -> None:
        (enable, up), (flag, down) = self._enable, self._flag
        self._rcc.irq(
            bool(self._rcc.get(enable) >> up & self._rcc.get(flag) >> down & self._ready)
        )
