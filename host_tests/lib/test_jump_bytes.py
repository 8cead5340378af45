"""Builds without the inline assembler: the same code, as a built-in function made of bytes."""

from __future__ import annotations

import importlib
import struct
import sys
from types import ModuleType
from typing import Any

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.departure import helper_code
from host_tests.lib.fake_machine import SRAM
from tools.machine_code import FUNCTION

CCR, ICIALLU, DCCMVAC = 0xE000ED14, 0xE000EF50, 0xE000EF68
CCR_DC, CCR_IC = 1 << 16, 1 << 17
LINE = 32
LOOK, GO, CONTROL = 0, 1, 3
# gc.collect and its type in flash, a list in SRAM and its one item
COLLECT, TYPE, LIST, ITEMS = 0x0802_68E0, 0x0802_4E7C, SRAM + 0xA70, SRAM + 0xA80


@pytest.fixture
def jump_bytes(board: Board, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, in a build that cannot import jump.py."""
    monkeypatch.setitem(sys.modules, "romboot.jump", None)
    module = importlib.import_module("romboot.jump_bytes")
    objects = {COLLECT: TYPE, LIST + 4: 4, LIST + 8: 1, LIST + 12: ITEMS, ITEMS: COLLECT}
    for address, value in objects.items():
        board.registers.poke(address, value)
    monkeypatch.setattr(module, "id", lambda it: COLLECT if it is module.collect else LIST, False)
    monkeypatch.setattr(board.entry, "jump", module)
    return module


@pytest.fixture
def calls(board: Board, jump_bytes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """(image, task) of each call of the machine code, which finds room."""
    found: list[Any] = []

    def function(address: int) -> Any:
        code = board.fake.heap.bytearray_at(address, len(FUNCTION) + len(helper_code()))
        assert bytes(code[len(FUNCTION) :]) == helper_code()

        def call() -> int:
            found.append(struct.unpack_from("<2I", code, len(FUNCTION) - 8))
            return 0

        return call

    monkeypatch.setattr(jump_bytes, "function", function)
    return found


def test_a_build_without_the_assembler_uses_it(
    board: Board, jump_bytes: ModuleType, calls: list[Any]
) -> None:
    assert importlib.reload(board.entry).jump is jump_bytes
    plan = board.romboot.plan()
    assert plan
    assert board.fake.written == []
    image = board.fake.heap.addressof(plan.image)
    assert calls == [(0, CONTROL), (image, LOOK)]


def test_the_code_is_on_the_heap(jump_bytes: ModuleType) -> None:
    """That is where it must be able to run."""
    assert SRAM < jump_bytes.code_address() < SRAM + 0x30000


def test_a_function_is_made_of_a_type_and_an_address(board: Board, jump_bytes: ModuleType) -> None:
    at = SRAM + 0x5000
    jump_bytes.function(at)
    assert [(address, value) for address, value, _ in board.fake.written] == [
        (at, TYPE),
        (at + 4, at + 8 | 1),
        (ITEMS, at),
    ]


def test_lists_of_another_kind_are_noticed(board: Board, jump_bytes: ModuleType) -> None:
    board.registers.poke(LIST + 12, LIST)
    with pytest.raises(board.romboot.RomBootError, match="the lists of this MicroPython"):
        jump_bytes.function(SRAM + 0x5000)
    assert board.fake.written == []


def test_what_follows_the_first_call_allocates_nothing(
    board: Board, jump_bytes: ModuleType, calls: list[Any]
) -> None:
    image = board.entry.Entry().image
    heap = board.fake.heap.next
    jump_bytes.helper(image, GO)
    assert board.fake.heap.next == heap
    assert calls[-1] == (board.fake.heap.addressof(image), GO)


@pytest.mark.parametrize(
    ("ccr", "cleans", "invalidates"),
    [(0x208, False, False), (CCR_IC, False, True), (CCR_DC, True, True)],
)
def test_the_code_leaves_the_data_cache_of_a_cortex_m7(
    ccr: int,
    cleans: bool,
    invalidates: bool,
    board: Board,
    jump_bytes: ModuleType,
    calls: list[Any],
) -> None:
    """Instructions are fetched from memory."""
    board.registers.poke(CCR, ccr)
    jump_bytes.helper(0, CONTROL)
    code = board.fake.heap.addressof(jump_bytes._code)
    needed = {at & -LINE for at in range(code, code + len(FUNCTION) + len(helper_code()))}
    cleaned = {value for address, value, _ in board.fake.written if address == DCCMVAC}
    assert cleaned == (needed if cleans else set())
    assert (ICIALLU in {address for address, _, _ in board.fake.written}) == invalidates
