"""Builds without the inline assembler: the same code, entered as the NMI's handler."""

from __future__ import annotations

import importlib
import struct
import sys
from types import ModuleType

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import SRAM
from tools import machine_code

VTOR, ICSR = 0xE000ED08, 0xE000ED04
NMIPENDSET = 1 << 31
ENABLE, HFNMIENA = 1, 2  # MPU_CTRL
NMI = 2  # its number
TABLE = 512
VECTORS = [SRAM + 0x2FFF8] + [0x08000101 + 4 * number for number in range(TABLE // 4 - 1)]


@pytest.fixture
def jump_bytes(board: Board, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, on a chip with a vector table and a build that cannot import jump.py."""
    monkeypatch.setitem(sys.modules, "romboot.jump", None)
    table = bytearray(struct.pack(f"<{len(VECTORS)}I", *VECTORS))
    board.registers.poke(VTOR, board.fake.heap.addressof(table))
    board.registers.poke(board.registers.peek(VTOR), VECTORS[0])
    module = importlib.import_module("romboot.jump_bytes")
    monkeypatch.setattr(board.entry, "branch", module.branch)
    return module


def test_a_build_without_the_assembler_uses_it(board: Board, jump_bytes: ModuleType) -> None:
    assert importlib.reload(board.entry).branch is jump_bytes.branch
    assert board.romboot.plan()
    assert board.fake.written == []


def test_a_stack_outside_sram_is_seen(board: Board, jump_bytes: ModuleType) -> None:
    """The vector table says where the main stack starts."""
    board.registers.poke(board.registers.peek(VTOR), 0xD0200000)
    with pytest.raises(board.errors.StackError, match="0xD0200000"):
        board.romboot.enter_bootloader()
    assert board.fake.written == []


def test_the_code_is_on_the_heap(board: Board, jump_bytes: ModuleType) -> None:
    """That is where it must be able to run, and an MPU that sleeps in an NMI does not help."""
    assert SRAM < jump_bytes.home() < SRAM + 0x30000
    assert jump_bytes.MPU == ENABLE | HFNMIENA


def test_going_pends_the_nmi_with_a_table_that_leads_to_the_code(
    board: Board, jump_bytes: ModuleType
) -> None:
    image = board.entry.Way().image
    before = board.registers.peek(VTOR)
    jump_bytes.branch(image, 1)
    (first, vectors, _), (second, pend, _), (third, after, _) = board.fake.written
    assert (first, second, third) == (VTOR, ICSR, VTOR)
    assert (pend, after) == (NMIPENDSET, before)

    assert vectors % TABLE == 0
    table = struct.unpack(f"<{TABLE // 4}I", board.fake.heap.bytearray_at(vectors, TABLE))
    handler = table[NMI]
    assert handler & 1
    assert [*table[:NMI], *table[NMI + 1 :]] == [*VECTORS[:NMI], *VECTORS[NMI + 1 :]]

    code = machine_code.assemble()
    shim = bytes(board.fake.heap.bytearray_at(handler - 1, 12 + len(code)))
    assert shim[12:] == code
    assert struct.unpack_from("<I", shim, 8)[0] == board.fake.heap.addressof(image)
    # ldr r0, [pc, #4] reads offset 8 only if the handler is on a word
    assert (handler - 1) % 4 == 0
    assert shim[:8] == bytes.fromhex("0148 0121 02e0 c046")
