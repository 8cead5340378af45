"""DMA, the flash interface, SYSCFG, EXTI, watchdogs and caches, as the chip's data list them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..bench.chip import Chip, FlashSector, Peripheral
from . import facts, families
from .action import Action
from .application import ISER, Application
from .family import Lock
from .layout import BUFFER, Layout, has_vtor
from .subject import Subject

TCIE, MINC, PINC, MEMORY_TO_MEMORY, EN = 1 << 4, 1 << 10, 1 << 9, 2 << 6, 1  # DMA_SxCR
CHANNELS, MEM2MEM = 5, 1 << 14  # DMA_CCRx: the least number of channels, and a bit
GENERATORS = 0x100  # offset in a DMAMUX (RM0433 17.6)
UNLOCK_IWDG, START_IWDG = 0x5555, 0xCCCC  # IWDG_KR
WINDOW, EWI = 0x7F, 1 << 9  # WWDG_CFR
WDGTB = {"v1": (2, 7), "v2": (3, 11)}  # WWDG_CFR: bits and shift, by version
ICIALLU, CCR, DC, IC = 0xE000EF50, 0xE000ED14, 1 << 16, 1 << 17
ON, CACHEINV, WAYSEL = 1 << 0, 1 << 1, 1 << 2  # ICACHE_CR, DCACHE_CR
RESETS = 0x00CC0000  # of their monitors, which count then
REN = 1 << 15  # ICACHE_CRRx: addresses would be others
SHOWN = ("SYSTEM", "SRAM")  # what may be mapped to 0; external memory is not on these boards


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    """All of them."""
    yield from _draw_dma(random, die, layout)
    yield from _draw_flash(random, die)
    yield from _draw_syscfg(random, die, layout)
    if random.random() < 0.5:
        values = [(name, random.getrandbits(32)) for name in exti_registers(die)]
        words = ", ".join(f"{name} {value:08X}" for name, value in values)
        yield Action(f"EXTI {words}", lambda app: set_exti(app, values))
    yield from _draw_watchdogs(random, die)
    if facts.has_cache(die) and random.random() < 0.5:
        which = random.choice((DC, IC, DC | IC))
        yield Action(f"caches on, CCR {which:05X}", lambda app: caches(app, which))
    for block in facts.of_kind(die, "icache", "dcache"):
        if random.random() < 0.6:
            bits = random.getrandbits(32)
            yield Action(
                f"{block.name} on, {bits:08X}", lambda app, b=block, v=bits: st_cache(app, b, v)
            )


# --- DMA ---------------------------------------------------------------------------------------


def _draw_dma(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    """One controller copies memory; streams and channels of the others wait for a peripheral."""
    streams = facts.of_kind(die, "dma")
    for block in streams:
        copies = block is streams[-1]  # an F4's DMA1 cannot (RM0090 10.1)
        for stream in random.sample(range(8), random.choice((0, 0, 1, 3))) if copies else ():
            yield _copy(random, die, layout, block, stream)
        for stream in random.sample(range(8), random.choice((0, 2))) if not copies else ():
            yield _wait(random, block, f"stream {stream}", 0x10 + 0x18 * stream, 0x0FFFFF3E, 6)
    for block in facts.of_kind(die, "bdma"):
        for channel in random.sample(range(CHANNELS), random.choice((0, 0, 1, 3))):
            at, bits = 0x08 + 0x14 * channel, 0x7FFE & ~MEM2MEM
            yield _wait(random, block, f"channel {channel}", at, bits, 4)
    if families.of(die).dmamux and random.random() < 0.3:
        value = random.getrandbits(8)
        yield Action(f"DMA requests {value:02X}", lambda app: request(app, value))


def _copy(random: Random, die: Chip, layout: Layout, block: Peripheral, stream: int) -> Action:
    """Byte items into the buffer, from anywhere in flash."""
    items = random.randrange(1, BUFFER)
    flash = die.region("FLASH")
    source = flash.base + random.randrange(flash.size - BUFFER)
    target = random.choice(layout.buffers)
    name = f"{block.name}.S{stream}"

    def apply(app: Application) -> None:
        app.enable(block.name)
        app.poke(f"{name}NDTR", items)
        app.poke(f"{name}PAR", source)
        app.poke(f"{name}M0AR", target)
        app.nvic(ISER, block.irqs[stream])
        app.poke(f"{name}CR", TCIE | MINC | PINC | MEMORY_TO_MEMORY)
        app.set_bits(f"{name}CR", EN)

    return Action(f"{block.name} stream {stream} copies {items} bytes to 0x{target:08X}", apply)


def _wait(random: Random, block: Peripheral, which: str, at: int, bits: int, count: int) -> Action:
    """Any transfer but memory to memory: control, count, addresses."""
    values = [random.getrandbits(32) for _ in range(count)]

    def apply(app: Application) -> None:
        app.enable(block.name)
        for n, value in enumerate(values[1:], start=1):
            app.poke_at(block.name, at + 4 * n, value)
        control = values[0] & bits & ~(MEMORY_TO_MEMORY if block.kind == "dma" else 0)
        app.poke_at(block.name, at, control | EN)

    return Action(f"{block.name} {which} waits for its peripheral", apply)


def request(app: Application, value: int) -> None:
    """This request to every channel and generator of each DMAMUX."""
    for name, (channels, generators) in families.of(app.soc.chip).dmamux.items():
        app.enable(name)
        for n in range(channels):
            app.poke_at(name, 4 * n, value)
        for n in range(generators):
            app.poke_at(name, GENERATORS + 4 * n, value)


# --- flash -------------------------------------------------------------------------------------


def _draw_flash(random: Random, die: Chip) -> Iterator[Action]:
    for lock in facts.locks(die):
        at = f"{lock.register} ({lock.bit:X})"
        bits = random.getrandbits(32) & lock.bits
        if random.random() < (0.3 if lock.bits else 0.1):
            yield Action(
                f"FLASH.{at} unlocked, {bits:08X}", lambda app, k=lock, b=bits: unlock(app, k, b)
            )
        if random.random() < 0.05:
            yield Action(
                f"FLASH.{at} locked again, {bits:08X}",
                lambda app, k=lock, b=bits: lock_again(app, k, b),
            )


def unlock(app: Application, lock: Lock, bits: int = 0) -> None:
    """Its register open, with these bits of `lock.bits`."""
    register = f"FLASH.{lock.register}"
    if lock.after and app.peek(register) & lock.bit:
        unlock(app, lock.after)
    if app.peek(register) & lock.bit:
        for key in lock.keys:
            app.poke(f"FLASH.{lock.key_register}", key)
    if lock.bits:
        app.change(register, bits, lock.bits)


def lock_again(app: Application, lock: Lock, bits: int) -> None:
    """What HAL_FLASH_Lock() leaves of a program that was not finished: the other bits."""
    unlock(app, lock, bits)
    app.set_bits(f"FLASH.{lock.register}", lock.bit)


def free_sectors(die: Chip, subject: Subject) -> list[FlashSector]:
    """Sectors that the firmware is not in."""
    end = die.region("FLASH").base + len(subject.flash)
    return [sector for sector in die.sectors() if sector.base >= end]


def erase(die: Chip, sector: FlashSector) -> Action:
    """An erase under way."""
    return Action(
        f"sector {sector.number} of bank {sector.bank} is being erased",
        lambda app: families.of(die).erase(app, sector),
    )


# --- SYSCFG, EXTI ------------------------------------------------------------------------------


def _draw_syscfg(random: Random, die: Chip, layout: Layout) -> Iterator[Action]:
    remap = die.remap
    free = has_vtor(die) and layout.code >= die.region("FLASH").base
    if remap and free and random.random() < 0.2:
        name = random.choice(SHOWN)
        yield Action(f"{name} at 0", lambda app: show(app, name))
    for register in syscfg_registers(die):
        if random.random() < 0.3:
            value = random.getrandbits(32)
            yield Action(
                f"SYSCFG.{register} {value:08X}",
                lambda app, r=register, v=value: set_syscfg(app, r, v),
            )


def syscfg_registers(die: Chip) -> list[str]:
    """Those without the remap."""
    names = [register.name for register in facts.plain(facts.syscfg(die))]
    return [name for name in names if not die.remap or name != die.remap.register]


def set_syscfg(app: Application, name: str, value: int) -> None:
    block = facts.syscfg(app.soc.chip).name
    app.enable(block)
    app.poke(f"{block}.{name}", value)
    app.run(1)


def show(app: Application, name: str) -> None:
    """Map a memory to 0."""
    app.enable("SYSCFG")
    remap = app.soc.chip.remap
    assert remap
    app.change(f"SYSCFG.{remap.register}", remap.value(name), remap.mask)
    app.run(1)


def exti_registers(die: Chip) -> list[str]:
    """SWIER last: its lines are pending from then on."""
    names = [register.name for register in facts.plain(die.peripheral("EXTI"))]
    return sorted(names, key=lambda name: name.startswith("SWIER"))


def set_exti(app: Application, values: list[tuple[str, int]]) -> None:
    for name, value in values:
        app.poke(f"EXTI.{name}", value)


def set_only(register: str, bit: int) -> Action:
    """A bit that only a reset clears."""
    return Action(f"{register} bit {bit:X}", lambda app: app.set_bits(register, bit))


# --- watchdogs, caches -------------------------------------------------------------------------


def _draw_watchdogs(random: Random, die: Chip) -> Iterator[Action]:
    (iwdg,) = facts.of_kind(die, "iwdg")
    if random.random() < 0.15:
        # Two seconds at least: the slowest call takes a fifth of one.
        prescaler, reload = random.randrange(4, 8), random.randrange(0x400, 0x1000)
        yield Action(
            f"independent watchdog, PR {prescaler}, RLR {reload}",
            lambda app: _start_iwdg(app, iwdg.name, prescaler, reload),
        )
    for block in stoppable(die):
        width, shift = WDGTB[block.version]
        counter = random.randrange(0x50, 0x80)
        config = random.getrandbits(width) << shift | random.getrandbits(1) * EWI | WINDOW
        if random.random() < 0.15:
            yield Action(
                f"{block.name} at {counter:02X}, CFR {config:04X}",
                lambda app, c=counter, f=config, b=block: start_wwdg(app, b, c, f),
            )


def stoppable(die: Chip) -> list[Peripheral]:
    """Window watchdogs that a bit of RCC resets; the others stop with the chip's reset only."""
    return [block for block in facts.of_kind(die, "wwdg") if block.reset]


