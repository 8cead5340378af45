"""Builds without the inline assembler: the same code, entered as the NMI's handler."""

from __future__ import annotations

import importlib
import struct
import sys
from types import ModuleType

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.departure import helper_code
from host_tests.lib.fake_machine import SRAM

VTOR, ICSR = 0xE000ED08, 0xE000ED04
NMIPENDSET = 1 << 31
ENABLE, HFNMIENA = 1, 2  # MPU_CTRL
NMI = 2  # its number
SYSTEM = 16  # vectors before those of interrupts
GROUP = 32  # interrupts for each that ICTR counts
NUMBER = SYSTEM + GROUP
VECTORS = [SRAM + 0x2FFF8] + [0x08000101 + 4 * number for number in range(1, SYSTEM + 16 * GROUP)]
ICTR, CCR, ICIALLU, DCCMVAC = 0xE000E004, 0xE000ED14, 0xE000EF50, 0xE000EF68
CCR_DC, CCR_IC = 1 << 16, 1 << 17
LINE = 32


@pytest.fixture
def jump_bytes(board: Board, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, on a chip with a vector table and a build that cannot import jump.py."""
    monkeypatch.setitem(sys.modules, "romboot.jump", None)
    table = bytearray(struct.pack(f"<{len(VECTORS)}I", *VECTORS))
    board.registers.poke(VTOR, board.fake.heap.addressof(table))
    board.registers.poke(board.registers.peek(VTOR), VECTORS[0])
    module = importlib.import_module("romboot.jump_bytes")
    monkeypatch.setattr(board.entry, "jump", module)
    return module


def test_a_build_without_the_assembler_uses_it(board: Board, jump_bytes: ModuleType) -> None:
    assert importlib.reload(board.entry).jump is jump_bytes
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
    assert SRAM < jump_bytes.code_address() < SRAM + 0x30000
    assert jump_bytes.MPU_CTRL == ENABLE | HFNMIENA


def test_a_task_pends_the_nmi_with_a_table_that_leads_to_the_code(
    board: Board, jump_bytes: ModuleType
) -> None:
    image = board.entry.Entry().image
    before = board.registers.peek(VTOR)
    jump_bytes.helper(image, jump_bytes._COMPLETE)
    (first, vectors, _), (second, pend, _), (third, after, _) = board.fake.written
    assert (first, second, third) == (VTOR, ICSR, VTOR)
    assert (pend, after) == (NMIPENDSET, before)
    assert board.fake.events == []  # interrupts go on

    table = struct.unpack(f"<{NUMBER}I", board.fake.heap.bytearray_at(vectors, 4 * NUMBER))
    handler = table[NMI]
    assert handler & 1
    assert [*table[:NMI], *table[NMI + 1 :]] == [*VECTORS[:NMI], *VECTORS[NMI + 1 : NUMBER]]

    code = helper_code()
    shim = bytes(board.fake.heap.bytearray_at(handler - 1, 16 + len(code)))
    assert shim[16:] == code
    where = board.fake.heap.addressof(image)
    assert struct.unpack_from("<2I", shim, 8) == (where, jump_bytes._COMPLETE)
    # ldr r0, [pc, #4] reads offset 8 and ldr r1, [pc, #8] offset 12 if the handler is on a word
    assert (handler - 1) % 4 == 0
    assert shim[:8] == bytes.fromhex("0148 0249 04e0 c046")


@pytest.mark.parametrize(("lines", "bytes_of_table"), [(0, 256), (2, 512), (3, 1024), (4, 1024)])
def test_the_table_is_aligned_for_all_the_interrupts_that_the_core_has(
    lines: int, bytes_of_table: int, board: Board, jump_bytes: ModuleType
) -> None:
    """ICTR: 32 interrupts in an L0, 96 in an F429, 128 in an F413, 160 in an H7."""
    used = 4 * (SYSTEM + GROUP * (lines + 1))
    assert used <= bytes_of_table
    board.registers.poke(ICTR, lines)
    heap = board.fake.heap.next
    image = board.entry.Entry().image
    taken = board.fake.heap.next - heap
    jump_bytes.helper(image, jump_bytes._GO)
    assert board.fake.written[0][0] == VTOR
    assert board.fake.written[0][1] % bytes_of_table == 0
    assert taken < len(image) + len(helper_code()) + bytes_of_table + used + 100


def test_code_and_table_leave_the_data_cache_of_a_cortex_m7(
    board: Board, jump_bytes: ModuleType
) -> None:
    """Vectors and instructions are fetched from memory."""
    board.registers.poke(CCR, CCR_IC | CCR_DC)
    image = board.entry.Entry().image
    cleaned = [value for address, value, _ in board.fake.written if address == DCCMVAC]
    invalidated = [address for address, _, _ in board.fake.written if address == ICIALLU]
    board.registers.log.clear()
    jump_bytes.helper(image, jump_bytes._GO)
    vectors = board.fake.written[0][1]
    handler = struct.unpack_from("<I", board.fake.heap.bytearray_at(vectors, 12), 8)[0] - 1
    length = 16 + len(helper_code())
    table = range(vectors, vectors + 4 * NUMBER)
    needed = {at & -LINE for at in [*table, *range(handler, handler + length)]}
    assert set(cleaned) == needed
    assert len(invalidated) == 2
    assert [address for address, _, _ in board.fake.written] == [VTOR, ICSR, VTOR]


@pytest.mark.parametrize(("ccr", "cleans"), [(0x208, False), (CCR_IC, False), (CCR_DC, True)])
def test_a_data_cache_that_is_off_or_not_there_is_left_alone(
    ccr: int, cleans: bool, board: Board, jump_bytes: ModuleType
) -> None:
    board.registers.poke(CCR, ccr)
    jump_bytes.helper(board.entry.Entry().image, jump_bytes._LOOK)
    assert (DCCMVAC in {address for address, _, _ in board.fake.written}) == cleans
