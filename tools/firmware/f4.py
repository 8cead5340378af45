"""What a board with an STM32F4 adds to the generated files.

Full speed, the file system in internal flash, a heap in CCM.
"""

from itertools import chain, repeat

from . import external_text
from .board import Board

FLASH_BASE = 0x0800_0000
CCM_BASE = 0x1000_0000

MAX_SYSCLK_HZ = 168_000_000  # without over-drive (RM0090 5.1.4)
SCALE_2_HZ = 84_000_000  # a chip that runs no faster has no voltage scale 1 (RM0368 5.4.1)
FIRST_SECTORS_KIB = (16, 16, 16, 16, 64)  # of every F4; 128 from there on (RM0090 rev 19, 3.4)
FS_CACHE_SIZE = 16 * 1024  # in SRAM, as stm32f401xe.ld and stm32f411.ld of the real port

STM32_FILES = "flash.c storage.c"


def addresses(board: Board) -> dict[str, object]:
    """For board.h."""
    most = min(board.chip.clocks["wait_states_hz"][-1], MAX_SYSCLK_HZ)
    heap = _heap(board)
    defines: dict[str, object] = {
        "BOARD_HSE_HZ": f"{board.data['hse_hz']}u",
        "BOARD_SYSCLK_HZ": f"{board.data.get('sysclk_hz', MAX_SYSCLK_HZ)}u",
        "BOARD_SYSCLK_MAX_HZ": f"{most}u",
        "BOARD_VOS": "2u" if most <= SCALE_2_HZ else "3u",
        "BOARD_CCM": hex(CCM_BASE) if _ccm_size(board) else 0,
    }
    if heap and heap[0] == CCM_BASE:
        start, end = (f"(void *){at:#x}" for at in (CCM_BASE, CCM_BASE + heap[1]))
        defines |= {"BOARD_HEAP_START": start, "BOARD_HEAP_END": end}
    return defines


def ram_size(board: Board) -> int:
    """SRAM for variables, heap and stack: without CCM its end is the file system's cache."""
    return board.ram.size - (0 if _ccm_size(board) else FS_CACHE_SIZE)


def memory(board: Board) -> tuple[str, str]:
    """The regions that boards/common_ifs.ld of the real port uses, as in its stm32f429.ld, or in
    stm32f411.ld where there is no CCM; and what else is in the linker script."""
    base, size = board.data["memory"]["filesystem"]
    regions = external_text.regions(board, FLASH_BASE, base)
    regions += f"    FLASH_FS (rx) : ORIGIN = {base:#x}, LENGTH = {size:#x}\n"
    if not external_text.text(board):
        start, length = _text_in_flash(board)
        regions += f"    FLASH_TEXT (rx) : ORIGIN = {start:#x}, LENGTH = {length:#x}\n"
    cache, cache_size = _filesystem_cache(board)
    rest = f"""\
_micropy_hw_internal_flash_storage_ram_cache_start = {cache};
_micropy_hw_internal_flash_storage_ram_cache_end = {cache} + {cache_size:#x};
_micropy_hw_internal_flash_storage_start = ORIGIN(FLASH_FS);
_micropy_hw_internal_flash_storage_end = ORIGIN(FLASH_FS) + LENGTH(FLASH_FS);
"""
    return regions, rest


def _heap(board: Board) -> tuple[int, int] | None:
    return board.data["memory"].get("heap")


def _ccm_size(board: Board) -> int:
    return sum(region.size for region in board.chip.memory if region.kind == "ccm")


def _filesystem_cache(board: Board) -> tuple[str, int]:
    """Address and size: all of CCM, unless the heap is there; without CCM the end of SRAM."""
    ccm, heap = _ccm_size(board), _heap(board)
    if heap and heap[0] == CCM_BASE:
        return "_ebss", ccm
    return (f"{CCM_BASE:#x}", ccm) if ccm else ("ORIGIN(RAM) + LENGTH(RAM)", FS_CACHE_SIZE)


def _text_in_flash(board: Board) -> tuple[int, int]:
    """Code is in the sectors behind those of the file system; the vectors are below it."""
    base, size = board.data["memory"]["filesystem"]
    sectors_kib = chain(FIRST_SECTORS_KIB, repeat(128))
    start = FLASH_BASE
    while start < base + size:
        start += next(sectors_kib) * 1024
    flash_end = FLASH_BASE + min(board.flash_size, 0x10_0000)  # bank 1
    return start, flash_end - start
