"""The small edition of the library: it fits, it enters, and it refuses by the name of an error.
And what a firmware for one chip alone freezes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from host_tests.target import CLEAN, MANIFEST, how_it_arrives
from host_tests.witness import ATTEMPT, MARK, QUIET, Witness
from tools.bench.board import VirtualBoard
from tools.bench.prompt import Prompt, PromptError
from tools.cli.virtual import firmware, sizes
from tools.firmware.builder import PORT, FirmwareError, source_tree
from tools.firmware.frozen import frozen_digest

BOARDS = ["NUCLEO_L073RZ", "NUCLEO_F429ZI"]
L073, F429 = "NUCLEO-L073RZ", "NUCLEO-F429ZI"


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> VirtualBoard:
    return load(request.param)


def load(name: str) -> VirtualBoard:
    return VirtualBoard.load(name, firmware.build(name, frozen=True, small=True))


@pytest.mark.parametrize("name", BOARDS)
def test_it_fits(name: str) -> None:
    assert sizes.frozen(name, small=True) <= sizes.SMALL


@pytest.mark.parametrize("options", ["", "after_ms=100", "after_ms=0", "force=True"])
def test_it_enters(board: VirtualBoard, options: str) -> None:
    prompt = Prompt(board)
    code = f"import romboot; romboot.enter_bootloader({options})"
    if "after_ms" in options:
        prompt.run(code)
    else:
        prompt.start(code)
    assert how_it_arrives(board) == CLEAN


def nothing(board: VirtualBoard) -> None:
    pass


def blank_rom(board: VirtualBoard) -> None:
    board.soc.map.system.write(0, bytes(8))


def protected(board: VirtualBoard) -> None:
    registers = {F429: ("OPTCR", 0x0FFFCCED), L073: ("OPTR", 0x807000CC)}
    board.soc.flash.put(*registers[board.name])


def another_die(board: VirtualBoard) -> None:
    board.soc.blocks["DBGMCU"].put("IDCODE", 0x10000422)


IN_HANDLER = "romboot.mem32 = {-0x1FFF12FC: 16}"  # ICSR
UNPRIVILEGED = (
    "romboot.jump = type('', (), {'helper': lambda image, task: 1, 'code_address': lambda: 0})"
)
FULL_STACK = """
real = romboot.jump
look = lambda image, task: 0x20001000 if image else 0
romboot.jump = type('', (), {'helper': look, 'code_address': real.code_address})
"""
IN_SDRAM = """
real = romboot.jump
romboot.jump = type('', (), {'helper': real.helper, 'code_address': lambda: 0xD0000000})
"""


@pytest.mark.parametrize(
    "spoil, code, name",
    [
        (another_die, "", "UnknownChipError"),
        (blank_rom, "", "BadRomError"),
        (protected, "", "ProtectedError"),
        (nothing, IN_HANDLER, "HandlerError"),
        (nothing, UNPRIVILEGED, "PrivilegeError"),
        (nothing, FULL_STACK, "StackError"),
        (nothing, IN_SDRAM, "CodeError"),
    ],
)
@pytest.mark.parametrize("options", ["", pytest.param("after_ms=1", marks=pytest.mark.thorough)])
def test_it_refuses(
    board: VirtualBoard, spoil: Callable[[VirtualBoard], None], code: str, name: str, options: str
) -> None:
    prompt = Prompt(board)
    spoil(board)
    marked = board.name == F429  # the other has nothing at MARK
    attempt = ATTEMPT if marked else ATTEMPT.replace(f"mem32[{MARK}]", "pass")
    prompt.run(f"{attempt}\n{QUIET}\n{code}")
    witness = Witness(board) if marked else None
    said = prompt.run(f"attempt(romboot.enter_bootloader, {options})")
    assert said.startswith("RomBootError ") and name in said
    assert board.arrival is None and board.core.faults == []
    if witness:
        assert witness.writes == witness.changes == []


def test_a_heap_without_room_has_a_name_too(board: VirtualBoard) -> None:
    code = "import micropython, romboot\nmicropython.heap_lock()\nromboot.enter_bootloader()"
    with pytest.raises(PromptError, match="RomBootError: MemoryError"):
        Prompt(board).run(code)


def test_force_enters_although_protected(board: VirtualBoard) -> None:
    prompt = Prompt(board)
    protected(board)
    prompt.start("import romboot; romboot.enter_bootloader(force=True)")
    board.run_to_rom(3000)
    assert board.arrival


def test_for_its_chip_alone_it_takes_less_and_refuses_others() -> None:
    assert sizes.frozen(BOARDS[1]) - sizes.frozen(BOARDS[1], one_chip=True) > 1500
    board = VirtualBoard.load(BOARDS[1], firmware.build(BOARDS[1], frozen=True, one_chip=True))
    prompt = Prompt(board)
    assert "STM32F427/429/437/439, DEV_ID 0x419" in prompt.run("import romboot; romboot.info()")
    for idcode in 0x20036413, 0x20036434:  # an F405 and an F469
        board.soc.blocks["DBGMCU"].put("IDCODE", idcode)
        with pytest.raises(PromptError, match="UnknownChipError: core 0xC24, DEV_ID 0x4"):
            prompt.run("romboot.plan()")
    board.soc.blocks["DBGMCU"].put("IDCODE", 0x20036419)
    prompt.start("romboot.enter_bootloader()")
    assert how_it_arrives(board) == CLEAN


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("STM32F999", "romboot has no table for STM32F999. chip= takes a part number"),
        ("NUCLEO_F429ZI", "NUCLEO_F429ZI is a board: chip= takes the name of its chip"),
    ],
)
def test_a_wrong_name_of_a_chip_is_a_sentence(name: str, sentence: str) -> None:
    manifest = f"include({str(MANIFEST)!r}, chip={name!r})"
    with pytest.raises(FirmwareError, match=re.escape(sentence)):
        frozen_digest(manifest, source_tree(print), PORT)
