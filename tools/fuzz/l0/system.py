"""What is the L0's own: the flash interface, SYSCFG, EXTI, PWR and watchdogs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import ISER, Application
from ..layout import Layout
from ..trouble import Trouble

KEYS = (0x89ABCDEF, 0x02030405)  # FLASH.PEKEYR, RM0367 3.3.4
PROGRAM_KEYS = (0x8C9DAEBF, 0x13141516)  # FLASH.PRGKEYR
PELOCK, PRGLOCK, PROG, ERASE = 1 << 0, 1 << 1, 1 << 3, 1 << 9  # FLASH.PECR
PAGE = 128
MEM_MODES = (1, 3)  # system memory, SRAM


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Trouble]:
    """All of them."""
    if random.random() < 0.3:
        bits = random.getrandbits(24) & 0x0002_0718  # without locks, ERASE and OBL_LAUNCH
        yield Trouble(f"flash unlocked, PECR {bits:06X}", lambda app: unlock(app, bits))
    if random.random() < 0.05:
        yield Trouble("flash locked again", lock)
    if random.random() < 0.2 and layout.code >= 0x08000000:
        mode = random.choice(MEM_MODES)
        yield Trouble(f"MEM_MODE {mode}", lambda app: _syscfg(app, "CFGR1", mode))
    for name in ("CFGR2", "EXTICR1", "EXTICR2", "EXTICR3", "EXTICR4", "CFGR3"):
        if random.random() < 0.3:
            value = random.getrandbits(32)
            yield Trouble(
                f"SYSCFG.{name} {value:08X}",
                lambda app, name=name, value=value: _syscfg(app, name, value),
            )
    if random.random() < 0.5:
        masks = [random.getrandbits(23) for _ in range(5)]
        words = " ".join(f"{mask:06X}" for mask in masks)
        yield Trouble(f"EXTI IMR, EMR, RTSR, FTSR, SWIER {words}", lambda app: exti(app, masks))
    if random.random() < 0.4:
        bits = random.getrandbits(10) & 0x3F4
        yield Trouble(f"PWR.CR bits {bits:03X}", lambda app: app.set_bits("PWR.CR", bits))
    if random.random() < 0.15:
        prescaler, reload = random.randrange(4, 8), random.randrange(0x400, 0x1000)
        yield Trouble(
            f"independent watchdog, PR {prescaler}, RLR {reload}",
            lambda app: _iwdg(app, prescaler, reload),
        )
    if random.random() < 0.15:
        counter, config = random.randrange(0x50, 0x80), random.getrandbits(2) << 7 | 0x7F
        yield Trouble(
            f"window watchdog at {counter:02X}", lambda app: start_wwdg(app, counter, config)
        )


def unlock(app: Application, bits: int) -> None:
    """PECR open, with these bits."""
    if app.peek("FLASH.PECR") & PELOCK:
        for key in KEYS:
            app.poke("FLASH.PEKEYR", key)
    if app.peek("FLASH.PECR") & PRGLOCK:
        for key in PROGRAM_KEYS:
            app.poke("FLASH.PRGKEYR", key)
    app.poke("FLASH.PECR", app.peek("FLASH.PECR") & 4 | bits)


def lock(app: Application) -> None:
    """What HAL_FLASH_Lock() leaves of a program that was not finished: the other bits."""
    unlock(app, PROG)
    app.set_bits("FLASH.PECR", PELOCK)


def erase(random: Random, die: Chip) -> Trouble:
    """A page near the end of the flash, below what the fuzz itself has there."""
    address = die.region("FLASH").end - random.randrange(0x100, 0x180) * PAGE
    return Trouble(
        f"the page at 0x{address:08X} is being erased", lambda app: _erase(app, address)
    )


def _erase(app: Application, address: int) -> None:
    unlock(app, PROG | ERASE)
    app.store(address, 0)


def _syscfg(app: Application, name: str, value: int) -> None:
    app.enable("SYSCFG")
    if app.has(f"SYSCFG.{name}"):
        app.poke(f"SYSCFG.{name}", value)
    app.run(1)


def exti(app: Application, masks: list[int]) -> None:
    """IMR, EMR, RTSR, FTSR, SWIER."""
    for name, mask in zip(("IMR", "EMR", "RTSR", "FTSR", "SWIER"), masks, strict=True):
        app.poke(f"EXTI.{name}", mask)


def _iwdg(app: Application, prescaler: int, reload: int) -> None:
    app.poke("IWDG.KR", 0x5555)
    app.poke("IWDG.PR", prescaler)
    app.poke("IWDG.RLR", reload)
    app.poke("IWDG.KR", 0xCCCC)


def start_wwdg(app: Application, counter: int, config: int) -> None:
    """With its early wake-up interrupt enabled."""
    app.enable("WWDG")
    app.poke("WWDG.CFR", config)
    app.poke("WWDG.CR", 0x80 | counter)
    app.nvic(ISER, 0)
