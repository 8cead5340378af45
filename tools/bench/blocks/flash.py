"""FLASH: the interface registers, programming, erasing and option bytes (RM0090 3).

The array and the option bytes are memories that the rest of the bench sees too. A program or
erase operation is done when it starts and takes its virtual time as BSY.
"""

from __future__ import annotations

from collections.abc import Callable

from ..chip import FlashSector, Peripheral
from ..cpu.memory import BusError, Memory
from .base import RegisterBlock, System

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
EOP, WRPERR, PGAERR, PGPERR, PGSERR, BSY = 1, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 16  # SR
PG, SER, MER, PSIZE, MER2, STRT, EOPIE, LOCK = (
    *(1, 2, 4, 3 << 8, 1 << 15),
    *(1 << 16, 1 << 24, 1 << 31),
)  # CR
PRFTEN, ICEN, DCEN, ICRST, DCRST = (1 << bit for bit in range(8, 13))  # ACR
OPTLOCK, OPTSTRT = 1, 2  # OPTCR
USER, RDP, NWRP = 0xFC, 0xFF00, 0x0FFF0000  # OPTCR: bits 7:2, 15:8, 27:16
WDG_SW = 1 << 5
MS = 1_000_000


class Unlock:
    """Two keys in a row open a lock; anything else is a bus error and shuts it until a reset
    (RM0090 3.6.1)."""

    def __init__(self, keys: tuple[int, int], opened: Callable[[], None]) -> None:
        self._keys = keys
        self._opened = opened
        self._seen = 0
        self._jammed = False

    def reset(self) -> None:
        self._seen, self._jammed = 0, False

    def write(self, value: int) -> None:
        if self._jammed or value != self._keys[self._seen]:
            self._jammed = True
            raise BusError("wrong key")
        self._seen += 1
        if self._seen == len(self._keys):
            self._seen = 0
            self._opened()


