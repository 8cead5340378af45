"""The rules of the WL: those of the WB, with MSIRGSEL and MSISRANGE of the L4."""

from __future__ import annotations

from .l4 import RccL4
from .wb import RccWb

RFRST, RFRSTF = 1 << 15, 1 << 14  # RCC_CSR


class RccWl(RccWb):
    """RM0453 7.4."""

    def locked(self, name: str) -> int:
        return RccL4.locked(self, name)

    def _hz(self, name: str) -> int:
        return RccL4._hz(self, name) if name == "MSI" else super()._hz(name)

    def _write_control(self, name: str, value: int) -> None:
        """RFRSTF shows whether the radio is held in reset."""
        super()._write_control(name, value)
        if name == "CSR":
            csr = self.get("CSR")
            self.put("CSR", csr & ~RFRSTF | (RFRSTF if csr & RFRST else 0))