def _start_iwdg(app: Application, name: str, prescaler: int, reload: int) -> None:
    app.poke(f"{name}.KR", UNLOCK_IWDG)
    app.poke(f"{name}.PR", prescaler)
    app.poke(f"{name}.RLR", reload)
    app.poke(f"{name}.KR", START_IWDG)


def start_wwdg(app: Application, block: Peripheral, counter: int, config: int) -> None:
    """With its interrupt enabled in the NVIC."""
    app.enable(block.name)
    app.poke(f"{block.name}.CFR", config)
    app.poke(f"{block.name}.CR", 0x80 | counter)
    app.nvic(ISER, block.irqs[0])


def caches(app: Application, which: int = DC | IC) -> None:
    """Invalidated, then on. What is in the image and the stacks from now on may be dirty."""
    app.store(ICIALLU, 0)
    app.store(CCR, app.load(CCR) | which)
    app.run(1)


def st_cache(app: Application, block: Peripheral, bits: int = 0xFFFFFFFF) -> None:
    """One between the core and memory: its ways while it is off, then on, with its interrupts."""
    app.enable(block.name)
    for register in facts.plain(block):
        kept = WAYSEL | CACHEINV | ON | RESETS if register.name == "CR" else REN
        app.poke(f"{block.name}.{register.name}", bits & ~kept)
    app.set_bits(f"{block.name}.CR", ON)
    app.set_bits(f"{block.name}.CR", bits & CACHEINV)
