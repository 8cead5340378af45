"""FLASH of the F0 (RM0091 3): pages by address, half words, option bytes as half words."""

from __future__ import annotations

from collections.abc import Iterator

from ..blocks.base import System
from ..blocks.flash import OneStatusFlash
from ..chip import KIB, Peripheral

KEYS = (0x45670123, 0xCDEF89AB)  # both locks (RM0091 3.2.2)
PG, PER, MER, STRT, LOCK, OPTWRE, EOPIE, OBL_LAUNCH = (
    *(1, 1 << 1, 1 << 2, 1 << 6),
    *(1 << 7, 1 << 9, 1 << 12, 1 << 13),
)  # CR
BSY, PGERR, WRPRTERR, EOP = 1, 1 << 2, 1 << 4, 1 << 5  # SR
PRFTBE, PRFTBS = 1 << 4, 1 << 5  # ACR
WDG_SW = 1 << 8  # OBR
LEVELS = {0xAA: 0, 0xCC: 3}  # OBR.RDPRT of each RDP byte; all others 1
LAST_PART = 31
REST = 0xFFFFFFFF  # the parts behind it


class FlashF0(OneStatusFlash):
    OPTIONS = ("OBR", "WRPR")
    CONTROL, EOPIE, BSY, EOP, FLAGS = "CR", EOPIE, BSY, EOP, PGERR | WRPRTERR | EOP

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._rdp = 0xAA
        self.lock("KEYR", KEYS, "CR", LOCK)
        self.on_write("OPTKEYR", self._write_optkeyr)
        self.on_write("ACR", self._write_acr)
        self.on_write("CR", self._write_cr)
        self.on_write("AR", self._write_ar)
        self._option_keys = 0

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OBR") & WDG_SW

    @property
    def rdp(self) -> int:
        return self._rdp

    @rdp.setter
    def rdp(self, value: int) -> None:
        self._rdp = value
        self.store_options("OBR", 6, LEVELS.get(value, 1) << 1)

    @property
    def nwrp(self) -> int:
        """The last bit of WRPR stands for all pages from 124 KiB on (RM0091 3.5.9)."""
        wrpr = self.stored_options["WRPR"]
        return wrpr | (REST << LAST_PART + 1 if wrpr >> LAST_PART & 1 else 0)

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        rest = value >> LAST_PART & (REST << 1 | 1) == REST << 1 | 1
        parts = value & (1 << LAST_PART) - 1 | rest << LAST_PART
        self.store_options("WRPR", 0xFFFFFFFF, parts)

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0091 4, table 9: RDP, USER, DATA0, DATA1, WRP0 to WRP3, each with its complement."""
        user, wrp = self.stored_options["OBR"] >> 8, self.stored_options["WRPR"]
        octets = (self._rdp, user & 0xFF, 0xFF, 0xFF, *wrp.to_bytes(4, "little"))
        base = self.system.chip.region("OPTIONS").base
        yield base, b"".join(bytes((octet, octet ^ 0xFF)) for octet in octets)

    def _write_protected(self, address: int) -> bool:
        part = (address - self.base_address) // (self.system.chip.flash["protect_kib"] * KIB)
        return not self.get("WRPR") >> min(part, LAST_PART) & 1

    # --- interface -----------------------------------------------------------------------------

    @property
    def wait_states(self) -> int:
        return self.get("ACR") & 7

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PRFTBE)

    def _write_acr(self, value: int) -> None:
        self.store("ACR", value)
        self.put("ACR", self.get("ACR") & ~PRFTBS | (PRFTBS if value & PRFTBE else 0))
        self.system.check_speed()

    def _write_optkeyr(self, value: int) -> None:
        """OPTWRE is set by the keys, if LOCK is clear, and cleared by software."""
        self._option_keys = self._option_keys + 1 if value == KEYS[self._option_keys] else 0
        if self._option_keys == len(KEYS):
            self._option_keys = 0
            if not self.get("CR") & LOCK:
                self.put("CR", self.get("CR") | OPTWRE)

    def _write_ar(self, value: int) -> None:
        if not self.get("SR") & BSY:
            self.store("AR", value)

    def _write_cr(self, value: int) -> None:
        old = self.get("CR")
        if old & LOCK:
            return
        if value & OBL_LAUNCH:
            self.system.request_reset("OBL")
            return
        self.store("CR", value & ~STRT & (~OPTWRE | old))
        if value & STRT:
            self._erase(value)

    # --- erase and program ---------------------------------------------------------------------

    def _erase(self, cr: int) -> None:
        sectors = list(self.sectors) if cr & MER else []
        if cr & PER:
            sectors = [self.sector_at(self.get("AR"))]
        if any(self._write_protected(s.base) for s in sectors):
            self.fail(WRPRTERR)
            return
        for sector in sectors:
            self.blank(sector)
        self.start(self.erase_ns(sectors[:1]) if sectors else self.program_ns)

    def program(self, address: int, size: int, value: int) -> bool:
        if not self.get("CR") & PG or self.get("CR") & LOCK:
            self.report_locked(address, "FLASH_CR.PG set")
            return False
        if size != 2:
            self.fail(PGERR)
            return False
        if self._write_protected(address):
            self.fail(WRPRTERR)
            return False
        offset = address - self.base_address
        if self.array.load(offset, 2) != 0xFFFF and value:
            self.fail(PGERR)
            return False
        self.array.store(offset, 2, value)
        self.system.stall(self.program_ns)
        self.done()
        return True
