"""The script: its format, and that it takes every die from anywhere back to reset."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from host_tests.lib.chunks import chip
from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import SRAM, VECTORS, Registers
from host_tests.lib.hardware import CFGR, CR, FLASH_CR, MEMRMP, PLLCFGR, RCC, Hardware
from host_tests.lib.interpreter import run
from host_tests.tables import library

each_die = pytest.mark.parametrize("die", library.DIES, ids=str)
APB1ENR, APB2ENR = RCC + 0x40, RCC + 0x44
FLASH_ACR = 0x40023C00
OPTCR = 0x40023C14
ICER0, VTOR = 0xE000E180, 0xE000ED08
MPU = 0x17, 0x03060027


def chunk(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


END = chunk(2, VECTORS, 0)


def image_of(board: Board, die: library.Die) -> bytes:
    """The image that romboot makes for a die."""
    ram = SRAM, SRAM + die.sram
    number = library.DIES.index(die)
    return bytes(board.chip.image(SimpleNamespace(family=board.table, number=number, ram=ram)))


def test_an_image_reads_back_as_it_was_made(board: Board) -> None:
    chunks = (
        chunk(0x40000000, 0x11111111)
        + chunk(0x40000004 + board.facts._FILL, 0x22222222, 3)
        + chunk(0x40000010, 0),
        chunk(0x40000014 + board.facts._CHANGE, 0x0000FF00, 0x80000001),
        chunk(0x40000018 + board.facts._WAIT, 0xFFFF, 0x1234, 0x10000) + END,
    )
    image = board.chip.image(chip(*chunks, (0x20000000, 0x20030000), MPU))
    assert list(board.facts.steps(image)) == [
        (board.facts._WRITE, 0x40000000, 0x11111111, ()),
        (board.facts._FILL, 0x40000004, 0x22222222, (3,)),
        (board.facts._WRITE, 0x40000010, 0, ()),
        (board.facts._CHANGE, 0x40000014, 0x0000FF00, (0x80000001,)),
        (board.facts._WAIT, 0x40000018, 0xFFFF, (0x1234, 0x10000)),
        (board.facts._CHANGE, 0, 0x1FFF0000, (0,)),
    ]


def test_a_row_reads_back_register_by_register(board: Board) -> None:
    plain = chunk(0x40000000 + board.facts._FILL, 0b101, 0, 0x11, 0x22)
    pulsed = chunk(0x40000100 + board.facts._FILL, 1 << 31 | 0b10, 0, 0x33)
    image = board.chip.image(chip(plain, pulsed, END, (0x20000000, 0x20030000), MPU))
    assert [step[1:3] for step in board.facts.steps(image)] == [
        (0x40000000, 0x11),
        (0x40000008, 0x22),
        (0x40000104, 0x33),
        (0x40000104, 0),
        (0, 0x1FFF0000),
    ]


def test_the_header_says_what_the_helper_needs(board: Board) -> None:
    """Words up to the code, SRAM from and to, and an MPU region that opens just that SRAM."""
    body = chunk(0x40000000, 1)
    image = board.chip.image(chip(body, b"", b"", (SRAM, SRAM + 0x50000), MPU))
    words, low, high, rbar, rasr = struct.unpack_from("<5I", image)
    assert len(image) == 4 * words
    assert (low, high) == (SRAM, SRAM + 0x50000)
    assert rbar == SRAM | 0x10 | 7  # VALID, region 7: it has the last word
    assert rasr & 1
    assert rasr >> 24 & 7 == 3  # AP: full access
    assert not rasr >> 28 & 1  # XN
    assert 2 << (rasr >> 1 & 31) == 1024 * 1024


@each_die
def test_the_mpu_region_holds_all_sram_of_a_die(die: library.Die) -> None:
    """It starts at 0x20000000, which is a multiple of its size."""
    assert die.sram <= 512 * 1024
    assert SRAM % (512 * 1024) == 0


@each_die
def test_every_step_is_well_formed(die: library.Die, board: Board) -> None:
    steps = list(board.facts.steps(image_of(board, die)))
    assert steps[-1] == (board.facts._CHANGE, 0, VECTORS, (0,))
    for kind, address, value, rest in steps[:-1]:
        assert 0x40000000 <= address < 0xE0100000
        if kind == board.facts._FILL:
            assert 1 <= rest[0] <= 32
        if kind == board.facts._WAIT:
            expected, tries = rest
            assert expected & ~value == 0, "it can never come true"
            assert tries >= 0x100


@each_die
@pytest.mark.parametrize("seed", range(3))
def test_it_gets_every_register_to_its_value(die: library.Die, seed: int, board: Board) -> None:
    """From registers full of rubbish, running on the PLL, with SYSCFG's clock off."""
    image = image_of(board, die)
    registers = dirty(board, image, seed)
    assert run(board, image, registers) == VECTORS
    for name, address in library.registers().items():
        if name == "CIR":
            continue  # cleared by ones
        expected = 0 if name in library.RESETS else die.values.get(name)
        if expected is not None:
            assert registers.peek(address) == expected, name
    assert registers.peek(CR) == 0x83
    assert registers.peek(CFGR) == 0
    assert registers.peek(PLLCFGR) == 0x24003010
    assert registers.peek(FLASH_CR) == 1 << 31
    assert registers.peek(MEMRMP) == 1
    assert registers.peek(VTOR) == 0
    # RTCAPBEN and EXTITEN of F412 and F413: see `disputed` in tools/tables/f4.py
    assert registers.peek(APB1ENR) == (0x400 if die.dev_id in (0x441, 0x463) else 0)
    assert registers.peek(APB2ENR) == (0x8000 if die.dev_id in (0x441, 0x463) else 0)
    for zero in (FLASH_ACR, RCC + 0x34, RCC + 0x74, RCC + 0x80, 0xE000E010):
        assert registers.peek(zero) == 0, hex(zero)


