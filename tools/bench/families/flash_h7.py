"""FLASH of the H7 (RM0433 4, RM0468 4, RM0455 4): one or two banks with registers of their own,
and flash words of 32 or 16 bytes.

Stores into the array fill a buffer; the last word of a flash word programs it. A flash word that
is not erased cannot be programmed again: its error correction code would not fit.
"""

from __future__ import annotations

from ..blocks.base import System
from ..blocks.flash import Flash
from ..chip import FlashSector, Peripheral

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
LOCK, PG, SER, BER, EOPIE = 1, 2, 4, 8, 1 << 16  # CR
BSY, WBNE, QW, EOP, WRPERR, PGSERR, INCERR = 1, 2, 4, 1 << 16, 1 << 17, 1 << 18, 1 << 21  # SR
FLAGS = 0x1FEF0000  # of SR, as cleared by CCR
OPTLOCK, OPTSTART = 1, 2  # OPTCR
RDP, IWDG1_SW = 0xFF00, 1 << 4  # OPTSR
MIRROR = 0x100  # bank 2's registers; those that both have are seen there too


class FlashH7(Flash):
    """FW, START and SNB are in CR; SNB, the number of a sector in its bank: (lowest bit, mask)."""

    FW, START, SNB = 1 << 6, 1 << 7, (8, 7)
    OPTIONS = ("OPTSR_CUR", "WPSN_CUR1", "WPSN_CUR2", "BOOT_CUR", "BOOT4_CUR")

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        flash = system.chip.flash
        self._word: int = flash["unit"]
        self._banks = range(1, flash["banks"] + 1)
        size = flash["sectors_kib"][0]
        self._part = flash.get("protect_kib", size) // size  # sectors to a bit of WPSN
        self._parts = len(self.sectors) // len(self._banks) // self._part
        self._buffer: dict[int, int] = {}  # bytes not yet programmed, by address
        for bank in self._banks:
            self.lock(f"KEYR{bank}", KEYS, f"CR{bank}", LOCK)
            self.on_write(f"CR{bank}", lambda value, bank=bank: self._write_cr(bank, value))
            self.on_read(f"SR{bank}", lambda bank=bank: self._read_sr(bank))
            self.on_write(f"CCR{bank}", lambda value, bank=bank: self._write_ccr(bank, value))
        self.lock("OPTKEYR", OPTION_KEYS, "OPTCR", OPTLOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("OPTCR", self._write_optcr)

    def read(self, offset: int, size: int) -> int:
        return super().read(self._own(offset), size)

    def write(self, offset: int, size: int, value: int) -> None:
        super().write(self._own(offset), size, value)

    def _own(self, offset: int) -> int:
        """The offset of a register; those that the banks share are at two addresses."""
        shared = len(self._banks) == 2 and offset >= MIRROR and offset & ~3 not in self.by_offset
        return offset - MIRROR if shared else offset

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OPTSR_CUR") & IWDG1_SW

    @property
    def rdp(self) -> int:
        return (self.stored_options["OPTSR_CUR"] & RDP) >> 8

    @rdp.setter
    def rdp(self, value: int) -> None:
        self.store_options("OPTSR_CUR", RDP, value << 8)

    @property
    def nwrp(self) -> int:
        words = (self.stored_options[f"WPSN_CUR{bank}"] for bank in self._banks)
        each, mask = self._parts, (1 << self._parts) - 1
        return sum((word & mask) << each * n for n, word in enumerate(words))

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        mask = (1 << self._parts) - 1
        for n, bank in enumerate(self._banks):
            self.store_options(f"WPSN_CUR{bank}", mask, value >> self._parts * n)

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

    # --- interface -----------------------------------------------------------------------------

    def _write_acr(self, value: int) -> None:
        self.store("ACR", value)
        self.system.check_speed()

    def _read_sr(self, bank: int) -> int:
        sr = self.get(f"SR{bank}")
        self.skip_if_busy(sr & (BSY | QW))
        return sr

    def _write_ccr(self, bank: int, value: int) -> None:
        self.put(f"SR{bank}", self.get(f"SR{bank}") & ~(value & FLAGS))
        self._drive()

    def _write_cr(self, bank: int, value: int) -> None:
        name = f"CR{bank}"
        if self.get(name) & LOCK or self.get(f"SR{bank}") & (BSY | QW):
            return
        self.store(name, value & ~(self.START | self.FW))
        if value & self.FW and self._buffer:
            self._program_buffer()
        if value & self.START:
            self._erase(bank, value)

    # --- erase and program ---------------------------------------------------------------------

    def _write_protected(self, sector: FlashSector) -> bool:
        return not self.get(f"WPSN_CUR{sector.bank}") >> sector.number // self._part & 1

    def _erase(self, bank: int, cr: int) -> None:
        mine = [s for s in self.sectors if s.bank == bank]
        number = cr >> self.SNB[0] & self.SNB[1]
        chosen = mine if cr & BER else [s for s in mine if cr & SER and s.number == number]
        if not chosen:
            self._fail(bank, PGSERR)
        elif any(self._write_protected(sector) for sector in chosen):
            self._fail(bank, WRPERR)
        else:
            for sector in chosen:
                self.blank(sector)
            self._start(bank, self.erase_ns(chosen))

    def program(self, address: int, size: int, value: int) -> bool:
        sector = self.sector_at(address)
        cr = self.get(f"CR{sector.bank}")
        if not cr & PG or cr & LOCK:
            self._fail(sector.bank, PGSERR)
            self.report_locked(address, "FLASH_CR.PG")
            return False
        if self._buffer and address // self._word != min(self._buffer) // self._word:
            self._buffer.clear()
            self.put(f"SR{sector.bank}", self.get(f"SR{sector.bank}") & ~WBNE | INCERR)
            return False
        for n, byte in enumerate(value.to_bytes(size, "little")):
            self._buffer[address + n] = byte
        self.put(f"SR{sector.bank}", self.get(f"SR{sector.bank}") | WBNE)
        if len(self._buffer) == self._word:
            self._program_buffer()
        return False

    def _program_buffer(self) -> None:
        """Bytes that were not stored stay erased."""
        first = min(self._buffer) // self._word * self._word
        sector = self.sector_at(first)
        data = bytes(self._buffer.get(first + n, self.erased) for n in range(self._word))
        self._buffer.clear()
        self.put(f"SR{sector.bank}", self.get(f"SR{sector.bank}") & ~WBNE)
        offset = first - self.base_address
        if self._write_protected(sector):
            self._fail(sector.bank, WRPERR)
        elif any(byte != self.erased for byte in self.array.read(offset, self._word)):
            self.system.violation(
                f"the program programs the flash word at 0x{first:08X} again without erasing it: "
                f"its error correction code does not fit any more (RM0433 4.3.9)"
            )
        else:
            self.array.write(offset, data)
            self._start(sector.bank, self.program_ns)

    def _fail(self, bank: int, flag: int) -> None:
        self.put(f"SR{bank}", self.get(f"SR{bank}") | flag)

    def _start(self, bank: int, ns: int) -> None:
        self.put(f"SR{bank}", self.get(f"SR{bank}") | BSY | QW)
        self.take(ns, lambda: self._done(bank))

    def _done(self, bank: int) -> None:
        sr = self.get(f"SR{bank}") & ~(BSY | QW)
        if self.get(f"CR{bank}") & EOPIE:
            sr |= EOP
        self.put(f"SR{bank}", sr)
        self._drive()

    def _drive(self) -> None:
        self.irq(any(self.get(f"SR{bank}") & EOP for bank in self._banks))


class FlashH7A(FlashH7):
    FW, START, SNB = 1 << 4, 1 << 5, (6, 0x7F)
