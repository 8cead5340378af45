"""The live loop with a real virtual board: a new chip, BOOT0 high, nothing in its flash."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import serial
from stm32loader.bootloader import Stm32Bootloader

from tools.bench.board import VirtualBoard
from tools.bench.serve import Narrator
from tools.bench.server import Server, running

FLASH, STACK = 0x0800_0000, 0x2002_0000
# A vector table, then: movs r0, #42; b .
PROGRAM = b"".join(n.to_bytes(4, "little") for n in (STACK, FLASH + 9)) + bytes.fromhex("2a20fee7")


@pytest.fixture
def server() -> Iterator[Server[VirtualBoard]]:
    board = VirtualBoard.load("NUCLEO_F429ZI")
    board.boot0 = True
    board.press_reset()
    while not board.rom_listens():  # a client's first byte would be lost, and waited for
        board.run_ms(1)
    with running(board, speed=20) as server:
        yield server


@pytest.fixture
def loader(server: Server[VirtualBoard]) -> Iterator[Stm32Bootloader]:
    with serial.Serial(server.ports["rom"], 115200, timeout=0.5) as port:
        loader = Stm32Bootloader(port, verbosity=0, device_family="F4")
        loader.reset_from_system_memory()
        loader.get()
        port.timeout = 30
        yield loader


def test_write_and_go(server: Server[VirtualBoard], loader: Stm32Bootloader) -> None:
    loader.erase_memory([0])
    loader.write_memory(FLASH, PROGRAM)
    assert loader.read_memory(FLASH, len(PROGRAM)) == PROGRAM
    loader.go(FLASH)
    time.sleep(0.1)
    with server.paused() as board:
        state = board.core.state()
        assert (state.r[0], state.pc, state.msp) == (42, FLASH + 10, STACK)
        assert board.rom is None


def test_go_into_an_image_that_is_none(
    server: Server[VirtualBoard], loader: Stm32Bootloader
) -> None:
    """It faults, and the vector is still that of the ROM: that is no way in, and said so."""
    told: list[str] = []
    with server.paused() as board:
        board.say = told.append
    loader.erase_memory([0])
    loader.write_memory(FLASH, PROGRAM[:8] + bytes.fromhex("00de00de"))  # udf #0
    loader.go(FLASH)
    time.sleep(0.3)
    (fault,) = (line for line in told if "system memory" in line)
    assert fault.startswith("a HardFault of the application"), told
    with server.paused() as board:
        assert board.arrival and not board.arrival.clean and board.rom is None


def test_erasing_takes_virtual_time(server: Server[VirtualBoard], loader: Stm32Bootloader) -> None:
    with server.paused() as board:
        before = board.clock.now
    loader.erase_memory([0])
    with server.paused() as board:
        passed = board.clock.now - before
    assert 400e6 < passed < 3000e6  # 16 KiB byte by byte take 400 ms (DS9405)


def test_identity_comes_from_the_chip(
    server: Server[VirtualBoard], loader: Stm32Bootloader
) -> None:
    size, uid = loader.get_flash_size_and_uid()
    assert (loader.get_id(), size) == (0x419, 2048)
    with server.paused() as board:
        assert uid == bytearray(board.soc.read_memory(0x1FFF_7A10 + i, 1) for i in range(12))


def test_a_lockup_is_told_once_and_a_reset_revives(server: Server[VirtualBoard]) -> None:
    told: list[str] = []
    with server.paused() as board:
        server.on_lockup = lambda: told.append(board.core.lockup or "")
        board.boot0 = False
        board.press_reset()  # into an empty flash
    time.sleep(0.2)
    assert len(told) == 1
    with server.paused() as board:
        board.boot0 = True
        board.press_reset()
    time.sleep(0.2)
    with server.paused() as board:
        assert board.core.lockup is None
        assert board.rom is not None


def test_many_transfers_are_told_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator()
    for address in range(3):
        narrator.say(f"Write Memory: 256 bytes at 0x0800{address:02X}00")
        narrator.say(f"Read Memory: 256 bytes at 0x0800{address:02X}00")
    narrator.say("Go to the vector table at 0x08000000")
    narrator.flush()
    assert capsys.readouterr().out.splitlines() == [
        "Write Memory: 256 bytes at 0x08000000",
        "  and 5 more of these",
        "Go to the vector table at 0x08000000",
    ]
