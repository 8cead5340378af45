"""SYSCFG: the memory at address 0, and the GPIO port of each EXTI line."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System


class Syscfg(RegisterBlock):
    """`boot_mode` is what the BOOT pins chose at the last reset, as a value of the remap field,
    which takes it at every reset, RCC's SYSCFGRST included."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.boot_mode = 0
        self._remap = system.chip.remap
        if self._remap:
            self.on_write(self._remap.register, self.write_remap)

    @property
    def shown_at_zero(self) -> str | None:
        """The name of the memory that is mapped to address 0; None where there is no choice."""
        if self._remap is None:
            return None
        value = self.get(self._remap.register) & self._remap.mask
        return self._remap.shows[value] if value < len(self._remap.shows) else ""

    @property
    def problem(self) -> str:
        """Why the present mapping is a deviation although the register is right; "" if it is
        not."""
        return ""

    def port_of(self, line: int) -> int:
        """The number of the port (0 is A) of EXTI line 0 to 15."""
        return self.get(f"EXTICR{line // 4 + 1}") >> 4 * (line % 4) & 0xF

    def reset(self) -> None:
        super().reset()
        if self._remap:
            register = self._remap.register
            self.put(register, self.get(register) | self.boot_mode)
            self.system.remap()

    def write_remap(self, value: int) -> None:
        assert self._remap
        if self.store(self._remap.register, value):
            self.system.remap()
