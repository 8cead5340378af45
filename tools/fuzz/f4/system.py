"""What is the F4's own: DMA streams, the flash interface, SYSCFG, EXTI, PWR and watchdogs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ...bench.chip import Chip
from ..application import ISER, Application
from ..layout import BUFFER, Layout
from ..trouble import Trouble

TCIE, MINC, PINC, MEMORY_TO_MEMORY, EN = 1 << 4, 1 << 10, 1 << 9, 2 << 6, 1  # DMA_SxCR
KEYS = (0x45670123, 0xCDEF89AB)  # FLASH_KEYR, RM0090 3.6.1
OPTION_KEYS = (0x08192A3B, 0x4C5D6E7F)
SER, STRT, LOCK = 1 << 1, 1 << 16, 1 << 31  # FLASH_CR
SECTOR = 128 * 1024
MEMRMP_MODES = (1, 3)  # system memory, SRAM; external memory is not on these boards


def draw(random: Random, die: Chip, layout: Layout) -> Iterator[Trouble]:
    """All of them."""
    yield from _draw_dma(random, layout)
    yield from _draw_flash(random)
    yield from _draw_system(random, die, layout)


# --- DMA ---------------------------------------------------------------------------------------


def _draw_dma(random: Random, layout: Layout) -> Iterator[Trouble]:
    """DMA2 copies memory; streams of both wait for a peripheral."""
    for stream in random.sample(range(8), random.choice((0, 0, 1, 3))):
        # byte items into the buffer, from anywhere in flash
        items = random.randrange(1, BUFFER)
        source = 0x08000000 + random.randrange(0x40000)
        target = random.choice(layout.buffers)
        yield Trouble(
            f"DMA2 stream {stream} copies {items} bytes to 0x{target:08X}",
            lambda app, s=stream, n=items, src=source, to=target: _copy(app, s, n, src, to),
        )
    for stream in random.sample(range(8), random.choice((0, 2))):
        values = [random.getrandbits(32) for _ in range(5)]
        yield Trouble(
            f"DMA1 stream {stream} waits for its peripheral",
            lambda app, s=stream, v=values: _wait_stream(app, s, v),
        )


def _copy(app: Application, stream: int, items: int, source: int, target: int) -> None:
    app.enable("DMA2")
    name = f"DMA2.S{stream}"
    app.poke(f"{name}NDTR", items)
    app.poke(f"{name}PAR", source)
    app.poke(f"{name}M0AR", target)
    app.nvic(ISER, app.soc.chip.peripheral("DMA2").irqs[stream])
    app.poke(f"{name}CR", TCIE | MINC | PINC | MEMORY_TO_MEMORY)
    app.set_bits(f"{name}CR", EN)


def _wait_stream(app: Application, stream: int, values: list[int]) -> None:
    app.enable("DMA1")
    name = f"DMA1.S{stream}"
    for n, value in enumerate(values):  # NDTR, PAR, M0AR, M1AR, FCR
        app.poke_at("DMA1", 0x14 + 0x18 * stream + 4 * n, value)
    app.poke(f"{name}CR", values[0] & 0x0FFFFF3E | EN)  # any but memory to memory


# --- flash -------------------------------------------------------------------------------------


def _draw_flash(random: Random) -> Iterator[Trouble]:
    if random.random() < 0.3:
        bits = random.getrandbits(32) & 0x0000_03FD  # all but SER, STRT and the lock
        yield Trouble(f"flash unlocked, CR {bits:08X}", lambda app: unlock(app, bits))
    if random.random() < 0.05:
        bits = random.getrandbits(32) & 0x0000_03FD
        yield Trouble(f"flash locked again, CR {bits:08X}", lambda app: lock(app, bits))
    if random.random() < 0.1:
        yield Trouble("option bytes unlocked", unlock_options)


def unlock(app: Application, bits: int) -> None:
    if app.peek("FLASH.CR") & LOCK:
        for key in KEYS:
            app.poke("FLASH.KEYR", key)
    app.poke("FLASH.CR", bits)


def lock(app: Application, bits: int) -> None:
    """What HAL_FLASH_Lock() leaves of a program that was not finished: the other bits."""
    unlock(app, bits)
    app.set_bits("FLASH.CR", LOCK)


def unlock_options(app: Application) -> None:
    for key in OPTION_KEYS:
        app.poke("FLASH.OPTKEYR", key)


def erase(random: Random, die: Chip) -> Trouble:
    """An erase under way. Its sector is one that nothing here is in."""
    sectors = 4 + die.region("FLASH").size // SECTOR  # the first of these are five smaller ones
    number = random.randrange(7, min(10, sectors))
    return Trouble(f"sector {number} is being erased", lambda app: _erase(app, number))


def _erase(app: Application, number: int) -> None:
    if app.peek("FLASH.CR") & LOCK:
        unlock(app, 0)
    app.poke("FLASH.CR", SER | number << 3)
    app.poke("FLASH.CR", SER | number << 3 | STRT)


# --- SYSCFG, EXTI, PWR, watchdogs ---------------------------------------------------------------


def _draw_system(random: Random, die: Chip, layout: Layout) -> Iterator[Trouble]:
    if random.random() < 0.2 and layout.code >= 0x08000000:
        mode = random.choice(MEMRMP_MODES)
        yield Trouble(f"MEMRMP {mode}", lambda app: _syscfg(app, "MEMRMP", mode))
    for name in [r.name for r in die.peripheral("SYSCFG").registers if r.name != "MEMRMP"]:
        if random.random() < 0.3:
            value = random.getrandbits(32)
            yield Trouble(
                f"SYSCFG.{name} {value:08X}",
                lambda app, name=name, value=value: _syscfg(app, name, value),
            )
    if random.random() < 0.5:
        masks = [random.getrandbits(23) for _ in range(5)]
        words = " ".join(f"{mask:06X}" for mask in masks)
        yield Trouble(f"EXTI IMR, EMR, RTSR, FTSR, SWIER {words}", lambda app: _exti(app, masks))
    if random.random() < 0.4:
        bits = random.getrandbits(10)
        yield Trouble(f"PWR.CR bits {bits:03X}", lambda app: app.set_bits("PWR.CR", bits))
    if random.random() < 0.2:
        bits = random.getrandbits(2) << 8
        yield Trouble(f"PWR.CSR {bits:03X}", lambda app: app.poke("PWR.CSR", bits))
    if random.random() < 0.15:
        # half a second at least: at HSI / 512 the call takes a fifth of one
        prescaler, reload = random.randrange(4, 8), random.randrange(0x100, 0x1000)
        yield Trouble(
            f"independent watchdog, PR {prescaler}, RLR {reload}",
            lambda app: _iwdg(app, prescaler, reload),
        )
    if random.random() < 0.15:
        counter, config = random.randrange(0x50, 0x80), random.getrandbits(3) << 7 | 0x7F
        yield Trouble(
            f"window watchdog at {counter:02X}", lambda app: start_wwdg(app, counter, config)
        )


def _syscfg(app: Application, name: str, value: int) -> None:
    app.enable("SYSCFG")
    app.poke(f"SYSCFG.{name}", value)
    app.run(1)


def _exti(app: Application, masks: list[int]) -> None:
    for name, mask in zip(("IMR", "EMR", "RTSR", "FTSR", "SWIER"), masks, strict=True):
        app.poke(f"EXTI.{name}", mask)


def _iwdg(app: Application, prescaler: int, reload: int) -> None:
    app.poke("IWDG.KR", 0x5555)
    app.poke("IWDG.PR", prescaler)
    app.poke("IWDG.RLR", reload)
    app.poke("IWDG.KR", 0xCCCC)


def start_wwdg(app: Application, counter: int, config: int) -> None:
    app.enable("WWDG")
    app.poke("WWDG.CFR", config)
    app.poke("WWDG.CR", 0x80 | counter)
    app.nvic(ISER, 0)
