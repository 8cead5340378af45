"""The class of each kind of peripheral that has behaviour."""

from __future__ import annotations

from .blocks.base import RegisterBlock, System
from .blocks.dma import Dma
from .blocks.external import Fmc, Quadspi
from .blocks.exti import Exti, ExtiOfEdges
from .blocks.gpio import Gpio
from .blocks.hsem import Hsem
from .blocks.otg import Otg
from .blocks.pwr import Pwr
from .blocks.rtc import Rtc, RtcV3
from .blocks.small import Can, Dbgmcu, Rng
from .blocks.st_cache import Icache, StCache
from .blocks.syscfg import Syscfg
from .blocks.tim import Timer
from .blocks.usart import Lpuart, UsartV1, UsartV2
from .blocks.watchdogs import Iwdg, Wwdg, WwdgV2
from .chip import Peripheral
from .families.f0 import RccF0
from .families.f4 import PwrF4, RccF4, SyscfgF4
from .families.f7 import PwrF7
from .families.flash_f0 import FlashF0
from .families.flash_f4 import FlashF4
from .families.flash_f7 import FlashF7
from .families.flash_g0 import FlashG0, FlashG4
from .families.flash_h5 import FlashH5
from .families.flash_h7 import FlashH7, FlashH7A
from .families.flash_l0 import FlashL0
from .families.flash_l1 import FlashL1
from .families.flash_l4 import FlashL4
from .families.flash_u5 import FlashU5
from .families.flash_wb import FlashWb, FlashWl
from .families.g0 import PwrG0, RccG0
from .families.g4 import PwrG4, RccG4
from .families.h5 import PwrH5, RccH5
from .families.h7 import PwrH7, PwrH7A, RccH7, RccH7A
from .families.l0 import PwrL0, RccL0
from .families.l4 import PwrL4, RccL4
from .families.u5 import PwrU5, RccU5
from .families.wb import PwrWb, RccWb
from .families.wl import RccWl

# Of a version that is described and has no class of its own.
KINDS: dict[str, type[RegisterBlock]] = {
    "bdma": RegisterBlock,
    "can": Can,
    "crc": RegisterBlock,
    "dbgmcu": Dbgmcu,
    "dcache": StCache,
    "dma": Dma,
    "exti": Exti,
    "fmc": Fmc,
    "fsmc": Fmc,
    "gpio": Gpio,
    "icache": Icache,
    "iwdg": Iwdg,
    "lpuart": Lpuart,
    "otg": Otg,
    "quadspi": Quadspi,
    "rng": Rng,
    "rtc": Rtc,
    "sbs": Syscfg,
    "syscfg": Syscfg,
    "timer": Timer,
    "timer32": Timer,
    "usart": UsartV2,
    "wwdg": Wwdg,
}
VERSIONS: dict[str, type[RegisterBlock]] = {
    "exti g0": ExtiOfEdges,
    "exti h5": ExtiOfEdges,
    "exti u5": ExtiOfEdges,
    "flash f0": FlashF0,
    "flash f4": FlashF4,
    "flash f7": FlashF7,
    "flash g0": FlashG0,
    "flash g4": FlashG4,
    "flash h5": FlashH5,
    "flash h7": FlashH7,
    "flash h7a": FlashH7A,
    "flash l0": FlashL0,
    "flash l1": FlashL1,
    "flash l4": FlashL4,
    "flash u5": FlashU5,
    "flash wb": FlashWb,
    "flash wl": FlashWl,
    "hsem v1": Hsem,
    "hsem v2": Hsem,
    "pwr f0": Pwr,
    "pwr f4": PwrF4,
    "pwr f7": PwrF7,
    "pwr g0": PwrG0,
    "pwr g4": PwrG4,
    "pwr h5": PwrH5,
    "pwr h7": PwrH7,
    "pwr h7a": PwrH7A,
    "pwr l0": PwrL0,
    "pwr l1": PwrL0,
    "pwr l4": PwrL4,
    "pwr u5": PwrU5,
    "pwr wb": PwrWb,
    "pwr wl": PwrWb,
    "rcc f0": RccF0,
    "rcc f4": RccF4,
    "rcc f7": RccF4,
    "rcc g0": RccG0,
    "rcc g4": RccG4,
    "rcc h5": RccH5,
    "rcc h7": RccH7,
    "rcc h7a": RccH7A,
    "rcc l0": RccL0,
    "rcc l1": RccL0,
    "rcc l4": RccL4,
    "rcc u5": RccU5,
    "rcc wb": RccWb,
    "rcc wl": RccWl,
    "rtc v3": RtcV3,
    "syscfg f4": SyscfgF4,
    "syscfg f7": SyscfgF4,
    "usart v1": UsartV1,
    "wwdg v2": WwdgV2,
}


def build_block(facts: Peripheral, system: System) -> RegisterBlock:
    """The block for `facts`. If there is no class, it keeps what is written to it."""
    of_kind = KINDS.get(facts.kind, RegisterBlock) if facts.registers else RegisterBlock
    return VERSIONS.get(f"{facts.kind} {facts.version}", of_kind)(facts, system)
