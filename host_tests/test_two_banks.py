"""With the option BFB2 a reset starts bank 2, and the ROM writes to bank 1: info() says so, the
ROM is entered from either bank, and what a reset starts afterwards is what info() has said."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.bench.fake_cpu import Bench
from host_tests.target import CLEAN, MANIFEST
from host_tests.test_matrix import ENTER, INFO, arrival
from host_tests.wire_client import connect
from tools.bench.blocks.flash import Flash
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.bench.rom_run import Arrival
from tools.firmware import build

MARK = 4  # bytes, at the end of each bank
BANK = "import machine; print(machine.mem32[{}] & 3)"


def dual_boot(flash: Flash) -> None:
    """Set the option."""
    assert flash.DUAL_BOOT
    register, bit, level = flash.DUAL_BOOT
    flash.store_options(register, bit, bit * level)


def two_banks(name: str) -> VirtualBoard:
    """With the same firmware in both banks, and the option BFB2."""
    board = VirtualBoard.load(name, firmware=build(name, frozen_manifest=MANIFEST))
    flash = board.soc.flash
    dual_boot(flash)
    half = flash.array.size // 2
    flash.array.write(half, flash.array.read(0, half))
    for bank in (1, 2):
        flash.array.write(bank * half - MARK, bank.to_bytes(MARK, "little"))
    board.power_on()
    return board


def running(board: VirtualBoard, prompt: Prompt | None = None) -> int:
    """The number of the bank that is seen at the start of the flash; after a start if there is no
    prompt yet."""
    flash = board.soc.flash
    address = flash.base_address + flash.array.size // 2 - MARK
    return int((prompt or Prompt(board)).run(BANK.format(address)))


@pytest.mark.parametrize("name", ["NUCLEO_F429ZI", "NUCLEO_G474RE", "NUCLEO_L476RG"])
def test_the_rom_is_entered_from_bank_2_and_writes_bank_1(name: str) -> None:
    """SYSCFG has a clock here, as with firmware that uses interrupts of pins: without one MEMRMP
    reads 0, and info() tells of BFB2 only."""
    board = two_banks(name)
    arrivals: list[Arrival] = []
    board.on_arrival = arrivals.append
    prompt = Prompt(board)
    assert running(board, prompt) == 2
    clock = board.soc.syscfg.facts.enable
    assert clock
    address = board.soc.rcc.facts.base + board.soc.rcc.by_name[clock.register].offset
    prompt.run(f"import machine; machine.mem32[{address}] |= {clock.mask}")
    told = prompt.run(INFO)
    assert "bank 2 runs" in told and "BFB2 is 1: a reset starts bank 2" in told
    prompt.start(ENTER.format("jump"))
    assert arrival(board, arrivals) == CLEAN
    loader, start = connect(board), board.soc.flash.base_address
    vectors = bytes(loader.read_memory(start, 8))
    board.soc.flash.array.write(0, bytes(8))  # as the bench sees it now: bank 1
    assert bytes(loader.read_memory(start, 8)) == bytes(8)
    board.soc.flash.array.write(0, vectors)
    loader.go(start)
    assert running(board) == 1
    board.press_reset()
    assert running(board) == 2
    assert not board.core.faults and not board.soc.unmodelled and not board.soc.violations


def test_a_reset_starts_bank_1_if_bank_2_is_empty_and_the_rom_if_both_are() -> None:
    board = two_banks("NUCLEO_F429ZI")
    flash = board.soc.flash
    flash.array.fill(0, 4, flash.erased)  # bank 2 is seen first
    board.press_reset()
    assert running(board) == 1 and board.soc.booted == "FLASH"
    flash.array.fill(0, 4, flash.erased)
    board.press_reset()
    assert board.soc.booted == "SYSTEM"
    assert board.run_to_rom(100)


def test_the_flash_is_kept_with_bank_1_first(tmp_path: Path) -> None:
    board = two_banks("NUCLEO_F429ZI")
    board.flash_file = tmp_path / "flash.bin"
    board.close()
    half = board.soc.flash.array.size // 2
    assert board.flash_file.read_bytes()[-MARK:] == (2).to_bytes(MARK, "little")
    assert board.soc.flash.array.read(half - MARK, MARK) == (2).to_bytes(MARK, "little")


@pytest.mark.parametrize(("chip", "swapped"), [("STM32L073xx", True), ("STM32L152xE", False)])
def test_an_l1_starts_bank_2_where_it_lies(chip: str, swapped: bool) -> None:
    """An L0 shows it at 0x08000000, as F4, G4 and L4 do; the L1 has no such bit."""
    soc = Bench(chip).soc
    half = soc.flash.array.size // 2
    soc.flash.array.write(half, (0x20001000).to_bytes(4, "little"))
    dual_boot(soc.flash)
    soc.power_on()
    assert soc.booted == "BANK2" and soc.syscfg.banks_swapped == swapped
    assert soc.flash.start_of_bank(2) == soc.flash.base_address + (0 if swapped else half)
