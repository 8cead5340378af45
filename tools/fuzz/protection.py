"""An MPU that forbids what romboot needs: to execute in SRAM, to use memory below the stack; and
the stack limits of ARMv8-M."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..bench.chip import Chip, Region
from ..bench.cpu.spec import CORES
from . import protection_v8
from .action import Action
from .application import Application
from .interrupts import Context, mainline
from .layout import FRAMES, TIGHT, Layout

MPU_CTRL, MPU_RBAR, MPU_RASR = 0xE000ED94, 0xE000ED9C, 0xE000EDA0
ENABLE, HFNMIENA, PRIVDEFENA = 1, 2, 4
XN, FULL, NOTHING, READ_ONLY = 1 << 28, 3 << 24, 0 << 24, 6 << 24  # RASR.AP
VALID = 1 << 4
NORMAL = 3 << 16  # RASR.C, B: as RAM is without an MPU; else lines in a cache would be stranded


def _is_v8(die: Chip) -> bool:
    return CORES[die.core["model"]].architecture == 8


def draw(random: Random, die: Chip, layout: Layout, context: Context) -> Iterator[Action]:
    """Regions that leave the application what it uses; unprivileged, it would need more."""
    if _is_v8(die):
        yield from protection_v8.draw_limits(random, layout)
    if (
        not die.core["mpu_regions"]
        or random.random() < 0.6
        or (context.unprivileged and not context.handlers)
    ):
        return
    if _is_v8(die):
        yield from protection_v8.draw(random, die, layout)
        return
    regions, words = _draw_regions(random, die, layout)
    background = len(regions) > 1
    guard = not layout.tight and random.random() < 0.6
    if guard:
        words.append("no access to memory below the main stack")
    unused = [(random.getrandbits(32), random.getrandbits(32) & ~1) for _ in range(2)]
    control = ENABLE | random.getrandbits(1) << 1
    control |= 0 if background and random.random() < 0.5 else PRIVDEFENA
    size = random.randrange(5 if mainline(die) else 8, 10)  # PMSAv6: 256 bytes at least
    words.append(f"MPU_CTRL {control}")

    last = die.core["mpu_regions"]

    def apply(app: Application) -> None:
        found = list(regions)
        if guard:
            found.append((_guard(app, size), size, NOTHING | NORMAL))
        for number, (base, rasr) in enumerate(unused, start=last - len(unused)):
            app.store(MPU_RBAR, base & ~0x1F | VALID | number)
            app.store(MPU_RASR, rasr)
        for number, (base, bits, attributes) in enumerate(found):
            app.store(MPU_RBAR, base | VALID | number)
            app.store(MPU_RASR, attributes | bits - 1 << 1 | ENABLE)
        app.store(MPU_CTRL, control)
        app.run(1)

    yield Action("MPU: " + ", ".join(words), apply)


def _draw_regions(
    random: Random, die: Chip, layout: Layout
) -> tuple[list[tuple[int, int, int]], list[str]]:
    """Base, bits of the size, attributes; in words. With more than one they cover all that is
    used, and the default map is not needed."""
    flash, sram = die.region("FLASH"), die.region("SRAM")
    if layout.code >= flash.end or layout.application >= flash.end:
        return [], []
    if random.random() < 0.5:
        every = (
            (0, 32, XN | FULL | NORMAL),
            (flash.base, _bits(flash), READ_ONLY | NORMAL),
            (0, _bits(flash), READ_ONLY | NORMAL),
        )
        return list(every), ["nothing but flash may be executed"]
    return [(sram.base, _bits(sram), XN | FULL | NORMAL)], ["SRAM must not be executed"]


def open_region(app: Application, base: int, bits: int) -> None:
    """Let these 2 ** bits bytes be executed."""
    app.store(MPU_RBAR, base | VALID)
    app.store(MPU_RASR, FULL | bits - 1 << 1 | ENABLE)
    app.store(MPU_CTRL, ENABLE | PRIVDEFENA)
    app.run(1)


def fill(app: Application) -> None:
    """Something in every region, and the MPU on; no region is, so nothing is forbidden."""
    regions = app.soc.chip.core["mpu_regions"]
    if not regions:
        return
    if _is_v8(app.soc.chip):
        protection_v8.fill(app, regions)
        return
    for number in range(regions):
        app.store(MPU_RBAR, 0xFFFFFFE0 & ~0x1F | VALID | number)
        app.store(MPU_RASR, 0x1306003E)
    app.store(MPU_CTRL, ENABLE | HFNMIENA | PRIVDEFENA)
    app.run(1)


def _bits(region: Region) -> int:
    """The size of the smallest region of an MPU that covers it, as a power of 2."""
    return (region.size - 1).bit_length()


def _guard(app: Application, size: int) -> int:
    """Below what the handlers that may still come need, and within what nobody else uses."""
    msp = app.core.state().msp
    base = (msp - TIGHT - (1 << size)) >> size << size
    assert base > msp - FRAMES
    return base
