"""A board as its firmware sees it: `boards/<BOARD>.toml` and the chip that it names."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import boards as files
from ..bench.boardfile import BAUD
from ..bench.chip import Chip, Region, load
from ..paths import BOARDS
from .errors import FirmwareError


@dataclass(frozen=True)
class Console:
    """The USART of the REPL; pins are 16 * port + number (PA0 is 0)."""

    usart: str
    tx: int
    rx: int
    af: int
    baud: int


@dataclass(frozen=True)
class Board:
    """What the firmware needs to know of a board. Sizes in bytes.

    Attributes:
        ram: where variables, heap and stack are.
        flash_size: of the part that the board has; code starts at the lowest address.
        config: MICROPY_... defines of the official board beside those of its chip and core.
        assembler: it has the inline assembler and the native emitters.
        asyncio: it is frozen in, as boards/manifest.py of the real port does.
        data: the whole file, for what only one family has (`f4.py`).
    """

    build_name: str
    name: str
    mcu_name: str
    chip: Chip
    ram: Region
    flash_size: int
    stack_size: int
    vectors_in_ram: bool  # as most NUCLEO boards of the real port; else at the start of flash
    console: Console
    config: dict[str, int]
    assembler: bool
    asyncio: bool
    data: dict[str, Any]


def load_board(build_name: str, boards: Path | None = None) -> Board:
    """Reads `<build_name>.toml` of `boards/`, or of another folder. Raises FirmwareError if it is
    absent or lacks a key."""
    boards = boards or BOARDS
    path = boards / f"{build_name}.toml"
    if not path.is_file():
        raise FirmwareError(files.unknown(build_name, boards))
    try:
        board = _from_toml(build_name, files.read(path))
    except (KeyError, TypeError, ValueError) as error:
        raise FirmwareError(
            f"{boards.name}/{path.name} does not describe a board: {error!r}."
        ) from error
    if all(p.name != board.console.usart for p in board.chip.peripherals):
        raise FirmwareError(
            f"{boards.name}/{path.name} has its console on {board.console.usart}, which "
            f"{board.chip.name} has not got."
        )
    return board


def _from_toml(build_name: str, data: dict[str, Any]) -> Board:
    memory, firmware = data["memory"], data.get("firmware", {})
    chip = load(data["chip"])
    if chip.family == "f4" and "filesystem" not in memory:
        raise ValueError("an STM32F4 has a file system: memory.filesystem = [start, size]")
    return Board(
        build_name=build_name,
        name=data["name"],
        mcu_name=data["mcu_name"],
        chip=chip,
        ram=_ram(chip, memory),
        flash_size=memory["flash_kib"] * 1024,
        stack_size=memory["stack_kib"] * 1024,
        vectors_in_ram=memory.get("vectors", "ram") == "ram",
        console=_console(chip, data["console"]),
        config=firmware.get("config", {}),
        assembler=firmware.get("assembler", True),
        asyncio=firmware.get("asyncio", True),
        data=data,
    )


def _ram(chip: Chip, memory: dict[str, Any]) -> Region:
    """Several names are of memories that follow each other."""
    region, *others = [chip.region(name) for name in memory.get("ram", "SRAM").split()]
    for other in others:
        if other.base != region.end:
            raise ValueError(f"{other.name} does not begin where {region.name} ends")
        region = replace(region, size=other.end - region.base)
    kib = memory.get("ram_kib")
    return replace(region, size=kib * 1024) if kib else region


def _console(chip: Chip, table: dict[str, Any]) -> Console:
    usart = table["usart"]
    af = table.get("af", chip.alternate_functions.get(usart, 0))
    return Console(usart, _pin(table["tx"]), _pin(table["rx"]), af, table.get("baud", BAUD))


def _pin(name: str) -> int:
    match = re.fullmatch(r"P([A-K])(\d|1[0-5])", name)
    if not match:
        raise ValueError(f"{name} is no pin")
    return 16 * (ord(match[1]) - ord("A")) + int(match[2])
