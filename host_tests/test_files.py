"""Files and the bootloader: boot.py and main.py that enter it, and files written until it goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tests.target import CLEAN, ENTER, MANIFEST, VirtualTarget, how_it_arrives
from tools.bench.board import VirtualBoard
from tools.bench.families.flash_f4 import PG
from tools.bench.prompt import Prompt
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
FRIENDLY, CTRL_D = b"\x02", b"\x04"
WAYS = ["", "via='reset'"]  # without a word it is a jump


@pytest.fixture
def board() -> VirtualBoard:
    return VirtualBoard.load(BOARD, firmware=build(BOARD, frozen_manifest=MANIFEST))


def soft_reset(prompt: Prompt) -> None:
    prompt.wire.host.send(FRIENDLY + CTRL_D)


def hard_reset(prompt: Prompt) -> None:
    prompt.start("import machine; machine.reset()")


def reset_button(prompt: Prompt) -> None:
    prompt.run("import os; os.sync()")
    prompt.board.press_reset()


@pytest.mark.parametrize("start", [soft_reset, hard_reset, reset_button])
@pytest.mark.parametrize("file", ["boot.py", "main.py"])
@pytest.mark.parametrize("options", WAYS)
def test_from_a_file_that_runs_at_start(
    board: VirtualBoard, options: str, file: str, start: Callable[[Prompt], None]
) -> None:
    prompt = Prompt(board)
    code = f"import romboot; romboot.enter_bootloader({options})"
    prompt.run(f"f = open({file!r}, 'w'); f.write({code!r}); f.close()")
    assert board.arrival is None
    start(prompt)
    assert how_it_arrives(board) == CLEAN


WRITTEN_RIGHT_BEFORE = """
import romboot
for turn in range(3):
    for name in "abc":
        f = open(name, "w"); f.write((name + str(turn)) * 2000); f.close()
romboot.enter_bootloader({})
"""


@pytest.mark.parametrize("options", WAYS)
def test_files_written_right_before_are_whole(board: VirtualBoard, options: str) -> None:
    """Also where they were written over, which needs the flash erased."""
    Prompt(board).start(WRITTEN_RIGHT_BEFORE.format(options))
    assert how_it_arrives(board) == CLEAN
    board.press_reset()
    whole = "[open(name).read() == (name + '2') * 2000 for name in 'abc']"
    assert Prompt(board).run(f"print({whole})") == "[True, True, True]\r\n"


WRITTEN_MEANWHILE = """
import romboot
romboot.enter_bootloader(after_ms=40, {})
n = 0
while True:
    f = open(str(n), "w"); f.write(chr(97 + n % 26) * 700); f.close()
    n += 1
"""
LOOK = """
import os
names = [int(name) for name in os.listdir() if name[0].isdigit()]
whole = [n for n in names if open(str(n)).read() == chr(97 + n % 26) * 700]
print(len(names), len(whole), sorted(whole) == list(range(len(whole))))
"""


@pytest.mark.parametrize("options", WAYS)
def test_what_is_written_while_the_timer_runs_is_whole(board: VirtualBoard, options: str) -> None:
    """All but the one file that was open when it went."""
    Prompt(board).start(WRITTEN_MEANWHILE.format(options))
    assert how_it_arrives(board) == CLEAN
    board.press_reset()
    files, whole, in_order = Prompt(board).run(LOOK).split()
    assert int(whole) >= 3
    assert int(files) - int(whole) <= 1
    assert in_order == "True"


def test_a_file_written_right_before_over_mpremote_and_back_through_the_rom() -> None:
    image = build(BOARD, frozen_manifest=MANIFEST)
    with VirtualTarget.boot(BOARD, image) as target:
        code = "f = open('last.txt', 'w'); f.write('x' * 5000); f.close(); "
        target.ok("exec", code + ENTER)
        with target.loader() as loader:
            loader.go(0x08000000)
        assert target.ok("exec", "print(len(open('last.txt').read()))") == "5000\n"


def test_the_reset_button_while_flash_is_programmed(board: VirtualBoard) -> None:
    prompt = Prompt(board)
    prompt.start("f = open('x', 'wb')\nwhile True: f.write(bytes(4096)); f.flush()")
    for _ in range(20_000):
        board.run(cycles=5_000)
        if board.soc.flash.get("CR") & PG:
            break
    assert board.soc.flash.get("CR") & PG
    board.press_reset()
    assert Prompt(board).run("print(6 * 7)") == "42\r\n"
    assert board.core.faults == []
