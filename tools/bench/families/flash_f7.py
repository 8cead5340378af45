"""FLASH of the F7 (RM0385 3, RM0410 3): as on the F4, behind the ART accelerator; what a reset
starts is an address in option bytes. In one bank as delivered; an F76x or F77x whose option nDBANK
is 0 in two, with other sectors (RM0410 tables 3 to 6)."""

from __future__ import annotations

from collections.abc import Iterator

from ..chip import FlashSector
from .flash_f4 import RDP, USER, FlashF4

PRFTEN, ARTEN, ARTRST = 1 << 8, 1 << 9, 1 << 11  # ACR
DUAL_BOOT = 3 << 28  # nDBOOT, nDBANK in OPTCR, where they are implemented
NDBANK = 1 << 29
PCROP = 0xFF  # OPTCR2, of F72x: 1 protects (RM0431 3.7.8)
BOOT_UNIT = 14  # BOOT_ADDx counts 16 KiB (RM0385 2.3)


class FlashF7(FlashF4):
    OPTIONS = ("OPTCR", "OPTCR1", "OPTCR2")

    @property
    def two_banks(self) -> bool:
        """By the options that the last reset has loaded."""
        return bool(self.by_name["OPTCR"].mask & NDBANK) and not self.get("OPTCR") & NDBANK

    def reset(self) -> None:
        super().reset()
        self.sectors = self.layout()

    @property
    def nwrp(self) -> int:
        bits = self.stored_options["OPTCR"] >> 16
        return sum((bits >> n // self._to_a_bit & 1) << n for n in range(len(self.sectors)))

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        """A bit protects all of its sectors if one of them is to be protected."""
        each = self._to_a_bit
        every = (1 << each) - 1
        bits = range(len(self.sectors) // each)
        word = sum((value >> each * bit & every == every) << bit for bit in bits)
        self.store_options("OPTCR", (1 << len(bits)) - 1 << 16, word << 16)

    @property
    def _to_a_bit(self) -> int:
        """Sectors for which a bit of nWRP stands (RM0410 3.7.5)."""
        return 2 if self.two_banks else 1

    @property
    def writable(self) -> int:
        return self.nwrp & ~(self.stored_options.get("OPTCR2", 0) & PCROP)

    def option_memory(self) -> Iterator[tuple[int, bytes]]:
        """RM0385 table 5: each 16 bits, then their complement."""
        base = self.system.chip.region("OPTIONS").base
        optcr, boot = self.stored_options["OPTCR"], self.stored_options["OPTCR1"]
        high = optcr >> 16
        words = (optcr & (USER | RDP) | 3, high, boot & 0xFFFF, boot >> 16)
        for number, half in enumerate(words):
            yield base + 8 * number, (half | (half ^ 0xFFFF) << 16).to_bytes(4, "little")

    def boot(self, boot0: bool) -> str:
        """RM0385 2.3: where BOOT_ADD0 or BOOT_ADD1 says, at either address of a memory."""
        mask = self.by_name["OPTCR"].mask & DUAL_BOOT
        if mask == DUAL_BOOT and not self.get("OPTCR") & mask:
            self.system.report("nDBANK and nDBOOT are 0: the bench has no dual boot")
        address = (self.get("OPTCR1") >> (16 if boot0 else 0) & 0xFFFF) << BOOT_UNIT
        for region in self.system.chip.memory:
            if region.base == address and "SYSTEM" in (region.name, region.of):
                return "SYSTEM"
            if region.base == address and "FLASH" in (region.name, region.of):
                return "FLASH"
        self.system.report(f"a reset starts at 0x{address:08X}: the bench starts the flash")
        return "FLASH"

    def _write_protected(self, sector: FlashSector) -> bool:
        bit = 1 << self.sectors.index(sector) // self._to_a_bit
        pcrop = self.get("OPTCR2") & PCROP if self.has("OPTCR2") else 0
        return bool(bit & (~(self.get("OPTCR") >> 16) | pcrop))

    @property
    def instruction_cache(self) -> bool:
        """The ART accelerator serves the ITCM bus only (RM0385 3.3.3), and no code is there."""
        return False

    def _write_acr(self, value: int) -> None:
        old = self.get("ACR")
        value &= ~(ARTRST if old & ARTEN else 0)  # only while it is off, by its state before
        self.store("ACR", value)
        self._filled = (0 if value & ARTRST else self._filled) | value & ARTEN
        self.system.check_speed()
