"""PWR: write protection of the backup domain; the clocks that the voltage allows."""

from __future__ import annotations

from collections.abc import Sequence

from .base import RegisterBlock


class Pwr(RegisterBlock):
    """The base of each family's PWR."""

    @property
    def backup_writable(self) -> bool:
        """DBP: the backup domain is write-protected after a reset."""
        register, bit = self.system.chip.rcc["backup"]["dbp"]
        return bool(self.get(register) >> bit & 1)

    def wait_states_hz(self) -> Sequence[int]:
        """The highest HCLK for 0, 1, 2 ... wait states of the flash, at the present voltage."""
        return self.system.chip.clocks["wait_states_hz"]

    def problem(self, hclk: int) -> str | None:
        """A sentence if the regulator setting does not allow this HCLK (Hz), else None."""
        return None
