"""FLASH of the L0 (RM0367 3): pages of 128 bytes, erased to 0, and data EEPROM.

PECR has three locks; each can be opened once the one before is open. A page is erased by a write
of 0 to it with ERASE and PROG set; a word is programmed by a plain store; a half page by 16 stores
with FPRG and PROG.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..blocks.base import System
from ..blocks.flash import OneStatusFlash
from ..chip import KIB, Peripheral
from ..cpu.memory import Memory

PE_KEYS = (0x89ABCDEF, 0x02030405)
PROGRAM_KEYS = (0x8C9DAEBF, 0x13141516)
OPTION_KEYS = (0xFBEAD9C8, 0x24252627)
PELOCK, PRGLOCK, OPTLOCK, PROG, ERASE, FPRG, EOPIE = 1, 2, 4, 1 << 3, 1 << 9, 1 << 10, 1 << 16
OBL_LAUNCH = 1 << 18  # PECR
BSY, EOP, WRPERR, PGAERR, SIZERR = 1, 2, 1 << 8, 1 << 9, 1 << 10  # SR
FLAGS = EOP | 0x00032F00
PREFETCH = 1 << 1  # ACR.PRFTEN
RDP, WDG_SW = 0xFF, 1 << 20  # OPTR
WRPR_BITS = 32


class FlashL0(OneStatusFlash):
    """The first register of OPTIONS has the readout protection and the watchdog's option, the
    others have a bit for each part that is write-protected."""

    OPTIONS = ("OPTR", "WRPR", "WRPR2")
    DUAL_BOOT = ("OPTR", 1 << 23, 1)  # BFB2; AN2606 table 2, pattern 7
    HALF_PAGE_WORDS = 16
    NOTZEROERR = 1 << 16
    """In SR: a word is programmed that is not erased. 0 where bits are added to it instead."""
    CONTROL, EOPIE, BSY, EOP, FLAGS = "PECR", EOPIE, BSY, EOP, FLAGS

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.lock("PEKEYR", PE_KEYS, "PECR", PELOCK)
        self.lock("PRGKEYR", PROGRAM_KEYS, "PECR", PRGLOCK, PELOCK)
        self.lock("OPTKEYR", OPTION_KEYS, "PECR", OPTLOCK, PELOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("PECR", self._write_pecr)

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get(self.OPTIONS[0]) & WDG_SW

    @property
    def rdp(self) -> int:
        return self.stored_options[self.OPTIONS[0]] & RDP

    @rdp.setter
    def rdp(self, value: int) -> None:
        self.store_options(self.OPTIONS[0], RDP, value)

    @property
    def nwrp(self) -> int:
        """WRPROT has a 1 for what is protected (RM0367 3.7.9). So it has with OPTR.WPRMOD, when
        it is under PCROP: the HAL sets the same bits for both."""
        parts = 0
        for number, name in enumerate(self.OPTIONS[1:]):
            parts |= self.stored_options.get(name, 0) << number * WRPR_BITS
        return ~parts & (1 << self._parts) - 1

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        for number, name in enumerate(self.OPTIONS[1:]):
            if self.has(name):
                protected = ~value >> number * WRPR_BITS
                self.store_options(name, self.by_name[name].mask, protected)

    @property
    def _parts(self) -> int:
        size = self.sectors[-1].base + self.sectors[-1].size - self.base_address
        return size // (self.system.chip.flash["protect_kib"] * KIB)

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0367 3.4: half words, each with its complement in the upper half."""
        base = self.system.chip.region("OPTIONS").base
        words = [self.stored_options[name] for name in self.OPTIONS if self.has(name)]
        yield base, b"".join(with_complement(word) for word in words)

    def _write_protected(self, address: int) -> bool:
        part = (address - self.base_address) // (self.system.chip.flash["protect_kib"] * KIB)
        name = self.OPTIONS[1 + part // WRPR_BITS]
        return bool(self.get(name) >> part % WRPR_BITS & 1)

    # --- interface -----------------------------------------------------------------------------

    @property
    def wait_states(self) -> int:
        return self.get("ACR") & 1

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PREFETCH)

    def _write_acr(self, value: int) -> None:
        self.store("ACR", value)
        self.system.check_speed()

    def _write_pecr(self, value: int) -> None:
        locks = PELOCK | PRGLOCK | OPTLOCK
        old = self.get("PECR")
        if value & OBL_LAUNCH and not old & OPTLOCK:
            self.system.request_reset("OBL")
            return
        if old & PELOCK:
            return
        if value & PELOCK:
            value |= locks
        self.store("PECR", value & ~locks | (value | old) & locks)

    # --- erase and program ---------------------------------------------------------------------

    def program(self, address: int, size: int, value: int) -> bool:
        pecr = self.get("PECR")
        if pecr & (PELOCK | PRGLOCK) or self._write_protected(address):
            self.fail(WRPERR)
            if pecr & (PELOCK | PRGLOCK):
                self.report_locked(address, "FLASH_PECR.PRGLOCK cleared")
            return False
        if pecr & ERASE and pecr & PROG:
            sector = self.sector_at(address)
            self.blank(sector)
            self.start(self.erase_ns([sector]))
            return False
        if size != 4:
            self.fail(SIZERR)
            return False
        offset = address - self.base_address
        old = self.array.load(offset, 4)
        if old != self.erased and self.NOTZEROERR:
            self.fail(self.NOTZEROERR)
            return False
        self.array.store(offset, 4, old | value)
        # All words of a half page take as long as one.
        words = self.HALF_PAGE_WORDS if pecr & FPRG else 1
        self.system.stall(self.program_ns // words)
        self.done()
        return True

    def program_eeprom(self, memory: Memory, offset: int, size: int, value: int) -> bool:
        """A store erases what it needs to (RM0367 3.3.4)."""
        if self.get("PECR") & PELOCK:
            self.fail(WRPERR)
            return False
        memory.store(offset, size, value)
        self.system.stall(self.program_ns)
        self.done()
        return True


def with_complement(word: int) -> bytes:
    """Two words of option bytes."""
    halves = (word & 0xFFFF, word >> 16)
    return b"".join((half | (half ^ 0xFFFF) << 16).to_bytes(4, "little") for half in halves)
