"""MicroPython on a Cortex-M7 with both caches on: what is in them is neither missed nor left."""

from __future__ import annotations

import pytest

from host_tests.target import CLEAN, MANIFEST, how_it_arrives
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build

BOARD = "NUCLEO_H743ZI"
# As MicroPython's stm32 port does when it starts (the bench firmware does not). After a reset both
# are invalid.
ON = """
from machine import mem32
mem32[0xE000EF50] = 0           # ICIALLU
mem32[0xE000ED14] |= 3 << 16    # CCR: IC, DC
"""


def at_prompt() -> tuple[VirtualBoard, Prompt]:
    board = VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))
    prompt = Prompt(board)
    prompt.run(ON)
    return board, prompt


@pytest.mark.parametrize("way", ["jump", "reset"])
def test_they_are_clean_and_off(way: str) -> None:
    """By a reset: what the D-cache has of image and boot state would be lost."""
    board, prompt = at_prompt()
    prompt.start(f"import romboot; romboot.enter_bootloader(via='{way}')")
    assert how_it_arrives(board) == CLEAN
    assert board.core.violations == []


def test_a_reset_loses_what_was_not_cleaned() -> None:
    """The bench would say so."""
    board, prompt = at_prompt()
    prompt.run(
        "import romboot\nfrom romboot import cache\ncache.clean = lambda address, size: None"
    )
    prompt.start("romboot.enter_bootloader(via='reset')")
    assert how_it_arrives(board, 1500) != CLEAN
