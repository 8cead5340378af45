"""FLASH of the F7 (RM0385 3, RM0410 3): as on the F4, behind the ART accelerator; what a reset
starts is an address in option bytes. One bank, as delivered."""

from __future__ import annotations

from collections.abc import Iterator

from ..chip import FlashSector
from .flash_f4 import RDP, USER, FlashF4

PRFTEN, ARTEN, ARTRST = 1 << 8, 1 << 9, 1 << 11  # ACR
DUAL_BOOT = 3 << 28  # nDBANK, nDBOOT in OPTCR, where they are implemented
PCROP = 0xFF  # OPTCR2, of F72x: 1 protects (RM0431 3.7.8)
BOOT_UNIT = 14  # BOOT_ADDx counts 16 KiB (RM0385 2.3)


class FlashF7(FlashF4):
    OPTIONS = ("OPTCR", "OPTCR1", "OPTCR2")

    @property
    def nwrp(self) -> int:
        return self.stored_options["OPTCR"] >> 16 & self._all_sectors

    @nwrp.setter
    def nwrp(self, value: int) -> None:
        self.store_options("OPTCR", self._all_sectors << 16, value << 16)

    @property
    def writable(self) -> int:
        return self.nwrp & ~(self.stored_options.get("OPTCR2", 0) & PCROP)

    @property
    def _all_sectors(self) -> int:
        return (1 << len(self.sectors)) - 1

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
        bit = 1 << self.sectors.index(sector)
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
