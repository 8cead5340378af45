"""Which class brings a kind of peripheral to life."""

from __future__ import annotations

from ..chip import Peripheral
from .base import RegisterBlock, System
from .dma import Dma
from .external import Fmc, Quadspi
from .exti import Exti
from .flash import Flash
from .gpio import Gpio
from .otg import Otg
from .pwr import Pwr
from .rcc import Rcc
from .rtc import Rtc
from .small import Can, Crc, Rng
from .syscfg import Syscfg
from .tim import Timer
from .usart import Usart
from .watchdogs import Iwdg, Wwdg

CLASSES: dict[str, type[RegisterBlock]] = {
    "can": Can,
    "crc": Crc,
    "dma": Dma,
    "exti": Exti,
    "flash": Flash,
    "fmc": Fmc,
    "fmc_nand3": Fmc,
    "fsmc": Fmc,
    "fsmc_nor": Fmc,
    "gpio": Gpio,
    "iwdg": Iwdg,
    "otg_fs": Otg,
    "otg_fs_6": Otg,
    "otg_hs": Otg,
    "otg_hs_9": Otg,
    "pwr": Pwr,
    "quadspi": Quadspi,
    "rcc": Rcc,
    "rng": Rng,
    "rtc": Rtc,
    "syscfg": Syscfg,
    "usart": Usart,
    "wwdg": Wwdg,
}


def build_block(facts: Peripheral, system: System) -> RegisterBlock:
    """The block for `facts`; a kind without a class of its own is registers that keep values."""
    if facts.kind.startswith("timer_"):
        return Timer(facts, system)
    return CLASSES.get(facts.kind, RegisterBlock)(facts, system)
