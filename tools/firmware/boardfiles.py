"""Writes what a board adds to the port: a configuration header, the memory map, make variables."""

from pathlib import Path

from tools.firmware.board import CCM_BASE, CCM_KIB, FLASH_BASE, SRAM_BASE, Board


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
    """The names that boards/common_ifs.ld of the real port wants, as in its stm32f429.ld."""
    base, size = board.filesystem
    text = base + size  # code follows the file system; the vectors are below it
    flash_end = FLASH_BASE + min(board.flash_kib, 1024) * 1024  # bank 1
    sram_size = board.sram_kib * 1024
    return f"""\
MEMORY
{{
    FLASH_START (rx) : ORIGIN = {FLASH_BASE:#x}, LENGTH = {base - FLASH_BASE:#x}
    FLASH_FS (rx) : ORIGIN = {base:#x}, LENGTH = {size:#x}
    FLASH_TEXT (rx) : ORIGIN = {text:#x}, LENGTH = {flash_end - text:#x}
    CCMRAM (rw) : ORIGIN = {CCM_BASE:#x}, LENGTH = {CCM_KIB * 1024:#x}
    RAM (rwx) : ORIGIN = {SRAM_BASE:#x}, LENGTH = {sram_size:#x}
}}
_minimum_stack_size = 2K;
_minimum_heap_size = 16K;
_estack = ORIGIN(RAM) + LENGTH(RAM) - _estack_reserve;
_sstack = _estack - {board.stack_size:#x};
_ram_start = ORIGIN(RAM);
_ram_end = ORIGIN(RAM) + LENGTH(RAM);
_heap_start = _ebss;
_heap_end = _sstack;
_micropy_hw_internal_flash_storage_ram_cache_start = ORIGIN(CCMRAM);
_micropy_hw_internal_flash_storage_ram_cache_end = ORIGIN(CCMRAM) + LENGTH(CCMRAM);
_micropy_hw_internal_flash_storage_start = ORIGIN(FLASH_FS);
_micropy_hw_internal_flash_storage_end = ORIGIN(FLASH_FS) + LENGTH(FLASH_FS);
"""


def _make(board: Board) -> str:
    if not board.vectors_in_ram:
        return "BOARD_VECTORS = rom\n"
    flag = "-DMICROPY_HW_ENABLE_ISR_UART_FLASH_FUNCS_IN_RAM=1"
    return f"BOARD_VECTORS = ram\nBOARD_CFLAGS = {flag}\n"
