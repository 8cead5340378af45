"""FLASH of the H5 (RM0481 7, by the texts of the SVD file): two banks under one set of registers,
sectors of 8 KiB, quad-words of 16 bytes. Without TrustZone; SWAP_BANK is not modelled.

Stores into the array fill a buffer; the fourth word programs it. A quad-word that is not erased
cannot be programmed again: its error correction code would not fit.
"""

from __future__ import annotations

from ..blocks.base import System
from ..blocks.flash import Flash
from ..chip import FlashSector, Peripheral

KEYS = (0x45670123, 0xCDEF89AB)
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
LOCK, PG, SER, BER, FW, STRT, MER, EOPIE, BKSEL = (
    *(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 15, 1 << 16, 1 << 31),
)  # NSCR
SNB_SHIFT, SNB = 6, 0x7F
BSY, WBNE, EOP, WRPERR, PGSERR, INCERR = 1, 2, 1 << 16, 1 << 17, 1 << 18, 1 << 20  # NSSR
FLAGS = 0x00FF0000  # of NSSR, as cleared by NSCCR
OPTLOCK, OPTSTRT = 1, 2  # OPTCR
IWDG_SW, SWAP_BANK = 1 << 3, 1 << 31  # OPTSR
PRFTEN, ICACHE_EN = 1 << 8, 1 << 0  # ACR, ICACHE_CR
QUAD_WORD = 16  # bytes
NO_RDP = 0xAA  # as other families call it: product states instead, see rdp


class FlashH5(Flash):
    OPTIONS = (
        *("OPTSR_CUR", "OPTSR2_CUR", "NSEPOCHR_CUR", "NSBOOTR_CUR", "OTPBLR_CUR", "WRP1R_CUR"),
        *("EDATA1R_CUR", "HDP1R_CUR", "WRP2R_CUR", "EDATA2R_CUR", "HDP2R_CUR"),
    )

    def __init__(self, facts: Peripheral, system: System) -> None:
        super().__init__(facts, system)
        self._buffer: dict[int, int] = {}  # bytes not yet programmed, by address
        under = system.chip.flash["protect_kib"] * 1024  # a bit of WRPxR
        self._group = under // self.sectors[0].size
        self._bits = self.array.size // 2 // under
        self.lock("NSKEYR", KEYS, "NSCR", LOCK)
        self.lock("OPTKEYR", OPTION_KEYS, "OPTCR", OPTLOCK)
        self.on_write("ACR", self._write_acr)
        self.on_write("NSCR", self._write_nscr)
        self.on_read("NSSR", self._read_nssr)
        self.on_write("NSCCR", self._write_nsccr)
        self.on_write("OPTCR", self._write_optcr)
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

    def reset(self) -> None:
        super().reset()
        self._buffer.clear()
        for name, value in self.stored_options.items():
            self.put(name.replace("CUR", "PRG"), value)

    def _write_optcr(self, value: int) -> None:
        if self.get("OPTCR") & OPTLOCK:
            return
        self.store("OPTCR", value & ~OPTSTRT)
        if value & OPTSTRT:
            for name in self.stored_options:
                self.store_options(name, 0xFFFFFFFF, self.get(name.replace("CUR", "PRG")))
                self.put(name, self.stored_options[name])

    # --- interface -----------------------------------------------------------------------------

    @property
    def prefetch(self) -> bool:
        return bool(self.get("ACR") & PRFTEN)

    @property
    def instruction_cache(self) -> bool:
        return bool(self.system.block("ICACHE").get("CR") & ICACHE_EN)

    def _write_acr(self, value: int) -> None:
        self.store("ACR", value)
        self.system.check_speed()

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
        self._drive()

    def _write_nscr(self, value: int) -> None:
        if self.get("NSCR") & LOCK or self.get("NSSR") & BSY:
            return
        self.store("NSCR", value & ~(STRT | FW))
        if value & FW and self._buffer:
            self._program_buffer()
        if value & STRT:
            self._erase(value)

    # --- erase and program ---------------------------------------------------------------------

    def _write_protected(self, sector: FlashSector) -> bool:
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
        if len(wanted) != 1 or not wanted[0]:
            self._fail(PGSERR)
        elif any(self._write_protected(sector) for sector in wanted[0]):
            self._fail(WRPERR)
        else:
            for sector in wanted[0]:
                self.blank(sector)
            self._start(self.erase_ns(wanted[0]))

    def program(self, address: int, size: int, value: int) -> bool:
        cr = self.get("NSCR")
        if not cr & PG or cr & LOCK:
            self._fail(PGSERR)
            self.report_locked(address, "FLASH_NSCR.PG")
            return False
        if self._buffer and address // QUAD_WORD != min(self._buffer) // QUAD_WORD:
            self._buffer.clear()
            self.put("NSSR", self.get("NSSR") & ~WBNE | INCERR)
            return False
        for n, byte in enumerate(value.to_bytes(size, "little")):
            self._buffer[address + n] = byte
        self.put("NSSR", self.get("NSSR") | WBNE)
        if len(self._buffer) == QUAD_WORD:
            self._program_buffer()
        return False

    def _program_buffer(self) -> None:
        """Bytes that were not stored stay erased."""
        first = min(self._buffer) // QUAD_WORD * QUAD_WORD
        sector = self.sector_at(first)
        data = bytes(self._buffer.get(first + n, self.erased) for n in range(QUAD_WORD))
        self._buffer.clear()
        self.put("NSSR", self.get("NSSR") & ~WBNE)
        offset = first - self.base_address
        if self._write_protected(sector):
            self._fail(WRPERR)
        elif any(byte != self.erased for byte in self.array.read(offset, QUAD_WORD)):
            self.system.violation(
                f"the program programs the quad-word at 0x{first:08X} again without erasing it: "
                f"its error correction code does not fit any more"
            )
        else:
            self.array.write(offset, data)
            self._start(self.program_ns)

    def _fail(self, flag: int) -> None:
        self.put("NSSR", self.get("NSSR") | flag)

    def _start(self, ns: int) -> None:
        self.put("NSSR", self.get("NSSR") | BSY)
        self.take(ns, self._done)

    def _done(self) -> None:
        sr = self.get("NSSR") & ~BSY
        if self.get("NSCR") & EOPIE:
            sr |= EOP
        self.put("NSSR", sr)
        self._drive()

    def _drive(self) -> None:
        self.irq(bool(self.get("NSSR") & EOP))
