"""FLASH of the G0: pages of 2 KiB in one bank or two, double words, and what a reset starts.

RM0444, chapter FLASH, by the header and the HAL (stm32g0xx_hal_flash.c, _ex.c): a page is erased
by PER, PNB and STRT; two stores of a word each, to an address that is a multiple of 8 and the
next, program a double word, which must be erased.
"""

from __future__ import annotations

from ..blocks.base import System
from ..blocks.flash import OneStatusFlash
from ..chip import FlashSector, Peripheral

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
EOP, PROGERR, WRPERR, PGAERR, SIZERR, PGSERR = 1, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7  # SR
FLAGS = 0xC3FB
BSY1, BSY2, CFGBSY = 1 << 16, 1 << 17, 1 << 18
PG, PER, MER1, STRT, OPTSTRT, EOPIE, OBL_LAUNCH, OPTLOCK, LOCK = (
    *(1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 17, 1 << 24, 1 << 27, 1 << 30, 1 << 31),
)  # CR
MER2 = 1 << 15
PREFETCH, ICEN, DCEN, ICRST, DCRST, PROGEMPTY = (
    *(1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 16),
)  # ACR
RDP = 0xFF  # OPTR
DOUBLE_WORD = 8
ERASED = 0xFFFFFFFF
AREAS = (("WRP1AR", "WRP1BR"), ("WRP2AR", "WRP2BR"))  # of each bank
NO_AREA = 0x7F  # the first page is behind the last
Areas = tuple[tuple[str, str], ...]  # the registers of the first unit and of the last


