"""A board whose code is in flash outside of the chip, behind the FMC or the QUADSPI.

What runs before that flash can be read (`port/external_text.c`), the early-boot hook and the
vector table stay in internal flash, as with boards/PYBD_SF2/f722_qspi.ld of the real port.
"""

from .board import Board
from .errors import FirmwareError

CONTROLLERS = {
    0x6000_0000: ("FMC", "NOR flash on bank 1 of the FMC"),
    0x9000_0000: ("QUADSPI", "QUADSPI flash"),
}
FIRST = 0x400  # bytes at the end of what is for the vector table
SECTION = """\
SECTIONS
{
    .text_first :
    {
        *(.text_first)
        */bootloader.o(.text* .rodata*)
    } >FLASH_FIRST
}
"""


def text(board: Board) -> tuple[int, int] | None:
    """Start and size of external flash that has the code; None: internal flash."""
    found = board.data["memory"].get("text")
    if found and found[0] not in CONTROLLERS:
        known = ", ".join(f"{base:#x} ({name})" for base, (_, name) in CONTROLLERS.items())
        raise FirmwareError(f"memory.text of {board.name} is at {found[0]:#x}, not at {known}.")
    return found


def controller(board: Board) -> str | None:
    """The peripheral that it is behind."""
    found = text(board)
    return CONTROLLERS[found[0]][0] if found else None


def regions(board: Board, base: int, end: int) -> str:
    """Of the linker script. base, end: internal flash for the vector table."""
    found = text(board)
    if not found:
        return f"    FLASH_START (rx) : ORIGIN = {base:#x}, LENGTH = {end - base:#x}\n"
    return f"""\
    FLASH_START (rx) : ORIGIN = {base:#x}, LENGTH = {end - FIRST - base:#x}
    FLASH_FIRST (rx) : ORIGIN = {end - FIRST:#x}, LENGTH = {FIRST:#x}
    FLASH_TEXT (rx) : ORIGIN = {found[0]:#x}, LENGTH = {found[1]:#x}
"""
