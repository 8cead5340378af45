"""The rules of the F7: over-drive. Clock tree and SYSCFG are those of the F4."""

from __future__ import annotations

from .f4 import PwrF4


class PwrF7(PwrF4):
    """RM0385 4.1.4, 4.4: as on the F4, with wake-up pins in two registers of their own."""

    CONTROL, STATUS = "CR1", "CSR1"
    OVERDRIVE_HZ = 180_000_000
