"""Every board of boards/: from the prompt into the ROM and back, by each way.

`make test` has one board of each family and way in, `make test-all` every one, and each die that
no board has, if the firmware fits into it.
A new file in boards/ is picked up. It says in `[romboot]` which way is refused, and with which
words: `jump = "..."`, `reset = "..."`. With no such table both ways arrive. Where it is an option
byte that prevents entry, `[romboot.then]` has `option = ["register of FLASH", mask, value]`, and
what is refused with that.
"""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests import record
from host_tests.conftest import EVERY_BOARD, first_of_each
from host_tests.target import (
    CLEAN,
    MANIFEST,
    how_it_arrives,
    manifest_without_assembler,
)
from host_tests.wire_client import connect
from tools.bench import boardfile, chip
from tools.bench.blocks.flash import Flash
from tools.bench.board import VirtualBoard
from tools.bench.chip import FlashSector
from tools.bench.prompt import Prompt
from tools.bench.rom_run import Arrival
from tools.cli.virtual import firmware
from tools.firmware import build
from tools.firmware.board import load_board
from tools.fuzz import alone

WAYS = ("jump", "reset")
LONGEST_MS = 5000
BLOCK = bytes(range(128))  # whole flash words of every family
NAMES = "import sys, os; print(sys.implementation._build, '|', os.uname().machine)"
INFO = "import romboot; romboot.info()"
PLAN = """
import romboot
p = romboot.plan()
print(p.via, [str(r) for r in p.reasons])
"""
ENTER = "import gc, romboot; gc.collect(); romboot.enter_bootloader(via='{}')"
ATTEMPT = """
import romboot
try:
    romboot.enter_bootloader(via='{}')
except romboot.RomBootError as e:
    print(e)
"""


def refused(name: str, boards: Path = boardfile.BOARDS) -> dict[str, Any]:
    """Way -> words of the refusal, as the board file has them; and what is so then."""
    return tomllib.loads((boards / f"{name}.toml").read_text()).get("romboot", {})


def family_and_way(name: str) -> Hashable:
    """Boards with the same run the same lines of the library, with other numbers."""
    return firmware.family(name), *refused(name)


@pytest.mark.parametrize("name", first_of_each(EVERY_BOARD, family_and_way))
def test_from_the_prompt_to_the_rom_and_back(name: str) -> None:
    seen, run = there_and_back(name), record.read().get(name)
    assert run and seen == (run.jump, run.reset), f"python -m host_tests.support {name} notes it"


@pytest.mark.thorough
@pytest.mark.parametrize("name", alone.chips())
def test_a_die_that_no_board_has(name: str) -> None:
    assert there_and_back(name) == (record.ARRIVED, record.ARRIVED)


def there_and_back(name: str) -> tuple[str, str]:
    """What became of each of WAYS, as docs/matrix.txt has it; an AssertionError if anything was
    not as it must be."""
    boards = alone.boards(name)
    image = build(name, frozen_manifest=MANIFEST, boards=boards)
    board = VirtualBoard.load(name, image, boards=boards)
    arrivals: list[Arrival] = []
    board.on_arrival = arrivals.append
    about, words_of = load_board(name, boards), refused(name, boards)
    for said in each_state(board, words_of):
        prompt = Prompt(board)
        assert prompt.run(NAMES).strip() == f"{name} | {about.name} with {about.mcu_name}"
        assert f"DEV_ID 0x{board.soc.chip.dev_id:03X}" in prompt.run(INFO)
        for way in WAYS:
            if words := said.get(way):
                assert words in prompt.run(ATTEMPT.format(way))
            else:
                prompt.start(ENTER.format(way))
                assert arrival(board, arrivals) == CLEAN
                visit(board)
                prompt = Prompt(board)
        words, plan = said.get("jump"), prompt.run(PLAN).strip()
        assert words in plan if words else plan == "jump []"
    assert not board.core.faults and not board.soc.unmodelled
    assert not board.soc.violations and not board.soc.accepted
    jump, reset = (record.REFUSED if way in words_of else record.ARRIVED for way in WAYS)
    return jump, reset


def each_state(board: VirtualBoard, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is refused as the board is delivered, and with the option byte that the file names."""
    yield said
    if then := said.get("then"):
        board.soc.flash.store_options(*then["option"])
        board.press_reset()
        yield then


def arrival(board: VirtualBoard, arrivals: list[Arrival]) -> str:
    """The next one, or what the board said in its place."""
    for _ in range(LONGEST_MS):
        if arrivals:
            return str(arrivals.pop())
        board.run_ms(1)
    return board.wires["console"].host.read().decode(errors="replace")


def visit(board: VirtualBoard) -> None:
    """A client finds the right chip, erases a sector that nothing is in, writes and reads there,
    and starts the application."""
    loader, flash = connect(board), board.soc.flash
    assert loader.get_id() == board.soc.chip.dev_id
    *_, number = (n for n, s in enumerate(flash.sectors) if is_free(flash, s))
    address = flash.sectors[number].base
    loader.extended_erase_memory([number])
    loader.write_memory(address, BLOCK)
    assert bytes(loader.read_memory(address, len(BLOCK))) == BLOCK
    loader.extended_erase_memory([number])
    loader.go(flash.base_address)


def is_free(flash: Flash, sector: FlashSector) -> bool:
    """Erased."""
    at = sector.base - flash.base_address
    return set(flash.array.view[at : at + sector.size]) == {flash.erased}


def one_of_each_core() -> list[str]:
    """Boards that have the inline assembler."""
    found: dict[str, str] = {}
    for name in EVERY_BOARD:
        board = boardfile.load(name)
        if load_board(name).assembler and not board.external and not refused(name).get("jump"):
            found.setdefault(chip.load(board.chip).core["model"], name)
    return list(found.values())


@pytest.mark.parametrize("name", one_of_each_core())
def test_without_the_inline_assembler(name: str, tmp_path: Path) -> None:
    """The same machine code as bytes, on each core."""
    manifest = manifest_without_assembler(tmp_path)
    board = VirtualBoard.load(name, firmware=build(name, frozen_manifest=manifest))
    Prompt(board).start(ENTER.format("jump"))
    assert how_it_arrives(board) == CLEAN
