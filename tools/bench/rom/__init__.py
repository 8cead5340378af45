"""The factory bootloader of an STM32 without a CPU: AN3155 on a serial line, AN3156 on USB."""

from .bootloader import Bootloader
from .dfu import Dfu
from .facts import Area, FlashTiming, RomFacts, Sector, UsbFacts
from .memory import BusFault, OptionBytes, RomMemory, rdp_level

__all__ = [
    "Area",
    "Bootloader",
    "BusFault",
    "Dfu",
    "FlashTiming",
    "OptionBytes",
    "RomFacts",
    "RomMemory",
    "Sector",
    "UsbFacts",
    "rdp_level",
]
