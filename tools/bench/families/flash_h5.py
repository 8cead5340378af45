"""FLASH of the H5 (RM0481 7, by the texts of the SVD file): two banks under one set of registers,
sectors of 8 KiB, quad-words of 16 bytes. Without TrustZone; SWAP_BANK is not modelled."""

from __future__ import annotations

from ..blocks.base import System
from ..chip import FlashSector, Peripheral
from .flash_word import BSY, LOCK, WordFlash

KEYS = (0x45670123, 0xCDEF89AB)
SER, BER, FW, STRT, MER, BKSEL = (1 << bit for bit in (2, 3, 4, 5, 15, 31))  # NSCR
SNB_SHIFT, SNB = 6, 0x7F
FLAGS = 0x00FF0000  # of NSSR, as cleared by NSCCR
IWDG_SW, SWAP_BANK = 1 << 3, 1 << 31  # OPTSR
PRFTEN, ICACHE_EN = 1 << 8, 1 << 0  # ACR, ICACHE_CR
NO_RDP = 0xAA  # as other families call it: product states instead, see rdp


class FlashH5(WordFlash):
    BUSY, INCERR, WORD, MANUAL = BSY, 1 << 20, "quad-word", "RM0481 7"
    OPTIONS = (
        *("OPTSR_CUR", "OPTSR2_CUR", "NSEPOCHR_CUR", "NSBOOTR_CUR", "OTPBLR_CUR", "WRP1R_CUR"),
        *("EDATA1R_CUR", "HDP1R_CUR", "WRP2R_CUR", "EDATA2R_CUR", "HDP2R_CUR"),
    )

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        under = system.chip.flash["protect_kib"] * 1024  # a bit of WRPxR
        self._group = under // self.sectors[0].size
        self._bits = self.array.size // 2 // under
        self.lock("NSKEYR", KEYS, "NSCR", LOCK)
        self.on_write("NSCR", self._write_nscr)
        self.on_read("NSSR", self._read_nssr)
        self.on_write("NSCCR", self._write_nsccr)
        self.on_write("ECCCORR", self._write_ecccorr)

    # --- option bytes --------------------------------------------------------------------------

    @property
    def hardware_watchdog(self) -> bool:
        return not self.get("OPTSR_CUR") & IWDG_SW

    @property
    def rdp(self) -> int:
        """There is none: its product state, Open, keeps no host out."""
        return NO_RDP

    @rdp.setter
    def rdp(self, value: int) -> None:
        self.system.report("the host changes the readout protection, which an STM32H5 has not got")

    @property
    def nwrp(self) -> int:
        low, high = (self.stored_options[f"WRP{n}R_CUR"] & self._mask for n in (1, 2))
        return low | high << self._bits

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        self.store_options("WRP1R_CUR", self._mask, value)
        self.store_options("WRP2R_CUR", self._mask, value >> self._bits)

    @property
    def _mask(self) -> int:
        return (1 << self._bits) - 1

    def boot(self, boot0: bool) -> str:
        """AN2606 table 2, pattern 17, in product state Open."""
        if self.get("OPTSR_CUR") & SWAP_BANK:
            self.system.report("SWAP_BANK is 1, and the banks are as without it here")
        return super().boot(boot0)

    # --- interface -----------------------------------------------------------------------------

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PRFTEN)

    @property
    def instruction_cache(self) -> bool:
        return bool(self.system.block("ICACHE").get("CR") & ICACHE_EN)

    def control(self, bank: int) -> str:
        return "NSCR"

    def status(self, bank: int) -> str:
        return "NSSR"

    def _write_ecccorr(self, value: int) -> None:
        """ECCC is cleared by 1; ECCCIE is a plain bit."""
        flag = 1 << 30
        self.put("ECCCORR", self.get("ECCCORR") & flag & ~value | value & 1 << 25)

    def _read_nssr(self) -> int:
        sr = self.get("NSSR")
        self.skip_if_busy(sr & BSY)
        return sr

    def _write_nsccr(self, value: int) -> None:
        self.put("NSSR", self.get("NSSR") & ~(value & FLAGS))
        self.drive()

    def _write_nscr(self, value: int) -> None:
        if self.get("NSCR") & LOCK or self.get("NSSR") & BSY:
            return
        self.store("NSCR", value & ~(STRT | FW))
        if value & FW:
            self.program_buffer()
        if value & STRT:
            self._erase(value)

    # --- erase and program ---------------------------------------------------------------------

    def is_write_protected(self, sector: FlashSector) -> bool:
        return not self.get(f"WRP{sector.bank}R_CUR") >> sector.number // self._group & 1

    def _erase(self, cr: int) -> None:
        bank = [s for s in self.sectors if s.bank == (2 if cr & BKSEL else 1)]
        number = cr >> SNB_SHIFT & SNB
        ways = {
            MER: list(self.sectors),
            BER: bank,
            SER: [s for s in bank if s.number == number],
        }
        wanted = [sectors for bit, sectors in ways.items() if cr & bit]
        self.erase(1, wanted[0] if len(wanted) == 1 else [])
