"""FLASH of the L4 (RM0351 3, RM0394 3): as that of the G0, with a data cache, areas of up to 256
pages, one busy flag, and what a reset starts by the option bytes of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ..blocks.base import System
from ..chip import FlashSector, Peripheral
from .flash_g0 import AREAS, ERASED, FlashG0

BSY, PEMPTY = 1 << 16, 1 << 17  # SR
ICEN, DCEN, ICRST, DCRST = 1 << 9, 1 << 10, 1 << 11, 1 << 12  # ACR
ECC_FLAGS = 3 << 30  # ECCR
NSWBOOT0, NBOOT0 = 1 << 26, 1 << 27  # OPTR
PAGE = 0xFF  # of an area


class FlashL4(FlashG0):
    OPTIONS = (
        *("OPTR", "PCROP1SR", "PCROP1ER", "WRP1AR", "WRP1BR"),
        *("PCROP2SR", "PCROP2ER", "WRP2AR", "WRP2BR"),
    )
    BSY, HALF = BSY, 0
    DUAL_BOOT = ("OPTR", 1 << 20, 1)  # BFB2
    EMPTY = "SR", PEMPTY
    PCROP = ((("PCROP1SR", "PCROP1ER"),), (("PCROP2SR", "PCROP2ER"),))
    PCROP_UNIT = 8  # in two banks (HAL, FLASH_OB_PCROPConfig)
    PNB, BKER = 0xFF, 1 << 11

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._filled = 0  # ICEN, DCEN: caches with lines of the flash since their last reset
        self.on_write("ECCR", self._write_eccr)

    # --- option bytes --------------------------------------------------------------------------

    @property
    def nwrp(self) -> int:
        shown = enumerate(self.sectors)
        return sum(1 << n for n, s in shown if not self._in_area(s, self.stored_options))

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        """One area in each bank, without gaps."""
        for bank, names in enumerate(AREAS, 1):
            shown = enumerate(self.sectors)
            pages = [s.number for n, s in shown if s.bank == bank and not value >> n & 1]
            first, last = (pages[0], pages[-1]) if pages else (PAGE, 0)
            for name, area in zip(names, (first | last << 16, PAGE), strict=True):
                self.store_options(name, PAGE << 16 | PAGE, area)

    def _in_area(self, sector: FlashSector, options: dict[str, int]) -> bool:
        names = [name for name in AREAS[sector.bank - 1] if name in options]
        words = (options[name] for name in names)
        return any(word & PAGE <= sector.number <= word >> 16 & PAGE for word in words)

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0351 3.4.1: a word of each, then its complement; of the first bank."""
        words = (self.stored_options[name] for name in self.OPTIONS[:5])
        pairs = (word | (word ^ ERASED) << 32 for word in words)
        data = b"".join(pair.to_bytes(8, "little") for pair in pairs)
        yield self.system.chip.region("OPTIONS").base, data

    # --- boot ----------------------------------------------------------------------------------

    def boot(self, boot0: bool) -> str:
        """AN2606 table 2, patterns 6, 7 and 16; not nBOOT1 0, which is SRAM."""
        implemented, options = self.by_name["OPTR"].mask, self.get("OPTR")
        by_option = implemented & NSWBOOT0 and not options & NSWBOOT0
        rom = not options & NBOOT0 if by_option else boot0
        starts = "SYSTEM" if rom else self.bank_to_boot()
        register, empty = self.EMPTY
        if self.get(register) & empty:
            starts = "SYSTEM"
        self._filled = 0 if starts == "SYSTEM" else self.get("ACR") & (ICEN | DCEN)
        return starts

    def power_on(self) -> None:
        super().power_on()
        self.put("ACR", self.by_name["ACR"].reset)
        register, empty = self.EMPTY
        if self.by_name[register].mask & empty and self.array.load(0, 4) == ERASED:
            self.put(register, self.get(register) | empty)

    def reset(self) -> None:
        register, empty = self.EMPTY
        kept = self.get(register) & empty
        super().reset()
        self.put(register, self.get(register) | kept)

    # --- interface -----------------------------------------------------------------------------

    def _write_acr(self, value: int) -> None:
        old = self.get("ACR")
        # a cache can be reset only while it is off, by its state before this write
        value &= ~(ICRST if old & ICEN else 0) & ~(DCRST if old & DCEN else 0)
        self.store("ACR", value)
        emptied = (ICEN if value & ICRST else 0) | (DCEN if value & DCRST else 0)
        on = value & (ICEN | DCEN) if self.system.runs_from_flash() else 0
        self._filled = self._filled & ~emptied | on
        self.system.check_speed()

    def leftover(self) -> str:
        """RM0351 3.3.4: a cache keeps its lines until it is reset while it is off."""
        return "its caches keep what was read, as they were never reset" if self._filled else ""

    def _write_eccr(self, value: int) -> None:
        self.store("ECCR", value)
        self.put("ECCR", self.get("ECCR") & ~(value & ECC_FLAGS))

    def start(self, ns: int, bank: int = 1) -> None:
        self.put("SR", self.get("SR") | BSY)
        self.take(ns, self.done)

    def _chosen(self, cr: int) -> list[FlashSector]:
        return super()._chosen(cr & self.by_name["CR"].mask)
