"""EXTI: pins and other wake-up lines to interrupts (RM0090 12.2, 12.3; RM0433 20.6).

An H7 has more than 32 lines: its registers have numbers, and the first of each are those for lines
0 to 31. Higher lines have no interrupt here. A G0 has pending bits for each edge, and chooses the
ports itself.
"""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System
from .syscfg import Syscfg


class Exti(RegisterBlock):
    PENDING = "PR"

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._irqs = system.chip.exti_irqs
        names = ("IMR", self.PENDING, "SWIER", "RTSR", "FTSR")
        suffix = "" if self.has("IMR") else "1"
        self._imr, self._pr, self._swier, self._rtsr, self._ftsr = (n + suffix for n in names)
        self.on_write(self._imr, self._write_imr)
        self.on_write(self._pr, self._write_pr)
        self.on_write(self._swier, self._write_swier)
        for n in (2, 3):
            if self.has(f"SWIER{n}"):
                self.on_write(f"SWIER{n}", lambda value, n=n: self._write_upper_swier(n, value))
                self.on_write(f"{self.PENDING}{n}", lambda v, n=n: self._write_upper_pr(n, v))

    def pin_changed(self, port: int, pin: int, level: bool) -> None:
        """The level of pin 0 to 15 of a port (0 is A) has changed."""
        if self._port_of(pin) == port:
            self.edge(pin, level)

    def _port_of(self, line: int) -> int | None:
        syscfg = self.system.block("SYSCFG")
        return syscfg.port_of(line) if isinstance(syscfg, Syscfg) else None

    def edge(self, line: int, rising: bool) -> None:
        """An edge on a line: it becomes pending if RTSR or FTSR selects that edge."""
        if self.get(self._rtsr if rising else self._ftsr) >> line & 1:
            self._pend(1 << line)

    def reset(self) -> None:
        super().reset()
        self._drive()

    def _write_imr(self, value: int) -> None:
        self.store(self._imr, value)
        self._drive()

    def _write_swier(self, value: int) -> None:
        risen = value & self.by_name[self._swier].mask & ~self.get(self._swier)
        self.put(self._swier, self.get(self._swier) | risen)
        self._pend(risen & self.get(self._imr))

    def _write_pr(self, value: int) -> None:
        self.put(self._pr, self.get(self._pr) & ~value)
        self.put(
            self._swier, self.get(self._swier) & ~value
        )  # cleared along with PR (RM0090 12.3.5)
        self._drive()

    def _write_upper_swier(self, n: int, value: int) -> None:
        risen = value & self.by_name[f"SWIER{n}"].mask & ~self.get(f"SWIER{n}")
        self.put(f"SWIER{n}", self.get(f"SWIER{n}") | risen)
        pending = f"{self.PENDING}{n}"
        self.put(pending, self.get(pending) | risen & self.get(f"IMR{n}"))

    def _write_upper_pr(self, n: int, value: int) -> None:
        for name in (self.PENDING, "SWIER"):
            self.put(f"{name}{n}", self.get(f"{name}{n}") & ~value)

    def _pend(self, lines: int) -> None:
        self.put(self._pr, self.get(self._pr) | lines)
        self._drive()

    def _pending(self) -> int:
        return self.get(self._pr)

    def _drive(self) -> None:
        active = self._pending() & self.get(self._imr)
        up = {irq for line, irq in enumerate(self._irqs) if active >> line & 1}
        for irq in set(self._irqs):
            self.system.irq(self.name, irq, irq in up)


class ExtiOfEdges(Exti):
    """RPR for rising edges and software, FPR for falling ones (header and LL driver of the G0)."""

    PENDING = "RPR"

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("FPR1", self._write_fpr)

    def edge(self, line: int, rising: bool) -> None:
        if rising:
            super().edge(line, rising)
        elif self.get(self._ftsr) >> line & 1:
            self.put("FPR1", self.get("FPR1") | 1 << line)
            self._drive()

    def _port_of(self, line: int) -> int:
        return self.get(f"EXTICR{line // 4 + 1}") >> 8 * (line % 4) & 0xFF

    def _pending(self) -> int:
        return self.get(self._pr) | self.get("FPR1")

    def _write_fpr(self, value: int) -> None:
        self.put("FPR1", self.get("FPR1") & ~value)
        self._drive()