class FlashG0(OneStatusFlash):
    OPTIONS = (
        *("OPTR", "PCROP1ASR", "PCROP1AER", "WRP1AR", "WRP1BR", "PCROP1BSR", "PCROP1BER"),
        *("PCROP2ASR", "PCROP2AER", "WRP2AR", "WRP2BR", "PCROP2BSR", "PCROP2BER", "SECR"),
    )
    CONTROL, EOPIE, BSY, EOP, FLAGS = "CR", EOPIE, BSY1 | BSY2 | CFGBSY, EOP, FLAGS
    HALF = CFGBSY
    """Set by a word that is stored alone, even while the flash is locked (ST community,
    td-p/209886 of a WB55, td-p/57617 of a G0B1)."""
    PNB, BKER = 0x3FF, 1 << 13
    IWDG_SW = 1 << 16  # OPTR
    LATENCY = 0x7  # ACR
    CACHES = ((ICEN, ICRST),)
    PCROP: tuple[Areas, Areas] = (
        (("PCROP1ASR", "PCROP1AER"), ("PCROP1BSR", "PCROP1BER")),
        (("PCROP2ASR", "PCROP2AER"), ("PCROP2BSR", "PCROP2BER")),
    )
    """The areas of each bank."""
    PCROP_UNIT = 512
    """Bytes (HAL, FLASH_PCROP_GRANULARITY)."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._filled = 0  # caches that were on while code ran from flash, since their last reset
        self._first: tuple[int, int] | None = None  # address, value: of half a double word
        self.lock("KEYR", KEYS, "CR", LOCK)
        self.lock("OPTKEYR", OPTION_KEYS, "CR", OPTLOCK, LOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("CR", self._write_cr)
        for name in self.stored_options:
            self.on_write(name, lambda value, name=name: self._write_option(name, value))

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OPTR") & self.IWDG_SW

    @property
    def rdp(self) -> int:
        return self.stored_options["OPTR"] & RDP

    @rdp.setter
    def rdp(self, value: int) -> None:
        self.store_options("OPTR", RDP, value)

    @property
    def nwrp(self) -> int:
        shown = enumerate(self.sectors)
        return sum(1 << n for n, s in shown if not self._in_area(s, self.stored_options))

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        """Two areas in each bank: of more runs of pages only the first two are protected."""
        for bank, names in enumerate(AREAS, 1):
            pages = [(n, s.number) for n, s in enumerate(self.sectors) if s.bank == bank]
            runs = _runs([number for n, number in pages if not value >> n & 1])
            for name, (first, last) in zip(
                names, [*runs, (NO_AREA, 0), (NO_AREA, 0)], strict=False
            ):
                self.store_options(name, 0x007F007F, first | last << 16)

    @property
    def writable(self) -> int:
        shown = enumerate(self.sectors)
        under = (1 << n for n, s in shown if self._under_pcrop(s, self.stored_options))
        return self.nwrp & ~sum(under)

    def _under_pcrop(self, sector: FlashSector, options: dict[str, int]) -> bool:
        """A part of it: an area reaches from its first unit to the end of its last."""
        at, unit = sector.number * sector.size, self.PCROP_UNIT
        for start, end in self.PCROP[sector.bank - 1]:
            mask = self.by_name[start].mask if start in options else 0
            first, last = options.get(start, 0) & mask, options.get(end, 0) & mask
            if mask and first <= last and first * unit < at + sector.size and at <= last * unit:
                return True
        return False

    def _in_area(self, sector: FlashSector, options: dict[str, int]) -> bool:
        names = [name for name in AREAS[sector.bank - 1] if name in options]
        words = (options[name] for name in names)
        return any(word & 0x7F <= sector.number <= word >> 16 & 0x7F for word in words)

    def _write_protected(self, sector: FlashSector) -> bool:
        options = {name: self.get(name) for name in self.stored_options}
        return self._in_area(sector, options) or self._under_pcrop(sector, options)

    def _write_option(self, name: str, value: int) -> None:
        if not self.get("CR") & OPTLOCK:
            self.store(name, value)

    def boot(self, boot0: bool) -> str:
        """AN2606 table 2, pattern 11; not nBOOT1 0, which is SRAM. What runs from flash is in the
        cache, which is on."""
        options, locked = self.get("OPTR"), self.has("SECR") and self.get("SECR") >> 16 & 1
        by_option, nboot0 = options >> 24 & 1, options >> 26 & 1
        high = not nboot0 if by_option else boot0
        rom = not locked and (high or bool(self.get("ACR") & PROGEMPTY))
        self._filled = 0 if rom else self.get("ACR") & self._enables
        return "SYSTEM" if rom else "FLASH"

    # --- interface -----------------------------------------------------------------------------

    @property
    def wait_states(self) -> int:
        return self.get("ACR") & self.LATENCY

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PREFETCH)

    @property
    def instruction_cache(self) -> bool:
        return bool(self.get("ACR") & ICEN)

    def power_on(self) -> None:
        """The empty flag is taken now, and kept by every other reset (AN2606 48.3.1)."""
        super().power_on()
        empty = PROGEMPTY if self.array.load(0, 4) == ERASED else 0
        self.put("ACR", self.get("ACR") & ~PROGEMPTY | empty)

    def reset(self) -> None:
        empty = self.get("ACR") & PROGEMPTY
        super().reset()
        self.put("ACR", self.get("ACR") | empty)
        self._first = None

    @property
    def _enables(self) -> int:
        return sum(enable for enable, _ in self.CACHES)

    def _write_acr(self, value: int) -> None:
        old = self.get("ACR")
        for enable, reset in self.CACHES:
            if old & enable:  # it can be reset only while it is off, before this write
                value &= ~reset
            if value & reset:
                self._filled &= ~enable
        self.store("ACR", value)
        if self.system.runs_from_flash():
            self._filled |= value & self._enables
        self.system.check_speed()

    def _write_cr(self, value: int) -> None:
        old = self.get("CR")
        if old & LOCK or self.get("SR") & self.BSY:
            return
        if value & OBL_LAUNCH and not old & OPTLOCK:
            self.system.request_reset("OBL")
            return
        self.store("CR", value & ~(STRT | OPTSTRT | OBL_LAUNCH) | old & OPTLOCK)
        self._first = None
        if value & OPTSTRT and not old & OPTLOCK:
            for name in self.stored_options:
                self.store_options(name, ERASED, self.get(name))
            self.start(self.program_ns)
        elif value & STRT:
            self._erase(value)

    # --- erase and program ---------------------------------------------------------------------

    def start(self, ns: int, bank: int = 1) -> None:
        self.put("SR", self.get("SR") | (BSY2 if bank == 2 else BSY1))
        self.take(ns, self.done)

    def _erase(self, cr: int) -> None:
        chosen = self._chosen(cr)
        if not chosen:
            self.fail(PGSERR)
        elif any(self._write_protected(sector) for sector in chosen):
            self.fail(WRPERR)
        else:
            for sector in chosen:
                self.blank(sector)
            self.start(self.erase_ns(chosen), chosen[0].bank)

    def _chosen(self, cr: int) -> list[FlashSector]:
        if cr & (MER1 | MER2):
            banks = {bank for bit, bank in ((MER1, 1), (MER2, 2)) if cr & bit}
            return [s for s in self.sectors if s.bank in banks]
        bank = [s for s in self.sectors if s.bank == (2 if cr & self.BKER else 1)]
        # MicroPython's flash.c counts pages of bank 2 from the start of bank 1, and that works: a
        # bank looks at as many bits as it has pages.
        page = (cr >> 3 & self.PNB) % max(len(bank), 1)
        return bank[page : page + 1] if cr & PER else []

    def erase_ns(self, sectors: list[FlashSector]) -> int:
        """A bank takes as long as a page (datasheet)."""
        return super().erase_ns(sectors[:1])

    def program(self, address: int, size: int, value: int) -> bool:
        half = 0 if address % DOUBLE_WORD else self.HALF
        self.put("SR", self.get("SR") & ~self.HALF | half)
        cr = self.get("CR")
        if cr & LOCK or not cr & PG:
            self.fail(PGSERR)
            self.report_locked(address, "FLASH_CR.PG")
        elif size != 4:
            self.fail(SIZERR)
        elif self._write_protected(self.sector_at(address)):
            self.fail(WRPERR)
        elif address % DOUBLE_WORD == 0:
            self._first = address, value
        elif self._first is None or self._first[0] + 4 != address:
            self.fail(PGAERR)
        else:
            return self._program(self._first[1], address, value)
        return False

    def _program(self, first: int, address: int, second: int) -> bool:
        self._first = None
        offset = address - self.base_address - 4
        if self.array.load(offset, 4) & self.array.load(offset + 4, 4) != ERASED:
            self.fail(PROGERR)
            return False
        self.array.store(offset, 4, first)
        self.array.store(offset + 4, 4, second)
        self.system.stall(self.program_ns)
        self.done()
        return True

    def leftover(self) -> str:
        return "its caches keep what was read, as they were never reset" if self._filled else ""


class FlashG4(FlashG0):
    """RM0440, chapter FLASH: two caches, no empty flag. In two banks of pages of 2 KiB (DBANK)."""

    OPTIONS = (
        *("OPTR", "PCROP1SR", "PCROP1ER", "WRP1AR", "WRP1BR"),
        *("PCROP2SR", "PCROP2ER", "WRP2AR", "WRP2BR", "SEC1R", "SEC2R"),
    )
    DUAL_BOOT = ("OPTR", 1 << 20, 1)  # BFB2
    PCROP = ((("PCROP1SR", "PCROP1ER"),), (("PCROP2SR", "PCROP2ER"),))
    PCROP_UNIT = 8  # in two banks (HAL, FLASH_OB_PCROPConfig)
    BSY, HALF = BSY1, 0
    PNB, BKER = 0x7F, 1 << 11
    LATENCY = 0xF
    CACHES = ((ICEN, ICRST), (DCEN, DCRST))

    def boot(self, boot0: bool) -> str:
        """AN2606 table 2, patterns 14 and 15."""
        options, locked = self.get("OPTR"), self.get("SEC1R") >> 16 & 1
        nboot1, nswboot0, nboot0 = (options >> bit & 1 for bit in (23, 26, 27))
        high = boot0 if nswboot0 else not nboot0
        rom = high and nboot1 and not locked
        starts = "FLASH" if locked else "SYSTEM" if rom else self.bank_to_boot()
        self._filled = 0 if starts == "SYSTEM" else self.get("ACR") & self._enables
        return starts

    def power_on(self) -> None:
        OneStatusFlash.power_on(self)

    def start(self, ns: int, bank: int = 1) -> None:
        super().start(ns)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """(first, last) of each run of numbers, which are in order."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs
