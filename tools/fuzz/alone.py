"""A die that no board of boards/ has, as a board: its console is where its ROM listens first."""

from __future__ import annotations

from pathlib import Path

from .. import paths
from ..bench import boardfile, chip
from ..boards import on_bench

TEMPLATE = """\
name = "{chip.name} alone"
mcu_name = "{chip.name}"
chip = "{chip.name}"
hse_hz = 8_000_000
sysclk_hz = {sysclk}

[console]
usart = "{usart[usart]}"
tx = "{usart[tx]}"
rx = "{usart[rx]}"
baud = 115_200

[rom_wire]
usart = "{usart[usart]}"
tx = "{usart[tx]}"
rx = "{usart[rx]}"

[memory]
flash_kib = {flash}
stack_kib = 4
filesystem = [0x08004000, 16_384]
{small}"""
SMALL = """
[firmware]
asyncio = false

[firmware.config]
MICROPY_PY_BUILTINS_COMPLEX = 0
MICROPY_PY_FRAMEBUF = 0
MICROPY_PY_HEAPQ = 0
"""
LARGE = 512 * 1024  # of the flash: with less MicroPython has fewer features
FLASH, RAM = 192 * 1024, 20 * 1024  # the least with which it runs, with the library


def boards(name: str) -> Path:
    """The folder of the file of a board; of one that is made here, if name is that of a chip."""
    if name not in chip.names():
        return boardfile.BOARDS
    folder = paths.cache() / "alone"
    folder.mkdir(parents=True, exist_ok=True)
    die = chip.load(name)
    flash = die.region("FLASH").size
    text = TEMPLATE.format(
        chip=die,
        usart=die.rom["usarts"][0],
        sysclk=die.clocks["wait_states_hz"][-1],
        flash=flash // 1024,
        small="" if flash >= LARGE else SMALL,
    )
    path = folder / f"{name}.toml"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return folder


def chips() -> list[str]:
    """Those that no board has, and that MicroPython fits into."""
    on_boards = {boardfile.load(name).chip for name in on_bench()}
    return [
        name
        for name in chip.names()
        if name not in on_boards
        and chip.load(name).region("FLASH").size >= FLASH
        and chip.load(name).region("SRAM").size >= RAM
    ]
