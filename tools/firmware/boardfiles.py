"""Writes the headers, linker script and make variables of a board.

`config.mk` and `mpconfigboard.h` say how MicroPython is compiled: core, features. Boards that have
the same can share nearly all objects. `board.mk`, `board.h`, `names.h` and `memory.ld` are for the
board alone, and only few files include the two headers.
"""

from collections.abc import Mapping
from pathlib import Path

from ..bench.chip import Chip, RegisterBit
from . import external_text, f4
from .board import Board
from .cores import CORES, make_variables

SDRAM = (0xC000_0000, 0xD000_0000)  # banks 1 and 2 of the FMC
FOR_VECTORS = 0x8000  # of internal flash, if the code is elsewhere: a sector of the F7
MINIMUM_HEAP = "8K"  # as stm32l072xz.ld of the real port


def config_files(board: Board) -> dict[str, str]:
    """The files that all objects depend on; boards may share them. Name of the file -> text."""
    return {"config.mk": _config_make(board), "mpconfigboard.h": _config_header(board)}


def board_files(board: Board, variant: str) -> dict[str, str]:
    """The files of one board. Name of the file -> text."""
    return {
        "board.mk": _board_make(board),
        "board.h": _defines(_addresses(board)),
        "names.h": _defines(_names(board, variant)),
        "memory.ld": _memory(board),
    }


def write_files(files: Mapping[str, str], directory: Path) -> None:
    """Writes the files that changed, so that make compiles again only what depends on them."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = directory / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def family(board: Board) -> str:
    """One with files of its own in port/, or what stands for all others with that core."""
    return "f4" if _is_f4(board) else CORES[board.chip.core["model"]].family


def _is_f4(board: Board) -> bool:
    return board.chip.family == "f4"


def _defines(values: Mapping[str, object]) -> str:
    return "".join(f"#define {name} {value}\n" for name, value in values.items())


def _config_make(board: Board) -> str:
    core = board.chip.core
    variables = make_variables(CORES[core["model"]], core["fpu"])
    variables["CONFIG_CFLAGS"] += f" -DSTM32{family(board).upper()}"
    if _is_f4(board):
        variables |= {"FAMILY": "f4", "FAMILY_STM32": f4.STM32_FILES, "MICROPY_VFS_FAT": "1"}
    return "".join(f"{name} = {value}\n" for name, value in variables.items())


def _config_header(board: Board) -> str:
    chip = board.chip
    core = CORES[chip.core["model"]]
    defines: dict[str, object] = {
        **dict.fromkeys(core.defines, 1),
        "__MPU_PRESENT": int(chip.core["mpu_regions"] > 0),
        "__FPU_PRESENT": int(chip.core["fpu"]),
        "__NVIC_PRIO_BITS": chip.core["nvic_priority_bits"],
        "__Vendor_SysTickConfig": 0,
        "PORT_CORE_HEADER": f'"{core.header}"',
        f"PORT_FAMILY_{family(board).upper()}": 1,
        "MICROPY_PY_PYB": 0,
        "MICROPY_PY_STM": 0,
        "MICROPY_HW_ENABLE_INTERNAL_FLASH_STORAGE": int(_is_f4(board)),
        "MICROPY_EMIT_THUMB_ARMV7M": int(core.thumb == 2),
    }
    if not board.assembler:
        defines |= {"MICROPY_EMIT_THUMB": 0, "MICROPY_EMIT_INLINE_THUMB": 0}
    return _defines(defines | board.config)


def _names(board: Board, variant: str) -> dict[str, object]:
    suffix = "" if variant == "standard" else f"-{variant.upper()}"  # as the real port's Makefile
    return {
        "MICROPY_HW_BOARD_NAME": f'"{board.name}"',
        "MICROPY_HW_MCU_NAME": f'"{board.mcu_name}"',
        "MICROPY_BOARD_BUILD_NAME": f'"{board.build_name}{suffix}"',
    }


def _addresses(board: Board) -> dict[str, object]:
    chip = board.chip
    defines = {
        "BOARD_IRQS": chip.irq_count,
        "BOARD_FLASH": hex(chip.region("FLASH").base),
        "BOARD_VECTORS_IN_RAM": int(board.vectors_in_ram),
        "BOARD_UNIQUE_ID": hex(chip.factory["uid"]),
        "BOARD_RESET_HZ": f"{_reset_hz(chip)}u",
        "BOARD_HEAP_START": "&_heap_start",
        "BOARD_HEAP_END": "&_heap_end",
        "BOARD_GPIO": hex(chip.peripheral("GPIOA").base),
        **_enable(chip, "GPIO", "GPIOA"),
        **_sdram(board),
        **_external_text(board),
        **_console(board),
        **_reset_flags(chip),
        **_system_memory(chip),
        **{f"BOARD_{p.name}": hex(p.base) for p in chip.peripherals if p.kind == "icache"},
    }
    return defines | (f4.addresses(board) if _is_f4(board) else {})


def _sdram(board: Board) -> dict[str, object]:
    """Where the heap is, if that is in SDRAM. As the real port: in SRAM if that fails its test."""
    base, size = board.data["memory"].get("heap", (0, 0))
    if base not in SDRAM:
        return {"BOARD_SDRAM": 0}
    start, end = f"(void *){base:#x}", f"(void *){base + size:#x}"
    return {
        "BOARD_SDRAM": f"{base:#x}",
        "BOARD_SDRAM_SIZE": f"{size:#x}u",
        "BOARD_HEAP_START": f"(sdram_is_usable() ? {start} : (void *)&_heap_start)",
        "BOARD_HEAP_END": f"(sdram_is_usable() ? {end} : (void *)&_heap_end)",
        "BOARD_FMC": hex(board.chip.peripheral("FMC").base),
        **_enable(board.chip, "FMC", "FMC"),
    }


def _external_text(board: Board) -> dict[str, object]:
    found, controller = external_text.text(board), external_text.controller(board)
    if not found or not controller:
        return {"BOARD_TEXT": 0}
    return {
        "BOARD_TEXT": hex(found[0]),
        "BOARD_TEXT_CONTROLLER": hex(board.chip.peripheral(controller).base),
        **_enable(board.chip, "TEXT", controller),
    }


def _reset_hz(chip: Chip) -> int:
    """HCLK after a reset: `reset_hz` of the chip's clocks, or SYSCLK, not divided."""
    return chip.clocks.get("reset_hz") or chip.clocks[f"{chip.reset_source.lower()}_hz"]


