"""EXTI: pins and other wake-up lines to interrupts (RM0090 12.2, 12.3)."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System
from .syscfg import Syscfg


class Exti(RegisterBlock):
    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._irqs = system.chip.exti_irqs
        self.on_write("IMR", self._write_imr)
        self.on_write("PR", self._write_pr)
        self.on_write("SWIER", self._write_swier)

    def pin_changed(self, port: int, pin: int, level: bool) -> None:
        """Pin 0 to 15 of a port (0 is A) went up or down."""
        syscfg = self.system.block("SYSCFG")
        if isinstance(syscfg, Syscfg) and syscfg.port_of(pin) == port:
            self.edge(pin, level)

    def edge(self, line: int, rising: bool) -> None:
        """An edge on a line: it becomes pending if RTSR or FTSR selects that edge."""
        if self.get("RTSR" if rising else "FTSR") >> line & 1:
            self._pend(1 << line)

    def reset(self) -> None:
        super().reset()
        self._drive()

    def _write_imr(self, value: int) -> None:
        self.store("IMR", value)
        self._drive()

    def _write_swier(self, value: int) -> None:
        risen = value & self.by_name["SWIER"].mask & ~self.get("SWIER")
        self.put("SWIER", self.get("SWIER") | risen)
        self._pend(risen & self.get("IMR"))

    def _write_pr(self, value: int) -> None:
        self.put("PR", self.get("PR") & ~value)
        self.put("SWIER", self.get("SWIER") & ~value)  # cleared along with PR (RM0090 12.3.5)
        self._drive()

    def _pend(self, lines: int) -> None:
        self.put("PR", self.get("PR") | lines)
        self._drive()

    def _drive(self) -> None:
        active = self.get("PR") & self.get("IMR")
        up = {irq for line, irq in enumerate(self._irqs) if active >> line & 1}
        for irq in set(self._irqs):
            self.system.irq(self.name, irq, irq in up)
