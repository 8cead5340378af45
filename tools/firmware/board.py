"""A board as its firmware sees it: `boards/<BOARD>.toml` and the memory of its chip."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..paths import BOARDS
from .errors import FirmwareError

FLASH_BASE = 0x0800_0000
SRAM_BASE = 0x2000_0000
CCM_BASE = 0x1000_0000
SDRAM_BANK_2 = 0xD000_0000
EXTERNAL_FLASH = {0x6000_0000: "NOR flash on bank 1 of the FMC", 0x9000_0000: "QUADSPI flash"}

FIRST_SECTORS_KIB = (16, 16, 16, 16, 64)  # of every F4; 128 from there on (RM0090 rev 19, 3.4)
FS_CACHE_KIB = 16  # in SRAM, as stm32f401xe.ld and stm32f411.ld of the real port


@dataclass(frozen=True)
class Chip:
    """A chip as its firmware sees it.

    Attributes:
        sram_kib: contiguous at 0x20000000.
        ccm_kib: CCM, 0 for none.
        irqs: interrupts, which is the number of the last one and one more.
        sysclk_mhz: the highest without over-drive.
        vos: what PWR_CR.VOS must be for that.
        usarts: numbers of its USARTs and UARTs.
    """

    sram_kib: int
    ccm_kib: int
    irqs: int
    sysclk_mhz: int
    vos: int = 3
    usarts: str = "12345678"


# Memory, interrupts: RM0090 rev 19 2.3.1 (112 + 16 KiB; on F42x and F43x 64 KiB more) and tables
# 61, 62; RM0386 rev 6 2.3.1 (160 + 32 + 128 KiB); RM0368 rev 5, RM0383 rev 3 and RM0390 rev 6:
# 2.3.1 and the vector table in chapter 10. Frequency and VOS: the description of PWR_CR in each
# (5.4.1, 5.5.1; those of F401, F411 and F446 from memory of the manuals, not read again). F405 has
# a VOS of one bit, and ignores the upper one; F401 has no scale 1.
CHIPS = {
    "STM32F401xE": Chip(96, 0, 85, 84, vos=2, usarts="126"),
    "STM32F405xx": Chip(128, 64, 82, 168, usarts="123456"),
    "STM32F407xx": Chip(128, 64, 82, 168, usarts="123456"),
    "STM32F411xE": Chip(128, 0, 86, 100, usarts="126"),
    "STM32F427xx": Chip(192, 64, 91, 168),
    "STM32F429xx": Chip(192, 64, 91, 168),
    "STM32F439xx": Chip(192, 64, 91, 168),
    "STM32F446xx": Chip(128, 0, 97, 168, usarts="123456"),
    "STM32F469xx": Chip(320, 64, 93, 168),
}


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
    """What the firmware needs to know of a board. Sizes in bytes, frequencies in Hz."""

    build_name: str
    name: str
    mcu_name: str
    chip_name: str
    hse_hz: int
    sysclk_hz: int
    flash_kib: int
    stack_size: int
    filesystem: tuple[int, int]
    heap: tuple[int, int] | None  # None: between .bss and the stack
    text: tuple[int, int] | None  # external flash that has the code; None: internal flash
    vectors_in_ram: bool  # as most NUCLEO boards of the real port; else at the start of flash
    console: Console
    toml: bytes

    @property
    def chip(self) -> Chip:
        return CHIPS[self.chip_name]

    @property
    def ram_size(self) -> int:
        """SRAM for variables, heap and stack: without CCM its end is the file system's cache."""
        cache_kib = 0 if self.chip.ccm_kib else FS_CACHE_KIB
        return (self.chip.sram_kib - cache_kib) * 1024

    @property
    def heap_in_sdram(self) -> bool:
        return self.heap is not None and self.heap[0] == SDRAM_BANK_2

    @property
    def heap_in_ccm(self) -> bool:
        return self.heap is not None and self.heap[0] == CCM_BASE


def load_board(build_name: str, boards: Path | None = None) -> Board:
    """Reads `<build_name>.toml` of `boards/`, or of another folder. Raises FirmwareError if it is
    absent or lacks a key."""
    boards = boards or BOARDS
    path = boards / f"{build_name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in boards.glob("*.toml")))
        raise FirmwareError(f"There is no board {build_name}; {boards.name}/ has {known}.")
    content = path.read_bytes()
    try:
        board = _from_toml(build_name, content)
    except (KeyError, TypeError, ValueError) as error:
        raise FirmwareError(
            f"{boards.name}/{path.name} does not describe a board: {error!r}."
        ) from error
    if board.chip_name not in CHIPS:
        raise FirmwareError(
            f"The bench firmware is for {', '.join(CHIPS)}; {build_name} has {board.chip_name}. "
            "Run the official firmware of that board on the bench instead."
        )
    if board.console.usart[-1] not in board.chip.usarts:
        raise FirmwareError(
            f"{boards.name}/{path.name} has its console on {board.console.usart}, which "
            f"{board.chip_name} has not got."
        )
    return board


def _from_toml(build_name: str, content: bytes) -> Board:
    data = tomllib.loads(content.decode())
    memory = data["memory"]
    return Board(
        build_name=build_name,
        name=data["name"],
        mcu_name=data["mcu_name"],
        chip_name=data["chip"],
        hse_hz=data["hse_hz"],
        sysclk_hz=data.get("sysclk_hz", 168_000_000),
        flash_kib=memory["flash_kib"],
        stack_size=memory["stack_kib"] * 1024,
        filesystem=_region(memory["filesystem"]),
        heap=_region(memory["heap"]) if "heap" in memory else None,
        text=_external_flash(memory["text"]) if "text" in memory else None,
        vectors_in_ram=memory.get("vectors", "ram") == "ram",
        console=_console(data["console"]),
        toml=content,
    )


def _region(value: list[int]) -> tuple[int, int]:
    base, size = value
    return base, size


def _external_flash(value: list[int]) -> tuple[int, int]:
    if value[0] not in EXTERNAL_FLASH:
        known = ", ".join(f"{base:#x} ({name})" for base, name in EXTERNAL_FLASH.items())
        raise ValueError(f"memory.text is at {value[0]:#x}, not at {known}")
    return _region(value)


def _console(table: dict) -> Console:
    usart = table["usart"]
    if not re.fullmatch(r"USART[1236]|UART[4578]", usart):
        raise ValueError(f"console.usart is {usart}")
    return Console(usart, _pin(table["tx"]), _pin(table["rx"]), table["af"], table["baud"])


def _pin(name: str) -> int:
    match = re.fullmatch(r"P([A-K])(\d|1[0-5])", name)
    if not match:
        raise ValueError(f"{name} is no pin")
    return 16 * (ord(match[1]) - ord("A")) + int(match[2])
