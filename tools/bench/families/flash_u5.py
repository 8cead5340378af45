"""FLASH of the U5 (RM0456 7, by the texts of the SVD file): as that of the L4, without its caches;
pages of 8 KiB, quad-words of 16 bytes, and boot addresses in the option bytes. TZEN is 0: secure
registers are not here. SWAP_BANK is not modelled.

The fourth store of a word programs a quad-word, which must be erased; until then WDW is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from ..blocks.base import System
from ..chip import Peripheral
from .flash_g0 import ERASED, LOCK, PG, PGAERR, PGSERR, PROGERR, SIZERR, WRPERR
from .flash_l4 import FlashL4

BSY, WDW, PD = 1 << 16, 1 << 17, (1 << 20, 1 << 21)  # SR
FLAGS = 0x20FB
PREFETCH, PDREQ = 1 << 8, (1 << 12, 1 << 13)  # ACR
POWER_DOWN_KEYS = ((0x04152637, 0xFAFBFCFD), (0x40516273, 0xAFBFCFDF))  # of each bank
SWAP_BANK, NSWBOOT0, NBOOT0, TZEN = 1 << 20, 1 << 26, 1 << 27, 1 << 31  # OPTR
ADDRESS = 0xFFFFFF80  # NSBOOTADDxR
WORDS = 4  # of a quad-word


class FlashU5(FlashL4):
    OPTIONS = (
        *("OPTR", "NSBOOTADD0R", "NSBOOTADD1R", "SECBOOTADD0R", "SECWM1R1", "SECWM1R2"),
        *("WRP1AR", "WRP1BR", "SECWM2R1", "SECWM2R2", "WRP2AR", "WRP2BR"),
    )
    BSY = BSY
    FLAGS = FLAGS
    EMPTY = "SR", 0
    LATENCY = 0xF
    CACHES = ()
    DUAL_BOOT = None
    PCROP = ((), ())

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(_renamed(facts), system)
        self.facts = facts
        self.by_name = {**self.by_name, **facts.by_name}
        self._writable = {**self._writable, **facts.writable}
        self._at = 0  # address of the quad-word that is being written
        self._words: list[int] = []
        self._seen = [0, 0]  # keys of PDREQ, of each bank
        for bank in (0, 1):
            self.on_write(f"PDKEY{bank + 1}R", lambda value, n=bank: self._write_key(n, value))

    # --- option bytes --------------------------------------------------------------------------

    def boot(self, boot0: bool) -> str:
        """AN2606 table 2, pattern 12, with TZEN 0: what NSBOOTADD0 or NSBOOTADD1 names."""
        options = self.get("OPTR")
        if options & (SWAP_BANK | TZEN):
            self.system.report("SWAP_BANK or TZEN is 1, and the bench is as without it")
        high = boot0 if options & NSWBOOT0 else not options & NBOOT0
        address = self.get("NSBOOTADD1R" if high else "NSBOOTADD0R") & ADDRESS
        if address == self.system.chip.rom["vector_table"]:
            return "SYSTEM"
        if address != self.base_address:
            self.system.report(f"a reset starts 0x{address:08X}, and the bench the flash")
        return "FLASH"

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """They show in registers alone."""
        yield from ()

    def power_on(self) -> None:
        self.reset()

    def reset(self) -> None:
        super().reset()
        self._words.clear()
        self._seen = [0, 0]

    # --- interface -----------------------------------------------------------------------------

    @property
    def instruction_cache(self) -> bool:
        return False

    def _write_key(self, bank: int, value: int) -> None:
        keys, seen = POWER_DOWN_KEYS[bank], self._seen[bank]
        self._seen[bank] = seen + 1 if seen < len(keys) and value == keys[seen] else 0

    def _write_acr(self, value: int) -> None:
        """PDREQ is for a bank whose keys have been written; the bank is off at once."""
        for bank, request in enumerate(PDREQ):
            if value & request and self._seen[bank] == len(POWER_DOWN_KEYS[bank]):
                self.put("SR", self.get("SR") | PD[bank])
                self._seen[bank] = 0
            value &= ~request
        self.store("ACR", value)
        self.system.check_speed()

    def leftover(self) -> str:
        if self.get("SR") & WDW:
            return "a quad-word is half written"
        return "a bank is powered down" if self.get("SR") & sum(PD) else ""

    # --- erase and program ---------------------------------------------------------------------

    def program(self, address: int, size: int, value: int) -> bool:
        cr = self.get("CR")
        if cr & LOCK or not cr & PG:
            self.fail(PGSERR)
            self.report_locked(address, "FLASH_NSCR.PG")
        elif size != 4:
            self.fail(SIZERR)
        elif self._write_protected(self.sector_at(address)):
            self.fail(WRPERR)
        elif address != self._at + 4 * len(self._words) and (self._words or address % 16):
            self._words.clear()
            self.fail(PGAERR)
        else:
            self._at = self._at if self._words else address
            self._words.append(value)
            return self._program_words()
        return False

    def _program_words(self) -> bool:
        complete = len(self._words) == WORDS
        self.put("SR", self.get("SR") & ~WDW | (0 if complete else WDW))
        if not complete:
            return False
        words, offset = list(self._words), self._at - self.base_address
        self._words.clear()
        if any(self.array.load(offset + 4 * n, 4) != ERASED for n in range(WORDS)):
            self.fail(PROGERR)
            return False
        for n, word in enumerate(words):
            self.array.store(offset + 4 * n, 4, word)
        self.system.stall(self.program_ns)
        self.done()
        return True


@cache
def _renamed(facts: Peripheral) -> Peripheral:
    """With the names that other families have for what is not of secure code: CR for NSCR."""
    names = {f"NS{name}": name for name in ("KEYR", "SR", "CR")}
    registers = (replace(r, name=names.get(r.name, r.name)) for r in facts.registers)
    return replace(facts, registers=tuple(registers))
