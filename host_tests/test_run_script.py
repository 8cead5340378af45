"""romboot script: one file for `mpremote run` that does what the library does, in a small heap."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tests.target import CLEAN, VirtualTarget
from host_tests.test_hosted import CORES, frozen, how_it_arrives, record, script
from tools import paths, tables
from tools.bench import boardfile
from tools.bench.board import VirtualBoard
from tools.bench.chip import load as load_chip
from tools.cli import main
from tools.cli.device.script import chip, source
from tools.cli.errors import CliError
from tools.firmware import build
from tools.tables.family import M0PLUS, M4, M7, Die, Family

BOARD, SMALL = "NUCLEO_F429ZI", "NUCLEO_L073RZ"


def die_of(name: str) -> tuple[Family, Die]:
    """Of a board's chip."""
    dev_id = load_chip(boardfile.load(name, paths.BOARDS).chip).dev_id
    return next(pair for pair in tables.dies() if pair[1].dev_id == dev_id)


@contextlib.contextmanager
def started(
    name: str, folder: Path, *, force: bool = False
) -> Iterator[tuple[VirtualTarget, str]]:
    """A board without a library, and the path of the file for its chip."""
    path = folder / "enter.py"
    path.write_text(source(*die_of(name), force=force))
    with VirtualTarget.boot(name, build(name)) as target:
        yield target, str(path)


@pytest.mark.parametrize(
    "name",  # what it has of other cores is what the host sends, see test_hosted.py
    [
        pytest.param(name, marks=[] if core in (M0PLUS, M4, M7) else [pytest.mark.thorough])
        for core, name in CORES.items()
    ],
)
def test_the_same_registers_in_the_same_order(name: str, tmp_path: Path) -> None:
    with started(name, tmp_path) as (target, path):
        with target.server.paused() as board:
            by_script = record(board)
        assert target.ok("run", path) == ""
        assert str(target.arrival()) == CLEAN
    other = frozen(name)
    by_board = record(other.board)
    other.start("romboot.enter_bootloader()")
    assert how_it_arrives(other.board) == CLEAN
    family, die = die_of(name)
    step = next(family.script(die))
    first = step.registers[0].address, step.values[0]
    assert script(by_script, first) == script(by_board, first)


def test_it_fits_into_a_small_heap(tmp_path: Path) -> None:
    """That of the official firmware has 700 bytes less than that of the bench."""
    with started(SMALL, tmp_path) as (target, path):
        target.ok("exec", "ballast = bytearray(1500)", "run", path)
        assert str(target.arrival()) == CLEAN


def blank_rom(board: VirtualBoard) -> None:
    board.soc.map.system.write(0, bytes(8))


def protected(board: VirtualBoard) -> None:
    registers = {"NUCLEO-F429ZI": ("OPTCR", 0x0FFFCCED), "NUCLEO-L073RZ": ("OPTR", 0x807000CC)}
    board.soc.flash.put(*registers[board.name])


def another_die(board: VirtualBoard) -> None:
    board.soc.blocks["DBGMCU"].put("IDCODE", 0x10000422)


def closed_rom(board: VirtualBoard) -> None:
    board.soc.map.system.write(0x1FFE, b"\x41")


def firewall(board: VirtualBoard) -> None:
    board.soc.rcc.put("APB2ENR", board.soc.rcc.get("APB2ENR") | 1 << 7)


@pytest.mark.parametrize(
    ("name", "spoil", "sentence"),
    [
        (
            BOARD,
            blank_rom,
            "system memory at 0x1FFF0000 starts with 0x00000000, 0x00000000: not a",
        ),
        (BOARD, protected, "readout protection is at level 2: .* romboot script --force "),
        (BOARD, another_die, "core 0xC24, DEV_ID 0x422: this is no STM32F427"),
        (
            SMALL,
            closed_rom,
            "a ROM with ID 0x41 starts the application again unless BOOT0 is high",
        ),
        (
            SMALL,
            firewall,
            r"the firewall has its clock \(APB2ENR.FWEN\): only a reset clears that",
        ),
    ],
)
def test_it_refuses_by_a_sentence(
    name: str, spoil: Callable[[VirtualBoard], None], sentence: str, tmp_path: Path
) -> None:
    with started(name, tmp_path) as (target, path):
        with target.server.paused() as board:
            spoil(board)
        done = target.mpremote("run", path)
        assert done.returncode == 1
        assert re.match(f"romboot: {sentence}", done.stdout), done.stdout
        assert "Traceback" not in done.stdout


def test_force(tmp_path: Path) -> None:
    with started(BOARD, tmp_path, force=True) as (target, path):
        with target.server.paused() as board:
            protected(board)
        target.ok("run", path)
        assert target.arrival()


@pytest.mark.parametrize(
    ("name", "dev_id"),
    [
        ("STM32L073RZ", 0x447),
        ("stm32f429zit6", 0x419),
        ("STM32F401RE", 0x433),
        ("STM32F401xC", 0x423),
        ("STM32H7B3", 0x480),
    ],
)
def test_a_chip_by_its_part_number(name: str, dev_id: int) -> None:
    assert chip(name)[1].dev_id == dev_id


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("STM32F401", "may be STM32F401xB/xC or STM32F401xD/xE: which one"),
        ("RP2040", "has no table for RP2040"),
        ("STM32", "has no table for STM32"),
        ("F401", "may be STM32F401xB/xC"),
        ("", "--chip is empty"),
        ("STM32F410RB", "this is an STM32F410, .* BOOT0 pin"),
        ("STM32H7S3L8", "this is an STM32H7Rx/7Sx"),
        ("STM32N657X0", "STM32N6 .* machine.bootloader"),
        ("NUCLEO_F429ZI", "is a board: --chip takes the name of its chip, STM32F429xx"),
        ("nucleo-f429zi", "is a board"),
        ("NUCLEO_N657X0", "is a board: the ROM of an STM32N6 cannot be entered"),
    ],
)
def test_a_chip_that_is_none(name: str, why: str) -> None:
    with pytest.raises(CliError, match=why):
        chip(name)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["script", "--chip", "STM32F429ZI"]) == 0
    assert capsys.readouterr().out == source(*chip("STM32F429"))


def test_every_die_has_one() -> None:
    for family, die in tables.dies():
        compile(source(family, die), f"enter.py of {die}", "exec")
