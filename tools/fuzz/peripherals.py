"""Peripherals in the middle of their work, as the chip's data lists them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..bench.chip import Chip, Peripheral
from . import facts
from .action import Action
from .application import ISER, Application
from .layout import Layout, has_vtor

REGISTERS = 0x60  # bytes from the base of a peripheral in which most have all of theirs
CHANNELS = (0x04, 0x18, 0x20, 0x34, 0x44, 0x48)  # TIMx_CR2, CCMR1, CCER, CCR1, BDTR, DCR


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    """Clocks of peripherals first, then what runs on them."""
    names = enables(die)
    on: dict[str, int] = {name: random.getrandbits(32) for name in names}
    if random.random() < 0.3:
        on = dict.fromkeys(names, 0xFFFFFFFF)
    words = ", ".join(f"{name} {value:08X}" for name, value in on.items())
    yield Action(f"peripheral clocks: {words}", lambda app: switch_on(app, on))
    if random.random() < 0.15:
        resets = {name: random.getrandbits(32) for name in reset_registers(die)}
        words = ", ".join(f"{name} {value:08X}" for name, value in resets.items())
        yield Action(f"held in reset: {words}", lambda app: _hold(app, resets))
    yield from _draw_registers(random, die, layout)
    yield from _draw_timers(random, die)


def enables(die: Chip) -> list[str]:
    """Registers of RCC with the clock enable bits of peripherals."""
    return list(dict.fromkeys(p.enable.register for p in die.peripherals if p.enable))


def reset_registers(die: Chip) -> list[str]:
    """Registers of RCC with their reset bits."""
    return list(dict.fromkeys(p.reset.register for p in die.peripherals if p.reset))


def switch_on(app: Application, values: dict[str, int]) -> None:
    """Enable clocks; that of PWR too, which an application needs for its own clock."""
    for name, value in values.items():
        app.set_bits(f"RCC.{name}", value & app.mask(f"RCC.{name}"))
    app.enable("PWR")


def _hold(app: Application, resets: dict[str, int]) -> None:
    # The regulator and flash must go on as the clock needs them, SDRAM with the heap in it, and
    # vectors that are mapped to 0.
    spared = {"PWR", "FLASH"} | ({"FMC"} if app.layout.needs_sdram else set())
    spared |= set() if has_vtor(app.soc.chip) else {"SYSCFG"}
    for name, value in resets.items():
        for block in app.soc.chip.peripherals:
            if block.name in spared and block.reset and block.reset.register == name:
                value &= ~block.reset.mask
        app.poke(f"RCC.{name}", value & app.mask(f"RCC.{name}"))


# --- any register ------------------------------------------------------------------------------


def _draw_registers(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    """Anything written to registers of a few blocks."""
    blocks = writable_blocks(die, layout)
    for block in random.sample(blocks, min(random.choice((0, 2, 6, 20)), len(blocks))):
        writes = [
            (address, random.getrandbits(32)) for address in places(block) if random.random() < 0.7
        ]
        enabled = [irq for irq in block.irqs if random.random() < 0.5]
        yield Action(
            f"{block.name} written all over" + (f", interrupts {enabled}" if enabled else ""),
            lambda app, writes=writes, enabled=enabled: write_all(app, writes, enabled),
        )


def writable_blocks(die: Chip, layout: Layout) -> list[Peripheral]:
    """Those that anything may be written to."""
    apart = facts.apart(die) | ({"FMC"} if layout.needs_sdram else set())
    return [p for p in die.peripherals if p.name not in apart and not _counts(p)]


def places(block: Peripheral) -> list[int]:
    """Addresses of its registers, described or not."""
    offsets = {*block.by_offset, *range(0, min(block.size, REGISTERS), 4)}
    return [block.base + offset for offset in sorted(offsets)]


def _counts(block: Peripheral) -> bool:
    return block.kind.startswith("timer")


def write_all(app: Application, writes: list[tuple[int, int]], enabled: list[int]) -> None:
    """Words at their addresses, then these interrupts enabled."""
    for address, value in writes:
        app.store(address, value)
    for irq in enabled:
        app.nvic(ISER, irq)


# --- timers ------------------------------------------------------------------------------------


def _draw_timers(random: Random, die: Chip) -> Iterator[Action]:
    """Timers that run, with an update interrupt every so often."""
    timers = [p for p in die.peripherals if _counts(p)]
    for timer in random.sample(timers, min(random.randrange(4), len(timers))):
        period = random.choice((random.randrange(60, 400), random.randrange(400, 65536)))
        prescaler = random.choice((0, 0, random.randrange(65536)))
        one_pulse = random.getrandbits(1) << 3
        rest = random.getrandbits(32)
        yield Action(
            f"{timer.name} runs, an interrupt every {period} x {prescaler + 1} ticks",
            lambda app, t=timer, p=period, s=prescaler, o=one_pulse, rest=rest: _run_timer(
                app, t, p, s, o, rest
            ),
        )


def _run_timer(
    app: Application, timer: Peripheral, period: int, prescaler: int, one_pulse: int, rest: int
) -> None:
    name = timer.name
    app.enable(name)
    for offset in CHANNELS:
        app.poke_at(name, offset, rest)
    app.poke(f"{name}.PSC", prescaler)
    app.poke(f"{name}.ARR", period)
    app.poke(f"{name}.EGR", 1)
    app.poke(f"{name}.DIER", rest & 0xFFFE | 1)
    app.poke(f"{name}.CR1", 1 | one_pulse)
    for irq in timer.irqs:
        app.nvic(ISER, irq)
