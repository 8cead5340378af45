"""FLASH of the F4 (RM0090 3): sectors by number, programming in place by PG and PSIZE."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..blocks.base import System
from ..blocks.flash import OneStatusFlash
from ..chip import FlashSector, Peripheral

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
EOP, WRPERR, PGAERR, PGPERR, PGSERR, BSY = 1, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 16  # SR
FLAGS = EOP | 1 << 1 | WRPERR | PGAERR | PGPERR | PGSERR | 1 << 8
PG, SER, MER, PSIZE, MER2, STRT, EOPIE, LOCK = (
    *(1, 2, 4, 3 << 8, 1 << 15),
    *(1 << 16, 1 << 24, 1 << 31),
)  # CR
PRFTEN, ICEN, DCEN, ICRST, DCRST = (1 << bit for bit in range(8, 13))  # ACR
OPTLOCK, OPTSTRT = 1, 2  # OPTCR
USER, RDP, NWRP = 0xFC, 0xFF00, 16  # OPTCR: bits 7:2, 15:8, from bit 16 on
WDG_SW = 1 << 5
SPRMOD = 1 << 31  # OPTCR
NWRP_BITS = 12  # of a bank; those of bank 2 are in OPTCR1
SNB_OF_BANK_2 = 16  # RM0090 3.9.8


class FlashF4(OneStatusFlash):
    OPTIONS: tuple[str, ...] = ("OPTCR", "OPTCR1")
    CONTROL, EOPIE, BSY, EOP, FLAGS = "CR", EOPIE, BSY, EOP, FLAGS
    DUAL_BOOT = ("OPTCR", 1 << 4, 1)  # BFB2; AN2606 table 2, pattern 5

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._filled = 0  # ICEN, DCEN: caches that have been on since their last reset
        self.lock("KEYR", KEYS, "CR", LOCK)
        self.lock("OPTKEYR", OPTION_KEYS, "OPTCR", OPTLOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("CR", self._write_cr)
        self.on_write("OPTCR", self._write_optcr)
        for name in self.OPTIONS[1:]:
            if self.has(name):
                self.on_write(name, self._writer_of_options(name))

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OPTCR") & WDG_SW

    @property
    def rdp(self) -> int:
        return (self.stored_options["OPTCR"] & RDP) >> 8

    @rdp.setter
    def rdp(self, value: int) -> None:
        self.store_options("OPTCR", RDP, value << 8)

    @property
    def user(self) -> int:
        """The user option byte."""
        return self.stored_options["OPTCR"] & USER

    @user.setter
    def user(self, value: int) -> None:
        self.store_options("OPTCR", USER, value)

    @property
    def nwrp(self) -> int:
        """The last bit of an F413 stands for two sectors (RM0430 3.8.8)."""
        bits, every = self._nwrp_bits, (1 << self._nwrp_bits) - 1
        low, high = (self.stored_options.get(name, 0) >> NWRP & every for name in self.OPTIONS)
        return low | (high if bits == NWRP_BITS else low >> bits - 1) << bits

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        bits, every = self._nwrp_bits, (1 << self._nwrp_bits) - 1
        low = value if bits == NWRP_BITS else value & (value >> 1 | every >> 1)
        self.store_options("OPTCR", every << NWRP, low << NWRP)
        self.store_options("OPTCR1", every << NWRP, value >> bits << NWRP)

    @property
    def writable(self) -> int:
        """With SPRMOD the bits of nWRP stand for PCROP, and 1 protects (RM0090 3.7.5, 3.9.10)."""
        return ~self.nwrp if self.stored_options["OPTCR"] & SPRMOD else self.nwrp

    @property
    def _nwrp_bits(self) -> int:
        return self.system.chip.flash.get("protect_bits", NWRP_BITS)

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0090 tables 13 and 16: user and RDP, then nWRP, each in 8 bytes."""
        regions = [region for region in self.system.chip.memory if region.kind == "options"]
        for region, name in zip(regions, self.OPTIONS, strict=False):
            stored = self.stored_options[name]
            if name == "OPTCR":
                yield region.base, (stored & 0xFFFC | 0xFFFF0000).to_bytes(4, "little")
            reserved = 0xFFFFFFFF << self._nwrp_bits & 0xFFFFFFFF
            yield region.base + 8, (stored >> NWRP & ~reserved | reserved).to_bytes(4, "little")

    def reset(self) -> None:
        super().reset()
        self.put("OPTCR", self.get("OPTCR") | OPTLOCK)
        self._filled = 0

    def _write_protected(self, sector: FlashSector) -> bool:
        name, bit = self.OPTIONS[sector.bank - 1], min(sector.number, self._nwrp_bits - 1)
        proprietary = bool(self.get("OPTCR") & SPRMOD)
        return bool(self.get(name) >> NWRP + bit & 1) == proprietary

    def _write_optcr(self, value: int) -> None:
        if self.get("OPTCR") & OPTLOCK:
            return
        self.store("OPTCR", value & ~OPTSTRT)
        if value & OPTSTRT:
            for name in self.stored_options:
                state = OPTLOCK | OPTSTRT if name == "OPTCR" else 0
                self.store_options(name, ~state, self.get(name))
            self.start(self.program_ns)

    def _writer_of_options(self, name: str) -> Callable[[int], None]:
        def write(value: int) -> None:
            if not self.get("OPTCR") & OPTLOCK:
                self.store(name, value)

        return write

    # --- interface -----------------------------------------------------------------------------

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PRFTEN)

    @property
    def instruction_cache(self) -> bool:
        return bool(self.get("ACR") & ICEN)

    def _write_acr(self, value: int) -> None:
        old = self.get("ACR")
        # the caches can be reset only while they are off, by their state before this write
        value &= ~(ICRST if old & ICEN else 0) & ~(DCRST if old & DCEN else 0)
        self.store("ACR", value)
        emptied = (ICEN if value & ICRST else 0) | (DCEN if value & DCRST else 0)
        self._filled = self._filled & ~emptied | value & (ICEN | DCEN)
        self.system.check_speed()

    def leftover(self) -> str:
        """RM0090 3.4.2: a cache keeps its lines until it is reset while it is off."""
        return "its caches keep what was read, as they were never reset" if self._filled else ""

    def _write_cr(self, value: int) -> None:
        if self.get("CR") & LOCK or self.get("SR") & BSY:
            return
        self.store("CR", value & ~STRT)
        if value & STRT:
            self._erase(value)

    # --- erase and program ---------------------------------------------------------------------

    def _erase(self, cr: int) -> None:
        chosen = self._chosen(cr)
        if not chosen:
            self.fail(PGSERR)
        elif any(self._write_protected(sector) for sector in chosen):
            self.fail(WRPERR)
        else:
            for sector in chosen:
                self.blank(sector)
            self.start(self.erase_ns(chosen))

    def _chosen(self, cr: int) -> list[FlashSector]:
        if cr & (MER | MER2):
            banks = {bank for bit, bank in ((MER, 1), (MER2, 2)) if cr & bit}
            return [s for s in self.sectors if s.bank in banks]
        snb = cr >> 3 & 0x1F
        return [s for s in self.sectors if cr & SER and snb == _snb(s)]

    def program(self, address: int, size: int, value: int) -> bool:
        cr = self.get("CR")
        if not cr & PG or cr & LOCK:
            self.fail(PGSERR)
            self.report_locked(address, "FLASH_CR.PG")
            return False
        if size != 1 << ((cr & PSIZE) >> 8):
            self.fail(PGPERR)
            return False
        if address % size:
            self.fail(PGAERR)
            return False
        if self._write_protected(self.sector_at(address)):
            self.fail(WRPERR)
            return False
        offset = address - self.base_address
        old = self.array.load(offset, size)
        self.array.store(offset, size, old & value)
        # Programming is so short that the CPU waits for it: no program sees BSY.
        self.system.stall(self.program_ns)
        if cr & EOPIE:
            self.done()
        return old & value == value


def _snb(sector: FlashSector) -> int:
    """The code of a sector in CR.SNB."""
    return (sector.bank - 1) * SNB_OF_BANK_2 + sector.number