def _register(chip: Chip, block: str, name: str) -> str:
    return hex(chip.register_address(block, name))


def _enable(chip: Chip, prefix: str, block: str) -> dict[str, object]:
    """Where its clock is enabled; BOARD_..._ENABLE is 0 if it needs none."""
    enable = chip.peripheral(block).enable
    if enable is None:
        return {f"BOARD_{prefix}_ENABLE": 0}
    assert isinstance(enable, RegisterBit), f"{block} has more than a bit"
    return {
        f"BOARD_{prefix}_ENABLE": _register(chip, "RCC", enable.register),
        f"BOARD_{prefix}_ENABLE_BIT": enable.bit,
    }


def _console(board: Board) -> dict[str, object]:
    console = board.console
    usart = board.chip.peripheral(console.usart)
    is_lpuart = usart.kind == "lpuart"
    return {
        "BOARD_CONSOLE": hex(usart.base),
        "BOARD_CONSOLE_HAS_ISR": int(is_lpuart or usart.version != "v1"),
        "BOARD_CONSOLE_IRQ": usart.irqs[0],
        # BRR of an LPUART counts 1/256 of a clock (RM0453 36.4.7)
        "BOARD_CONSOLE_DIVIDER_UNIT": "256u" if is_lpuart else "1u",
        "BOARD_CONSOLE_TX": console.tx,
        "BOARD_CONSOLE_RX": console.rx,
        "BOARD_CONSOLE_AF": console.af,
        "BOARD_CONSOLE_BAUD": console.baud,
        **_enable(board.chip, "CONSOLE", console.usart),
    }


def _reset_flags(chip: Chip) -> dict[str, object]:
    flags = chip.rcc["reset_flags"]

    def mask(*names: str) -> str:
        return hex(sum(1 << flags["bits"][name] for name in names if name in flags["bits"]))

    return {
        "BOARD_RESET_FLAGS": _register(chip, "RCC", flags["register"]),
        "BOARD_RESET_CLEAR": f"{1 << flags['clear']:#x}",
        "BOARD_RESET_SOFTWARE": mask("SFT"),
        "BOARD_RESET_PIN": mask("PIN"),
        "BOARD_RESET_POWER_ON": mask("POR", "BOR"),
        "BOARD_RESET_WATCHDOG": mask("IWDG", "WWDG"),
    }


def _system_memory(chip: Chip) -> dict[str, object]:
    """The target of machine.bootloader(), as in the real port: address 0 where the ROM can be
    mapped there, else the start of the ROM."""
    if not chip.remap:
        return {"BOARD_ROM": hex(chip.rom["base"]), "BOARD_REMAP": 0}
    return {
        "BOARD_ROM": 0,
        "BOARD_REMAP": _register(chip, "SYSCFG", chip.remap.register),
        "BOARD_REMAP_MASK": f"{chip.remap.mask:#x}u",
        "BOARD_REMAP_ROM": f"{chip.remap.value('SYSTEM')}u",
        **_enable(chip, "SYSCFG", "SYSCFG"),
    }


def _board_make(board: Board) -> str:
    apart = _is_f4(board) or external_text.text(board)  # vectors and code
    sections = "common_ifs.ld" if apart else "common_basic.ld"
    vectors = "ram" if board.vectors_in_ram else "rom"
    return f"BOARD_SECTIONS = {sections}\nBOARD_VECTORS = {vectors}\n"


def _memory(board: Board) -> str:
    """The names that the linker scripts in boards/ of the real port use."""
    flash, has_text = board.chip.region("FLASH").base, external_text.text(board)
    ram_size, rest = board.ram.size, ""
    if _is_f4(board):
        ram_size, (regions, rest) = f4.ram_size(board), f4.memory(board)
    elif has_text:
        regions = external_text.regions(board, flash, flash + FOR_VECTORS)
    else:
        regions = f"    FLASH (rx) : ORIGIN = {flash:#x}, LENGTH = {board.flash_size:#x}\n"
    if has_text:
        rest += external_text.SECTION
    return f"""\
MEMORY
{{
{regions}    RAM (rwx) : ORIGIN = {board.ram.base:#x}, LENGTH = {ram_size:#x}
}}
_minimum_stack_size = 2K;
_minimum_heap_size = {MINIMUM_HEAP};
_estack = ORIGIN(RAM) + LENGTH(RAM) - _estack_reserve;
_sstack = _estack - {board.stack_size:#x};
_ram_start = ORIGIN(RAM);
_ram_end = ORIGIN(RAM) + LENGTH(RAM);
_heap_start = _ebss;
_heap_end = _sstack;
port_iwdg = {next(p.base for p in board.chip.peripherals if p.kind == "iwdg"):#x};
{rest}"""
