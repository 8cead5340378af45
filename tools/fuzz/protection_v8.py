"""The same for ARMv8-M: PMSAv8, whose regions may not overlap, MSPLIM and PSPLIM."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..bench.chip import Chip
from .action import Action
from .application import Application
from .layout import FRAMES, THREAD_STACK, TIGHT, Layout

MPU_CTRL, MPU_RNR, MPU_RBAR, MPU_RLAR, MPU_MAIR0 = (
    *(0xE000ED94, 0xE000ED98, 0xE000ED9C, 0xE000EDA0, 0xE000EDC0),
)
ENABLE, HFNMIENA, PRIVDEFENA = 1, 2, 4
XN, READ_WRITE, READ_ONLY = 1, 1 << 1, 3 << 1  # RBAR; the permissions are for all
PERIPHERALS = (0x40000000, 0x60000000)
NORMAL = (0x44, 0xAA, 0xFF)  # MAIR: not cached, write-through, write-back
GRANULE = 32


def draw_limits(random: Random, layout: Layout) -> Iterator[Action]:
    """Limits that what the application does itself does not reach."""
    if random.random() < 0.6:
        return
    below = random.randrange(TIGHT, FRAMES, 8)
    psp = layout.psp - random.choice((THREAD_STACK, THREAD_STACK // 2)) & ~7
    yield Action(
        f"MSPLIM {below} bytes below MSP, PSPLIM {psp:08X}",
        lambda app: set_limits(app, below, psp),
    )


def set_limits(app: Application, below: int, psp: int) -> None:
    msp = app.core.state().msp
    app.core.engine.private.set_stack_limits(msp - below & ~7, psp)


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    """Flash, SRAM and the peripherals as regions side by side."""
    flash, sram = die.region("FLASH"), die.region("SRAM")
    only_flash = layout.code < flash.end and layout.application < flash.end
    background = random.random() < 0.5
    guard = random.randrange(1, 16) * GRANULE if not layout.tight and random.random() < 0.6 else 0
    execute = XN if only_flash else 0
    unused = [random.getrandbits(32) for _ in range(2)]
    attributes = [random.choice(NORMAL) * 0x01010101 for _ in range(2)]
    control = ENABLE | random.getrandbits(1) << 1 | (PRIVDEFENA if background else 0)
    words = ["SRAM must not be executed"] * only_flash
    words += ["memory below the main stack cannot be written"] * bool(guard)
    words.append(f"MPU_CTRL {control}")

    def apply(app: Application) -> None:
        regions = [(sram.base, sram.end, READ_WRITE | execute)]
        if guard:
            base = app.core.state().msp - TIGHT - guard & -GRANULE
            regions = [
                (sram.base, base, READ_WRITE | execute),
                (base, base + guard, READ_ONLY | XN),
                (base + guard, sram.end, READ_WRITE | execute),
            ]
        if not background:
            regions += [(flash.base, flash.end, READ_ONLY), (*PERIPHERALS, READ_WRITE | XN)]
        for n, value in enumerate(attributes):
            app.store(MPU_MAIR0 + 4 * n, value)
        last = die.core["mpu_regions"]
        for number, value in enumerate(unused, start=last - len(unused)):
            _set_region(app, number, value, ~value & ~ENABLE)
        for number, (base, end, rights) in enumerate(regions):
            _set_region(app, number, base | rights, end - GRANULE | ENABLE)
        app.store(MPU_CTRL, control)
        app.run(1)

    yield Action("MPU: " + ", ".join(words), apply)


def fill(app: Application, regions: int) -> None:
    """Something in every region, and the MPU on; no region is, so nothing is forbidden. Limits
    too."""
    for number in range(regions):
        _set_region(app, number, 0xFFFFFFFF, 0xFFFFFFFE)
    for n in range(2):
        app.store(MPU_MAIR0 + 4 * n, 0x44444444)
    app.store(MPU_CTRL, ENABLE | HFNMIENA | PRIVDEFENA)
    set_limits(app, TIGHT, app.layout.psp - THREAD_STACK)
    app.run(1)


def _set_region(app: Application, number: int, rbar: int, rlar: int) -> None:
    app.store(MPU_RNR, number)
    app.store(MPU_RBAR, rbar)
    app.store(MPU_RLAR, rlar)
