"""Writes what a board adds to the port: a configuration header, the memory map, make variables."""

from itertools import chain, repeat
from pathlib import Path

from .board import CCM_BASE, FIRST_SECTORS_KIB, FLASH_BASE, SRAM_BASE, Board

# What a reset comes to before external flash can be read, and the early-boot hook, which the real
# port has in internal flash too (its boards/PYBD_SF2/f722_qspi.ld).
_FIRST = 0x400  # bytes below the file system
_FIRST_SECTION = """\
SECTIONS
{
    .text_first :
    {
        *(.text_first)
        */bootloader.o(.text* .rodata*)
    } >FLASH_FIRST
}
"""


def write_board_files(board: Board, directory: Path) -> None:
    """Writes the files that changed, so that make compiles again only what depends on them."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {
        "mpconfigboard.h": _header(board),
        "memory.ld": _memory(board),
        "board.mk": _make(board),
    }
    for name, text in files.items():
        path = directory / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _header(board: Board) -> str:
    console = board.console
    defines: dict[str, object] = {
        "MICROPY_HW_BOARD_NAME": f'"{board.name}"',
        "MICROPY_HW_MCU_NAME": f'"{board.mcu_name}"',
        "MICROPY_PY_PYB": 0,
        "MICROPY_PY_STM": 0,
        "PORT_FLASH_KIB": board.flash_kib,
        "PORT_CCM_KIB": board.chip.ccm_kib,
        "PORT_IRQS": board.chip.irqs,
        "PORT_SYSCLK_MAX_HZ": f"{board.chip.sysclk_mhz * 1_000_000}u",
        "PORT_VOS": f"{board.chip.vos}u",
        "BOARD_TEXT_BASE": hex(board.text[0]) if board.text else 0,
        "BOARD_HSE_HZ": f"{board.hse_hz}u",
        "BOARD_SYSCLK_HZ": f"{board.sysclk_hz}u",
        "BOARD_CONSOLE_UNIT": console.usart[-1],
        "BOARD_CONSOLE_IRQ": f"{console.usart}_IRQn",
        "BOARD_CONSOLE_TX": console.tx,
        "BOARD_CONSOLE_RX": console.rx,
        "BOARD_CONSOLE_AF": console.af,
        "BOARD_CONSOLE_BAUD": console.baud,
    }
    if board.heap:
        base, size = board.heap
        start, end = f"(void *){base:#x}", f"(void *){base + size:#x}"
        if board.heap_in_sdram:  # as the real port: the internal heap if the SDRAM fails its test
            start = f"(sdram_is_usable() ? {start} : (void *)&_heap_start)"
            end = f"(sdram_is_usable() ? {end} : (void *)&_heap_end)"
            defines["MICROPY_HW_SDRAM_SIZE"] = size
        defines |= {
            "BOARD_HEAP_BASE": f"{base:#x}",
            "MICROPY_HEAP_START": start,
            "MICROPY_HEAP_END": end,
        }
    return "".join(f"#define {name} {value}\n" for name, value in defines.items())


def _memory(board: Board) -> str:
    """The names that boards/common_ifs.ld of the real port wants, as in its stm32f429.ld, or in
    stm32f411.ld where there is no CCM."""
    base, size = board.filesystem
    first = base - _FIRST if board.text else base
    text, text_size = board.text or _text_in_flash(board)
    cache, cache_size = _filesystem_cache(board)
    return f"""\
MEMORY
{{
    FLASH_START (rx) : ORIGIN = {FLASH_BASE:#x}, LENGTH = {first - FLASH_BASE:#x}
    FLASH_FIRST (rx) : ORIGIN = {first:#x}, LENGTH = {base - first:#x}
    FLASH_FS (rx) : ORIGIN = {base:#x}, LENGTH = {size:#x}
    FLASH_TEXT (rx) : ORIGIN = {text:#x}, LENGTH = {text_size:#x}
    RAM (rwx) : ORIGIN = {SRAM_BASE:#x}, LENGTH = {board.ram_size:#x}
}}
_minimum_stack_size = 2K;
_minimum_heap_size = 16K;
_estack = ORIGIN(RAM) + LENGTH(RAM) - _estack_reserve;
_sstack = _estack - {board.stack_size:#x};
_ram_start = ORIGIN(RAM);
_ram_end = ORIGIN(RAM) + LENGTH(RAM);
_heap_start = _ebss;
_heap_end = _sstack;
_micropy_hw_internal_flash_storage_ram_cache_start = {cache};
_micropy_hw_internal_flash_storage_ram_cache_end = {cache} + {cache_size:#x};
_micropy_hw_internal_flash_storage_start = ORIGIN(FLASH_FS);
_micropy_hw_internal_flash_storage_end = ORIGIN(FLASH_FS) + LENGTH(FLASH_FS);
{_FIRST_SECTION if board.text else ""}"""


def _filesystem_cache(board: Board) -> tuple[str, int]:
    """Address and size: all of CCM, unless the heap is there; without CCM the end of SRAM."""
    chip = board.chip
    if board.heap_in_ccm:
        return "_ebss", chip.ccm_kib * 1024
    if chip.ccm_kib:
        return f"{CCM_BASE:#x}", chip.ccm_kib * 1024
    return f"{SRAM_BASE + board.ram_size:#x}", chip.sram_kib * 1024 - board.ram_size


def _text_in_flash(board: Board) -> tuple[int, int]:
    """Code is in the sectors behind those of the file system; the vectors are below it."""
    base, size = board.filesystem
    sectors_kib = chain(FIRST_SECTORS_KIB, repeat(128))
    start = FLASH_BASE
    while start < base + size:
        start += next(sectors_kib) * 1024
    flash_end = FLASH_BASE + min(board.flash_kib, 1024) * 1024  # bank 1
    return start, flash_end - start


def _make(board: Board) -> str:
    if not board.vectors_in_ram:
        return "BOARD_VECTORS = rom\n"
    flag = "-DMICROPY_HW_ENABLE_ISR_UART_FLASH_FUNCS_IN_RAM=1"
    return f"BOARD_VECTORS = ram\nBOARD_CFLAGS = {flag}\n"
