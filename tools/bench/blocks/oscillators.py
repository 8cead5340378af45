"""The oscillators and PLLs of a chip: the bits that start them, their ready bits, the time
between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..clock import NS_PER_S, Event
from .base import System

STOP_CYCLES = 6  # of HSE, HSI, until it is off and its ready flag falls (RM0090 7.3.1)


@dataclass(frozen=True)
class Oscillator:
    """`on` and `ready` are masks in `register`; `interrupt` is the number of its ready flag."""

    name: str
    register: str
    on: int
    ready: int
    interrupt: int


class Registers(Protocol):
    """What the oscillators use of RCC."""

    system: System
    hse_hz: int
    lse: bool

    def get(self, name: str) -> int: ...

    def put(self, name: str, value: int) -> None: ...

    def pll_source(self) -> str: ...


class Oscillators:
    """All oscillators of a chip, from its family file.

    Args:
        rcc: has their bits.
        started: called with the number of the ready interrupt of one that has started.
        changed: called when hardware has changed a ready bit.
    """

    def __init__(
        self, rcc: Registers, started: Callable[[int], None], changed: Callable[[], None]
    ) -> None:
        data = rcc.system.chip.rcc
        self._rcc, self._started, self._changed = rcc, started, changed
        self._all = {
            name: Oscillator(name, register, 1 << on, 1 << ready, interrupt)
            for name, (register, on, ready, interrupt) in data["oscillators"].items()
        }
        self.plls: tuple[str, ...] = tuple(data["plls"])
        self.lsi_forced = False
        self._starting: dict[str, Event] = {}
        self._stopping: dict[str, Event] = {}

    def __getitem__(self, name: str) -> Oscillator:
        return self._all[name]

    @property
    def registers(self) -> set[str]:
        """Those with their bits."""
        return {oscillator.register for oscillator in self._all.values()}

    def within(self, register: str) -> list[Oscillator]:
        return [o for o in self._all.values() if o.register == register]

    def is_ready(self, name: str) -> bool:
        return bool(self._rcc.get(self[name].register) & self[name].ready)

    def is_on(self, name: str) -> bool:
        return bool(self._rcc.get(self[name].register) & self[name].on)

    def set_bits(self, name: str, *, on: bool) -> None:
        """Set or clear the on and the ready bit at once, as hardware does."""
        register, bits = self[name].register, self[name].on | self[name].ready
        self._rcc.put(register, self._rcc.get(register) & ~bits | (bits if on else 0))

    def follow(self, register: str, old: int) -> None:
        """Start or stop those whose on bit differs from `old`."""
        now = self._rcc.get(register)
        for oscillator in self.within(register):
            if (old ^ now) & oscillator.on:
                if now & oscillator.on:
                    self.start(oscillator.name)
                else:
                    self._stop(oscillator.name)

    def start(self, name: str) -> None:
        _cancel(self._stopping, name)
        if name in self._starting or self.is_ready(name) or not self._can_run(name):
            return
        ns = self._rcc.system.chip.startup_ns["PLL" if name in self.plls else name]
        self._starting[name] = self._rcc.system.clock.after(ns, lambda: self._became_ready(name))

    def reset(self, *, kept: Mapping[str, int]) -> None:
        """Cancel all starts and stops, but for those whose on bit a system reset keeps. LSI goes
        on there only if software has started it, as the watchdog stops.

        kept: register -> the bits that are kept.
        """
        for events in (self._starting, self._stopping):
            for name in list(events):
                if not kept.get(self[name].register, 0) & self[name].on:
                    _cancel(events, name)
        if self.lsi_forced and not self.is_on("LSI"):
            _cancel(self._starting, "LSI")
            self._set_ready("LSI", False)
        self.lsi_forced = False

    def restart_plls(self) -> None:
        """A PLL stops with its source, and may start once its source runs."""
        for name in self.plls:
            if self.is_on(name) and self._can_run(name):
                self.start(name)
            elif self.is_on(name):
                _cancel(self._starting, name)
                self._set_ready(name, False)

    def _stop(self, name: str) -> None:
        if name == "LSI" and self.lsi_forced:
            return
        _cancel(self._starting, name)
        if name in self._stopping or not self.is_ready(name):
            return
        hsi = self._rcc.system.chip.clocks["hsi_hz"]
        if hz := {"HSE": self._rcc.hse_hz, "HSI": hsi}.get(name):
            ns = STOP_CYCLES * NS_PER_S // hz
            self._stopping[name] = self._rcc.system.clock.after(ns, lambda: self._stopped(name))
        else:
            self._stopped(name)

    def _stopped(self, name: str) -> None:
        self._stopping.pop(name, None)
        self._set_ready(name, False)
        self.restart_plls()

    def _became_ready(self, name: str) -> None:
        self._starting.pop(name, None)
        self._set_ready(name, True)
        self._started(self[name].interrupt)
        if name not in self.plls:
            self.restart_plls()
        self._changed()

    def _set_ready(self, name: str, ready: bool) -> None:
        register, bit = self[name].register, self[name].ready
        self._rcc.put(register, self._rcc.get(register) & ~bit | (bit if ready else 0))

    def _can_run(self, name: str) -> bool:
        if name in self.plls:
            source = self._rcc.pll_source()
            return bool(source) and self.is_ready(source)
        return {"HSE": bool(self._rcc.hse_hz), "LSE": self._rcc.lse}.get(name, True)


def _cancel(events: dict[str, Event], name: str) -> None:
    if event := events.pop(name, None):
        event.cancel()
