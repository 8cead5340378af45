"""The factory bootloader of an STM32: AN3155 over a serial line, without a CPU."""

from .bootloader import Bootloader
from .facts import Area, FlashTiming, RomFacts, Sector
from .memory import BusFault, OptionBytes, RomMemory, rdp_level

__all__ = [
    "Area",
    "Bootloader",
    "BusFault",
    "FlashTiming",
    "OptionBytes",
    "RomFacts",
    "RomMemory",
    "Sector",
    "rdp_level",
]
