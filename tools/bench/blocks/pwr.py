"""PWR: protection of the backup domain, and what supply the clocks need."""

from __future__ import annotations

from collections.abc import Sequence

from .base import RegisterBlock


class Pwr(RegisterBlock):
    """One for each family, in `families/`."""

    @property
    def backup_writable(self) -> bool:
        """DBP: the backup domain is write-protected after a reset."""
        raise NotImplementedError

    def wait_states_hz(self) -> Sequence[int]:
        """The highest HCLK for 0, 1, 2 ... wait states of the flash, at the present voltage."""
        return self.system.chip.clocks["wait_states_hz"]

    def complaint(self, hclk: int) -> str | None:
        """A sentence if the regulator cannot feed this clock."""
        return None
