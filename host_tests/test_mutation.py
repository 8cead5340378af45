"""Leave out one step of the way, and the bench says by name what is missing.

The library on the board is the real one; what is mutated is its product in the board's memory: the
script in the image that it has made, or an instruction of the helper's machine code.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from host_tests.tables.library import load
from host_tests.target import LIB, MANIFEST
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build
from tools.machine_code import assemble
from tools.tables import cortex_m, f4
from tools.tables.language import Kind, Step, pack

ROMBOOT = LIB / "romboot"
BOARD, DEV_ID, SRAM, SRAM_END = "NUCLEO_F429ZI", 0x419, 0x20000000, 0x20030000
LONGEST_MS = 500  # virtual

# What an application may have done before: an EXTI line, a pending interrupt, live FPU context.
USED = """
from machine import mem32
mem32[0x40013C00] = 1
mem32[0xE000E200] = 1
x = 1.5 * 2.5
import uctypes, romboot
way = romboot.plan()
print(uctypes.addressof(way.image), len(way.image))
"""

# section: registers that must be named when it is left out
STEPS = {
    "systick": ["SYST.CSR", "SYST.RVR"],
    "interrupts": ["NVIC.ISER1", "NVIC.IPR9"],
    "clocks": ["RCC.CR", "RCC.CFGR", "RCC.PLLCFGR"],
    "flash": ["FLASH.ACR"],
    "exti": ["EXTI.IMR"],
    "core": ["SCB.VTOR", "SCB.CPACR", "SCB.AIRCR"],
    "pending": ["NVIC.ISPR0"],
    "remap": ["SYSCFG.MEMRMP"],
}
ROWS = ["GPIOD.MODER", "GPIOD.AFRH", "USART3.CR1", "USART3.BRR", "RCC.AHB1ENR"]

# instruction of jump.py: what must be named when it is a nop instead
INSTRUCTIONS = {
    "data(2, 0xF382, 0x8808)  # msr MSP, r2": "CPU.MSP",
    "data(2, 0xF380, 0x8814)  # msr CONTROL": "CPU.CONTROL",
    "mov(lr, r0)": "CPU.LR",
    "cpsie(i)": "CPU.PRIMASK",
}


LINES = list(f4.FAMILY.script(f4.FAMILY.die(DEV_ID)))
VECTORS = f4.FAMILY.vectors


def test_nothing_left_out_is_clean() -> None:
    assert arrival_with(script_of(LINES)) == []


@pytest.mark.parametrize("section", STEPS)
def test_a_section_of_the_script(section: str) -> None:
    rest = [line for line in LINES if not line.section.startswith(section)]
    assert len(rest) < len(LINES)
    assert set(STEPS[section]) <= set(arrival_with(script_of(rest)))


def test_the_clock_of_the_remap() -> None:
    """MEMRMP takes the write without it, here as on silicon, but it must not be relied on."""
    *before, _, _, map_it, _, last = LINES
    assert (map_it.registers, last.registers) == ((f4.SYSCFG.MEMRMP,), (f4.RCC.APB2ENR,))
    assert arrival_with(script_of([*before, map_it, last])) == ["SYSCFG.MEMRMP"]


def test_the_peripherals_of_the_die() -> None:
    """Their reset pulses and enables are the die's own part of the script."""
    rest = [line for line in LINES if line.kind is not Kind.ROW]
    named = arrival_with(script_of(rest))
    assert set(ROWS) <= set(named)


@pytest.mark.parametrize("instruction", INSTRUCTIONS)
def test_an_instruction_of_the_helper(instruction: str, tmp_path: Path) -> None:
    text = source("jump")
    line = next(line for line in text.splitlines() if line.strip().startswith(instruction))
    halves = len(re.findall(r"0x[0-9A-F]{4}", line)) or 1
    mutant = tmp_path / "jump.py"
    mutant.write_text(text.replace(line, "\n".join(["    nop()"] * halves), 1))
    assert INSTRUCTIONS[instruction] in arrival_with(helper=assemble(mutant))


def test_the_place_of_system_memory() -> None:
    """Eight bytes further there are other vectors: not this stack pointer, not this start."""
    assert "CPU.MSP" in arrival_with(script_of(LINES, vectors=VECTORS + 8))


def test_the_jump_address(tmp_path: Path) -> None:
    """Word 0, the stack pointer, is no Thumb address: a fault, handled by whatever is at 0."""
    text = source("jump")
    mutant = tmp_path / "jump.py"
    mutant.write_text(text.replace("ldr(r3, [r1, 4])", "ldr(r3, [r1, 0])"))
    assert {"CPU.PC", "CPU.IPSR"} <= set(arrival_with(helper=assemble(mutant)))


def source(module: str) -> str:
    return (ROMBOOT / f"{module}.py").read_text()


def script_of(lines: list[Step], *, vectors: int = VECTORS) -> bytes:
    """The image that the library makes of these steps."""
    script = load(source("script"))
    mpu = cortex_m.open_region(f4.REGIONS)
    end = struct.pack(">3I", Kind.CHANGE, vectors, 0)
    return bytes(script.image(pack(lines), b"", end, (SRAM, SRAM_END), mpu))


def arrival_with(image: bytes | None = None, helper: bytes | None = None) -> list[str]:
    """Names of what is off when the board goes with this image, or with this helper."""
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    address, length = (int(word) for word in prompt.run(USED).split())
    if image:
        board.soc.map.write(address, image.ljust(length, b"\0"))
    if helper:
        _replace_helper(board, helper)
    prompt.start("way.go()")
    if arrival := board.run_to_rom(LONGEST_MS):
        return [deviation.name for deviation in arrival.deviations]
    return [f"the ROM was never reached: {board.core.faults}"]


def _replace_helper(board: VirtualBoard, helper: bytes) -> None:
    flash = board.soc.flash.array
    at = bytes(flash.view).index(assemble())
    flash.write(at, helper)
