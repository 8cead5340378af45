"""FLASH of the WB (RM0434 3) and of the WL (RM0453 4): as that of the L4, in one bank, with the
empty flag in ACR and PCROP as on the G0."""

from __future__ import annotations

from .flash_g0 import PROGEMPTY
from .flash_l4 import FlashL4

BSY, CFGBSY = 1 << 16, 1 << 18  # SR


class FlashWb(FlashL4):
    OPTIONS = ("OPTR", "PCROP1ASR", "PCROP1AER", "WRP1AR", "WRP1BR", "PCROP1BSR", "PCROP1BER")
    EMPTY = "ACR", PROGEMPTY
    BSY = BSY | CFGBSY
    BKER = 0