class Flash(RegisterBlock):
    """`array` is the main flash. `stored_options` are the option bytes as kept in flash, in the
    layout of OPTCR and OPTCR1; a reset loads them. `on_options` hears of changes."""

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self.sectors: tuple[FlashSector, ...] = system.chip.sectors()
        self.base_address = self.sectors[0].base
        end = self.sectors[-1].base + self.sectors[-1].size
        self.array = Memory(end - self.base_address, fill=0xFF, name="flash")
        self.stored_options = self._factory_options()
        self.on_options: Callable[[], None] = lambda: None
        self._program_ns = system.chip.flash["program_ns"]
        self._unlock = Unlock(KEYS, lambda: self.put("CR", self.get("CR") & ~LOCK))
        self._unlock_options = Unlock(
            OPTION_KEYS, lambda: self.put("OPTCR", self.get("OPTCR") & ~OPTLOCK)
        )
        self.on_write("ACR", self._write_acr)
        self.on_write("KEYR", self._unlock.write)
        self.on_write("OPTKEYR", self._unlock_options.write)
        self.on_read("SR", self._read_sr)
        self.on_write("SR", self._write_sr)
        self.on_write("CR", self._write_cr)
        self.on_write("OPTCR", self._write_optcr)
        if self.has("OPTCR1"):
            self.on_write("OPTCR1", self._write_optcr1)

    # --- option bytes --------------------------------------------------------------------------

    def _factory_options(self) -> dict[str, int]:
        return {name: self.by_name[name].reset for name in ("OPTCR", "OPTCR1") if self.has(name)}

    def store_options(self, name: str, mask: int, value: int) -> None:
        """Change bits of the option bytes in flash; nothing happens where the die has none."""
        if name in self.stored_options:
            self.stored_options[name] = self.stored_options[name] & ~mask | value & mask
            self.on_options()

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OPTCR") & WDG_SW

    def reset(self) -> None:
        """A system reset loads the option bytes."""
        super().reset()
        for name, value in self.stored_options.items():
            self.put(name, value | (OPTLOCK if name == "OPTCR" else 0))
        self._unlock.reset()
        self._unlock_options.reset()

    def write_protected(self, number: int) -> bool:
        """Sector `number`, counted over both banks."""
        name, bit = ("OPTCR", number) if number < 12 else ("OPTCR1", number - 12)
        if not self.has(name):
            return False
        return not self.get(name) >> 16 + bit & 1

    def _write_optcr(self, value: int) -> None:
        if self.get("OPTCR") & OPTLOCK:
            return
        self.store("OPTCR", value & ~OPTSTRT)
        if value & OPTSTRT:
            for name in self.stored_options:
                self.store_options(name, ~(OPTLOCK | OPTSTRT), self.get(name))
            self._take(self._program_ns)

    def _write_optcr1(self, value: int) -> None:
        if not self.get("OPTCR") & OPTLOCK:
            self.store("OPTCR1", value)

    # --- interface -----------------------------------------------------------------------------

    @property
    def wait_states(self) -> int:
        return self.get("ACR") & 0xF

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
        self.system.check_speed()

    def _read_sr(self) -> int:
        sr = self.get("SR")
        if sr & BSY:
            self.system.doze()
        return sr

    def _write_sr(self, value: int) -> None:
        flags = EOP | WRPERR | PGAERR | PGPERR | PGSERR | 2 | 1 << 8
        self.put("SR", self.get("SR") & ~(value & flags))
        self.irq(bool(self.get("SR") & EOP))

    def _write_cr(self, value: int) -> None:
        if self.get("CR") & LOCK or self.get("SR") & BSY:
            return
        self.store("CR", value & ~STRT)
        if value & STRT:
            self._erase(value)

    # --- erase ---------------------------------------------------------------------------------

    def _erase(self, cr: int) -> None:
        chosen = self._chosen(cr)
        if not chosen:
            self._fail(PGSERR)
        elif any(self.write_protected(number) for number, _ in chosen):
            self._fail(WRPERR)
        else:
            times = self.system.chip.flash["erase_ms"]
            for _, sector in chosen:
                self.array.fill(sector.base - self.base_address, sector.size, 0xFF)
            # the banks are erased at the same time
            ms = sum(times[str(s.size // 1024)] for _, s in chosen if s.bank == chosen[0][1].bank)
            self._take(ms * MS)

    def _chosen(self, cr: int) -> list[tuple[int, FlashSector]]:
        numbered = list(enumerate(self.sectors))
        if cr & (MER | MER2):
            banks = {bank for bit, bank in ((MER, 1), (MER2, 2)) if cr & bit}
            return [(n, s) for n, s in numbered if s.bank in banks]
        if cr & SER:
            return [(n, s) for n, s in numbered if s.snb == cr >> 3 & 0x1F]
        return []

    # --- program -------------------------------------------------------------------------------

    def program(self, address: int, size: int, value: int) -> bool:
        """A store of the CPU into the array; True if just these bytes are there now."""
        cr = self.get("CR")
        if not cr & PG or cr & LOCK:
            self._fail(PGSERR)
            self.system.report(
                f"the program writes to flash at 0x{address:08X} without FLASH_CR.PG: nothing "
                f"is programmed"
            )
            return False
        if size != 1 << ((cr & PSIZE) >> 8):
            self._fail(PGPERR)
            return False
        if address % size:
            self._fail(PGAERR)
            return False
        if self.write_protected(self._sector_at(address)):
            self._fail(WRPERR)
            return False
        offset = address - self.base_address
        old = self.array.load(offset, size)
        self.array.store(offset, size, old & value)
        # A word is programmed so fast that any program is made to wait: nothing can see BSY.
        self.system.stall(self._program_ns)
        if cr & EOPIE:
            self._done()
        return old & value == value

    def _sector_at(self, address: int) -> int:
        """The number of the sector there, counted over both banks."""
        return next(n for n, s in enumerate(self.sectors) if s.base <= address < s.base + s.size)

    # --- the operation -------------------------------------------------------------------------

    def _fail(self, flag: int) -> None:
        self.put("SR", self.get("SR") | flag)

    def _take(self, ns: int) -> None:
        """Busy for `ns`. Code in flash cannot be fetched meanwhile (RM0090 3.6.2)."""
        self.put("SR", self.get("SR") | BSY)
        self.system.clock.after(ns, self._done)
        self.system.stall_fetches(ns)

    def _done(self) -> None:
        sr = self.get("SR") & ~BSY
        if self.get("CR") & EOPIE:
            sr |= EOP
        self.put("SR", sr)
        self.irq(bool(sr & EOP))