def dirty(board: Board, image: bytes, seed: int) -> Registers:
    """Every register that the script touches holds anything; SYSCLK is the PLL's."""
    rubbish = random.Random(seed)
    registers = Registers()
    for kind, address, _, rest in board.facts.steps(image):
        for number in range(rest[0] if kind == board.facts._FILL else 1):
            registers.poke(address + 4 * number, rubbish.getrandbits(32))
    registers.poke(CR, rubbish.getrandbits(32) & ~(1 << 18) | 0x03010001)
    registers.poke(CFGR, rubbish.getrandbits(32) & ~0xF | 0xA)
    registers.poke(0x40023C0C, registers.peek(0x40023C0C) & ~(1 << 16))  # no erase is running
    registers.poke(APB2ENR, registers.peek(APB2ENR) & ~(1 << 14))
    Hardware(registers)
    return registers


def writes(board: Board, die: library.Die) -> list[tuple[int, int]]:
    """(address, value) of every write, in order."""
    image = image_of(board, die)
    registers = dirty(board, image, 0)
    run(board, image, registers)
    return [(address, value) for address, value, _ in registers.log]


@each_die
def test_every_peripheral_is_pulsed_once(die: library.Die, board: Board) -> None:
    """Each goes into reset and comes out again, and only then do any lose their clocks. WWDG goes
    first of all: it would bite during the waits."""
    log = writes(board, die)
    resets = {library.registers()[name]: die.values.get(name) for name in library.RESETS}
    pulses = [entry for entry in log if entry[0] in resets]
    present = [(address, mask) for address, mask in resets.items() if mask is not None]
    watchdog = (library.registers()["APB1RSTR"], 1 << 11)
    all_pulses = [watchdog, *present]
    assert pulses == [entry for pulse in all_pulses for entry in (pulse, (pulse[0], 0))]
    last = log.index(pulses[-1])
    enables = {RCC + offset for offset in (0x30, 0x34, 0x38, 0x40, 0x44)}
    assert last < min(at for at, (address, _) in enumerate(log) if address in enables)


@each_die
def test_the_order_is_safe(die: library.Die, board: Board) -> None:
    """Hardware() has its own say: PLLs, HSEBYP, SYSCFG's clock."""
    addresses = [address for address, _ in writes(board, die)]
    first, last = addresses.index, len(addresses) - 1
    assert first(ICER0) < first(CR), "interrupts are off before the clocks change"
    assert first(CFGR) < first(FLASH_ACR), "wait states may go once SYSCLK is slow"
    assert first(ICER0) < first(VTOR)
    assert first(MEMRMP) == last - 1
    assert addresses[-1] == APB2ENR, "the remap is the last thing, but for SYSCFG's clock"


@each_die
def test_option_bytes_are_kept(die: library.Die, board: Board) -> None:
    """OPTCR is locked; nothing else of it changes, and nothing starts."""
    image = image_of(board, die)
    registers = dirty(board, image, 0)
    registers.poke(OPTCR, 0x7FFFAAEC)
    run(board, image, registers)
    assert [value for address, value, _ in registers.log if address == OPTCR] == [0x7FFFAAED]


@each_die
def test_each_die_gets_a_script_of_its_own_from_its_row(
    die: library.Die, make: Callable[..., Board]
) -> None:
    """As Entry puts it together, for the DEV_ID that the chip reads."""
    board = make(dev_id=die.dev_id)
    entry = board.entry.Entry()
    assert bytes(entry.image) == image_of(board, die)
    assert (entry.chip.number, entry.chip.ram) == (
        library.DIES.index(die),
        (SRAM, SRAM + die.sram),
    )


def test_a_missing_register_is_not_written(board: Board) -> None:
    """F401 has nothing on AHB3 and no PLLSAI."""
    (die,) = (die for die in library.DIES if die.dev_id == 0x433)
    touched = {address for address, _ in writes(board, die)}
    absent = {a for name, a in library.registers().items() if name not in die.values}
    assert len(absent) == 6
    assert not touched & absent
