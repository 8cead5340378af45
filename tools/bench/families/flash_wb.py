"""FLASH of the WB (RM0434 3) and of the WL (RM0453 4): as that of the L4, in one bank, with the
empty flag in ACR and PCROP as on the G0."""

from __future__ import annotations

from .flash_g0 import CFGBSY, PROGEMPTY, FlashG0
from .flash_l4 import DCEN, ICEN, FlashL4

BSY = 1 << 16  # SR
BOOT_LOCK = 1 << 30  # OPTR


class FlashWb(FlashL4):
    OPTIONS = ("OPTR", "PCROP1ASR", "PCROP1AER", "WRP1AR", "WRP1BR", "PCROP1BSR", "PCROP1BER")
    EMPTY = "ACR", PROGEMPTY
    PCROP = FlashG0.PCROP
    PCROP_UNIT = 2048  # HAL, FLASH_PCROP_GRANULARITY
    BSY, HALF = BSY | CFGBSY, CFGBSY
    BKER = 0


class FlashWl(FlashWb):
    PCROP_UNIT = 1024  # the same

    def boot(self, boot0: bool) -> str:
        """With BOOT_LOCK always the flash (RM0453, boot configuration)."""
        if not self.get("OPTR") & BOOT_LOCK:
            return super().boot(boot0)
        self._filled = self.get("ACR") & (ICEN | DCEN)
        return "FLASH"
