"""FLASH of H5 and H7: what is programmed is a whole word of 16 or 32 bytes, and option bytes have
a register of what is in use (xxx_CUR) and one of what is to be programmed (xxx_PRG).

Stores into the array fill a buffer; the last one of a word programs it. A word that is not erased
cannot be programmed again: its error correction code would not fit.
"""

from __future__ import annotations

from ..blocks.base import System
from ..blocks.flash import Flash
from ..chip import FlashSector, Peripheral

OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
OPTLOCK, OPTSTART = 1, 2  # OPTCR
LOCK, PG, EOPIE = 1 << 0, 1 << 1, 1 << 16  # the control register
BSY, WBNE, QW, EOP = 1, 2, 4, 1 << 16  # the status register
WRPERR, PGSERR = 1 << 17, 1 << 18


class WordFlash(Flash):
    """Attributes of a family: `BUSY` and `INCERR` are bits of its status register, `WORD` is what
    its `MANUAL` calls a word."""

    BUSY: int
    INCERR: int
    WORD: str
    MANUAL: str

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._word: int = system.chip.flash["unit"]
        self._buffer: dict[int, int] = {}  # bytes not yet programmed, by address
        self.lock("OPTKEYR", OPTION_KEYS, "OPTCR", OPTLOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("OPTCR", self._write_optcr)

    # --- of a family ---------------------------------------------------------------------------

    def control(self, bank: int) -> str:
        """The control register of a bank."""
        raise NotImplementedError

    def status(self, bank: int) -> str:
        """The status register of a bank."""
        raise NotImplementedError

    def is_write_protected(self, sector: FlashSector) -> bool:
        raise NotImplementedError

    # --- option bytes, interface ---------------------------------------------------------------

    def reset(self) -> None:
        super().reset()
        self._buffer.clear()
        for name, value in self.stored_options.items():
            self.put(name.replace("CUR", "PRG"), value)

    def _write_optcr(self, value: int) -> None:
        if self.get("OPTCR") & OPTLOCK:
            return
        self.store("OPTCR", value & ~OPTSTART)
        if value & OPTSTART:
            for name in self.stored_options:
                self.store_options(name, 0xFFFFFFFF, self.get(name.replace("CUR", "PRG")))
                self.put(name, self.stored_options[name])

    def _write_acr(self, value: int) -> None:
        self.store("ACR", value)
        self.system.check_speed()

    # --- erase and program ---------------------------------------------------------------------

    def erase(self, bank: int, chosen: list[FlashSector]) -> None:
        """Erase these sectors, if there are any; `bank` has the status."""
        if not chosen:
            self.fail(bank, PGSERR)
        elif any(self.is_write_protected(sector) for sector in chosen):
            self.fail(bank, WRPERR)
        else:
            for sector in chosen:
                self.blank(sector)
            self.start(bank, self.erase_ns(chosen))

    def program(self, address: int, size: int, value: int) -> bool:
        bank = self.sector_at(address).bank
        control, status = self.control(bank), self.status(bank)
        if not self.get(control) & PG or self.get(control) & LOCK:
            self.fail(bank, PGSERR)
            self.report_locked(address, f"FLASH_{control.rstrip('12')}.PG")
            return False
        if self._buffer and address // self._word != min(self._buffer) // self._word:
            self._buffer.clear()
            self.put(status, self.get(status) & ~WBNE | self.INCERR)
            return False
        for n, byte in enumerate(value.to_bytes(size, "little")):
            self._buffer[address + n] = byte
        self.put(status, self.get(status) | WBNE)
        if len(self._buffer) == self._word:
            self.program_buffer()
        return False

    def program_buffer(self) -> None:
        """If there is something in it. Bytes that were not stored stay erased."""
        if not self._buffer:
            return
        first = min(self._buffer) // self._word * self._word
        sector = self.sector_at(first)
        data = bytes(self._buffer.get(first + n, self.erased) for n in range(self._word))
        self._buffer.clear()
        status, offset = self.status(sector.bank), first - self.base_address
        self.put(status, self.get(status) & ~WBNE)
        if self.is_write_protected(sector):
            self.fail(sector.bank, WRPERR)
        elif any(byte != self.erased for byte in self.array.read(offset, self._word)):
            self.system.violation(
                f"the program programs the {self.WORD} at 0x{first:08X} again without erasing it: "
                f"its error correction code does not fit any more ({self.MANUAL})"
            )
        else:
            self.array.write(offset, data)
            self.start(sector.bank, self.program_ns)

    def fail(self, bank: int, flag: int) -> None:
        self.put(self.status(bank), self.get(self.status(bank)) | flag)

    def start(self, bank: int, ns: int) -> None:
        self.put(self.status(bank), self.get(self.status(bank)) | self.BUSY)
        self.take(ns, lambda: self._done(bank))

    def _done(self, bank: int) -> None:
        sr = self.get(self.status(bank)) & ~self.BUSY
        if self.get(self.control(bank)) & EOPIE:
            sr |= EOP
        self.put(self.status(bank), sr)
        self.drive()

    def drive(self) -> None:
        """The interrupt line: an operation of a bank has ended."""
        self.irq(
            any(self.get(self.status(s.bank)) & EOP for s in (self.sectors[0], self.sectors[-1]))
        )
