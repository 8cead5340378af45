"""FLASH of the H7 (RM0433 4, RM0468 4, RM0455 4): one or two banks with registers of their own,
and flash words of 32 or 16 bytes."""

from __future__ import annotations

from collections.abc import Mapping

from ..blocks.base import System
from ..chip import FlashSector, Peripheral
from .flash_word import BSY, LOCK, QW, WordFlash

KEYS = (0x45670123, 0xCDEF89AB)
SER, BER = 4, 8  # CR
FLAGS = 0x1FEF0000  # of SR, as cleared by CCR
RDP, IWDG1_SW = 0xFF00, 1 << 4  # OPTSR
PCROP_UNIT, PCROP_MASK = 256, 0xFFF  # PRAR, by the HAL: first unit, from bit 16 on the last
MIRROR = 0x100  # bank 2's registers; those that both have are seen there too


class FlashH7(WordFlash):
    """FW, START and SNB are in CR; SNB, the number of a sector in its bank: (lowest bit, mask)."""

    FW, START, SNB = 1 << 6, 1 << 7, (8, 7)
    BUSY, INCERR, WORD, MANUAL = BSY | QW, 1 << 21, "flash word", "RM0433 4.3.9"
    OPTIONS = (
        *("OPTSR_CUR", "WPSN_CUR1", "WPSN_CUR2", "BOOT_CUR", "BOOT4_CUR"),
        *("PRAR_CUR1", "PRAR_CUR2"),
    )

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        flash = system.chip.flash
        self._banks = range(1, flash["banks"] + 1)
        size = flash["sectors_kib"][0]
        self._part = flash.get("protect_kib", size) // size  # sectors to a bit of WPSN
        self._parts = len(self.sectors) // len(self._banks) // self._part
        for bank in self._banks:
            self.lock(f"KEYR{bank}", KEYS, f"CR{bank}", LOCK)
            self.on_write(f"CR{bank}", lambda value, bank=bank: self._write_cr(bank, value))
            self.on_read(f"SR{bank}", lambda bank=bank: self._read_sr(bank))
            self.on_write(f"CCR{bank}", lambda value, bank=bank: self._write_ccr(bank, value))

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

    @property
    def writable(self) -> int:
        parts = self.nwrp
        for sector in self.sectors:
            if self._under_pcrop(sector, self.stored_options):
                parts &= ~(1 << (sector.bank - 1) * self._parts + sector.number // self._part)
        return parts

    def _under_pcrop(self, sector: FlashSector, options: Mapping[str, int]) -> bool:
        """A part of it. An area from a unit to the same is the whole bank (RM0433 4.5.4)."""
        word = options[f"PRAR_CUR{sector.bank}"]
        first, last = word & PCROP_MASK, word >> 16 & PCROP_MASK
        at = sector.number * sector.size
        inside = first * PCROP_UNIT < at + sector.size and at <= last * PCROP_UNIT
        return first == last or (first < last and inside)

    # --- interface -----------------------------------------------------------------------------

    def control(self, bank: int) -> str:
        return f"CR{bank}"

    def status(self, bank: int) -> str:
        return f"SR{bank}"

    def _read_sr(self, bank: int) -> int:
        sr = self.get(f"SR{bank}")
        self.skip_if_busy(sr & (BSY | QW))
        return sr

    def _write_ccr(self, bank: int, value: int) -> None:
        self.put(f"SR{bank}", self.get(f"SR{bank}") & ~(value & FLAGS))
        self.drive()

    def _write_cr(self, bank: int, value: int) -> None:
        name = f"CR{bank}"
        if self.get(name) & LOCK or self.get(f"SR{bank}") & (BSY | QW):
            return
        self.store(name, value & ~(self.START | self.FW))
        if value & self.FW:
            self.program_buffer()
        if value & self.START:
            self._erase(bank, value)

    # --- erase and program ---------------------------------------------------------------------

    def is_write_protected(self, sector: FlashSector) -> bool:
        if not self.get(f"WPSN_CUR{sector.bank}") >> sector.number // self._part & 1:
            return True
        return self._under_pcrop(sector, {name: self.get(name) for name in self.stored_options})

    def _erase(self, bank: int, cr: int) -> None:
        mine = [s for s in self.sectors if s.bank == bank]
        number = cr >> self.SNB[0] & self.SNB[1]
        chosen = mine if cr & BER else [s for s in mine if cr & SER and s.number == number]
        self.erase(bank, chosen)


class FlashH7A(FlashH7):
    FW, START, SNB = 1 << 4, 1 << 5, (6, 0x7F)
