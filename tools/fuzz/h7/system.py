"""What is the H7's own: the flash interface, SYSCFG, EXTI, PWR, the caches and the watchdog."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import Application
from ..layout import Layout
from ..trouble import Trouble

KEYS = (0x45670123, 0xCDEF89AB)  # FLASH.KEYR, RM0433 4.5.1
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
LOCK, SER, START = 1 << 0, 1 << 2, 1 << 7  # FLASH.CR
ICIALLU, CCR, DC, IC = 0xE000EF50, 0xE000ED14, 1 << 16, 1 << 17
EXTI = ("RTSR1", "FTSR1", "SWIER1", "RTSR2", "FTSR2", "SWIER2", "IMR1", "IMR2", "IMR3")


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Trouble]:
    """All of them."""
    if random.random() < 0.3:
        bank, bits = random.choice((1, 2)), random.getrandbits(32) & 0x30
        yield Trouble(
            f"flash bank {bank} unlocked, CR {bits:02X}", lambda app: unlock(app, bank, bits)
        )
    if random.random() < 0.1:
        yield Trouble("option bytes unlocked", unlock_options)
    if random.random() < 0.5:
        masks = [random.getrandbits(22) for _ in EXTI]
        yield Trouble("EXTI " + " ".join(f"{m:06X}" for m in masks), lambda app: exti(app, masks))
    if random.random() < 0.3:
        value = random.getrandbits(8)
        yield Trouble(f"DMA requests {value:02X}", lambda app: dmamux(app, value))
    if random.random() < 0.5:
        which = random.choice((DC, IC, DC | IC))
        yield Trouble(f"caches on, CCR {which:05X}", lambda app: caches(app, which))
    if random.random() < 0.15:
        prescaler, reload = random.randrange(4, 7), random.randrange(0x400, 0x1000)
        yield Trouble(
            f"independent watchdog, PR {prescaler}, RLR {reload}",
            lambda app: _iwdg(app, prescaler, reload),
        )


def unlock(app: Application, bank: int, bits: int) -> None:
    """A bank's CR open, with these bits."""
    if app.peek(f"FLASH.CR{bank}") & LOCK:
        for key in KEYS:
            app.poke(f"FLASH.KEYR{bank}", key)
    app.poke(f"FLASH.CR{bank}", bits)


def unlock_options(app: Application) -> None:
    """OPTCR open."""
    for key in OPTION_KEYS:
        app.poke("FLASH.OPTKEYR", key)


def erase(random: Random, die: Chip) -> Trouble:
    """A sector of bank 2 that nothing here is in."""
    number = random.randrange(2, 6)
    return erase_in(2, number)


def erase_in(bank: int, number: int) -> Trouble:
    """This sector of this bank."""
    return Trouble(
        f"sector {number} of bank {bank} is being erased", lambda app: _erase(app, bank, number)
    )


def _erase(app: Application, bank: int, number: int) -> None:
    unlock(app, bank, SER | number << 8)
    app.poke(f"FLASH.CR{bank}", SER | number << 8 | START)


def exti(app: Application, masks: list[int]) -> None:
    """Values for EXTI."""
    for name, mask in zip(EXTI, masks, strict=True):
        app.poke(f"EXTI.{name}", mask)


def dmamux(app: Application, value: int) -> None:
    """This request to every channel and generator (RM0433 17.6)."""
    for name, channels, clock in (("DMAMUX1", 16, "DMA1"), ("DMAMUX2", 8, "BDMA")):
        app.enable(clock)
        for n in range(channels):
            app.poke_at(name, 4 * n, value)
        for n in range(8):
            app.poke_at(name, 0x100 + 4 * n, value)


def caches(app: Application, which: int) -> None:
    """Invalidated, then on. What is in the image and the stacks from now on may be dirty."""
    app.store(ICIALLU, 0)
    app.store(CCR, app.load(CCR) | which)
    app.run(1)


def _iwdg(app: Application, prescaler: int, reload: int) -> None:
    app.poke("IWDG1.KR", 0x5555)
    app.poke("IWDG1.PR", prescaler)
    app.poke("IWDG1.RLR", reload)
    app.poke("IWDG1.KR", 0xCCCC)
