"""USB OTG cores with no host on the bus (RM0090 34, 35).

Enough for a driver to initialise the core and to wait for a host that never comes.
"""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System

CSRST, RXFFLSH, TXFFLSH, AHBIDL = 1, 1 << 4, 1 << 5, 1 << 31  # GRSTCTL
FHMOD, CMOD = 1 << 29, 1  # GUSBCFG, GINTSTS
RISES_BY_SOFTWARE = 0xF03C_FC0A  # GINTSTS bits cleared by writing 1
FIFO = 0x1000  # the windows into the FIFOs start here
KEPT_BY_CORE_RESET = ("GUSBCFG", "GAHBCFG", "GCCFG", "DCFG", "HCFG", "PCGCCTL")
EPENA, EPDIS, SNAK, CNAK = 1 << 31, 1 << 30, 1 << 27, 1 << 26  # DxEPCTL
NAKSTS = 1 << 17
SGINAK, CGINAK, SGONAK, CGONAK = 1 << 7, 1 << 8, 1 << 9, 1 << 10  # DCTL
GINSTS, GONSTS = 1 << 2, 1 << 3


class Otg(RegisterBlock):
    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.on_write("GRSTCTL", self._write_grstctl)
        self.on_write("GINTSTS", self._write_gintsts)
        self.on_read("GINTSTS", self._read_gintsts)
        self.on_write("DCTL", self._write_dctl)
        for name in self.by_name:
            if name.startswith(("DIEPCTL", "DOEPCTL")):
                self._endpoint(name)

    def read(self, offset: int, size: int) -> int:
        return 0 if offset >= FIFO else super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        if offset < FIFO:
            super().write(offset, size, value)

    def _write_grstctl(self, value: int) -> None:
        if value & CSRST:
            kept = {name: self.get(name) for name in KEPT_BY_CORE_RESET}
            self.reset()
            for name, old in kept.items():
                self.put(name, old)
        done = CSRST | RXFFLSH | TXFFLSH  # at once: there is nothing to flush
        self.store("GRSTCTL", value & ~done | AHBIDL)

    def _write_gintsts(self, value: int) -> None:
        self.put("GINTSTS", self.get("GINTSTS") & ~(value & RISES_BY_SOFTWARE))

    def _read_gintsts(self) -> int:
        host = self.get("GUSBCFG") & FHMOD
        return self.get("GINTSTS") & ~CMOD | (CMOD if host else 0)

    def _write_dctl(self, value: int) -> None:
        self.store("DCTL", value & ~(SGINAK | CGINAK | SGONAK | CGONAK | GINSTS | GONSTS))
        dctl = self.get("DCTL")
        for set_bit, clear_bit, status in ((SGINAK, CGINAK, GINSTS), (SGONAK, CGONAK, GONSTS)):
            dctl = (
                dctl | status if value & set_bit else dctl & ~status if value & clear_bit else dctl
            )
        self.put("DCTL", dctl)

    def _endpoint(self, name: str) -> None:
        """Commands in an endpoint's control register read as 0 once they are carried out."""

        def write(value: int) -> None:
            nak = self.get(name) & NAKSTS
            nak = NAKSTS if value & SNAK else 0 if value & CNAK else nak
            enabled = value & EPENA and not value & EPDIS
            stored = value & ~(EPENA | EPDIS | SNAK | CNAK | NAKSTS | 3 << 28)
            self.store(name, stored)
            self.put(name, self.get(name) | nak | (EPENA if enabled else 0))

        self.on_write(name, write)
