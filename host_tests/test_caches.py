"""MicroPython on a Cortex-M7 with both caches on: what is in them is neither missed nor left."""

from __future__ import annotations

import pytest

from host_tests.target import CLEAN, MANIFEST, TEST_BOARDS, how_it_arrives
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt
from tools.firmware import build
from tools.paths import BOARDS

BOARD, IN_DTCM = "NUCLEO_H743ZI", "DTCM_H743"


def at_prompt(name: str = BOARD) -> tuple[VirtualBoard, Prompt]:
    boards = BOARDS if name == BOARD else TEST_BOARDS
    image = build(name, frozen_manifest=MANIFEST, boards=boards)
    board = VirtualBoard.load(name, image, boards=boards)
    return board, Prompt(board)


@pytest.mark.parametrize("name", [BOARD, IN_DTCM])
@pytest.mark.parametrize("way", ["jump", "reset"])
def test_they_are_clean_and_off(way: str, name: str) -> None:
    """By a reset: what the D-cache has of image and boot state would be lost. In DTCM nothing is
    in a cache, and the last steps run there, too."""
    board, prompt = at_prompt(name)
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
