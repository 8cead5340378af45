"""The ROM of a new chip of each family but F4, entered by BOOT0, under the real stm32loader."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import serial
from stm32loader.bootloader import CommandError, Stm32Bootloader

from tools.bench.board import VirtualBoard
from tools.bench.lot import UID
from tools.bench.server import Server, running

FLASH = 0x08000000


@dataclass(frozen=True)
class Expected:
    """What stm32loader must find, and the numbers that it takes for the first 4 KiB of flash."""

    family: str
    dev_id: int
    kib: int
    stack: int
    sectors: tuple[int, ...]


BOARDS = {
    "NUCLEO_F767ZI": Expected("F7", 0x451, 2048, 0x20080000, (0,)),
    "NUCLEO_L073RZ": Expected("L0", 0x447, 192, 0x20005000, tuple(range(32))),
    "NUCLEO_L476RG": Expected("L4", 0x415, 1024, 0x20018000, (0, 1)),
    "NUCLEO_G0B1RE": Expected("G0", 0x467, 512, 0x20020000, (0, 1)),  # it is empty
    "NUCLEO_WB55": Expected("L4", 0x495, 1024, 0x20040000, (0,)),
    "NUCLEO_WL55": Expected("L4", 0x497, 256, 0x20010000, (0,)),
    "NUCLEO_H743ZI": Expected("H7", 0x450, 2048, 0x24080000, (0,)),
}


@dataclass
class Live:
    expected: Expected
    server: Server[VirtualBoard]
    loader: Stm32Bootloader


@pytest.fixture(params=BOARDS)
def live(request: pytest.FixtureRequest) -> Iterator[Live]:
    expected = BOARDS[request.param]
    board = VirtualBoard.load(request.param)
    board.boot0 = True
    board.press_reset()
    while not board.rom_listens():  # a client's first byte would be lost, and waited for
        board.run_ms(1)
    with (
        running(board, speed=20, fast_while=VirtualBoard.rom_listens) as server,
        serial.Serial(server.ports["rom"], 115200, timeout=1) as port,
    ):
        loader = Stm32Bootloader(port, verbosity=0, device_family=expected.family)
        loader.reset_from_system_memory()
        loader.get()
        port.timeout = 30
        yield Live(expected, server, loader)


def test_it_says_who_it_is(live: Live) -> None:
    assert live.loader.get_id() == live.expected.dev_id
    if live.expected.family == "F7":  # no source says that its ROM reads what the factory wrote
        with pytest.raises(CommandError):
            live.loader.get_flash_size()
        return
    kib, uid = (
        live.loader.get_flash_size_and_uid()
        if live.expected.family == "L0"
        else (live.loader.get_flash_size(), live.loader.get_uid())
    )
    assert isinstance(uid, bytearray)
    # The third word of an L0 is not behind the second, which stm32loader does not know.
    assert (kib, bytes(uid)[:8]) == (live.expected.kib, UID[:8])


def test_new_firmware_runs_after_go(live: Live) -> None:
    """movs r0, #42; b ."""
    program = struct.pack("<2I", live.expected.stack, FLASH + 9) + bytes.fromhex("2a20fee7")
    program += bytes(range(256)) * 5
    live.loader.extended_erase_memory(list(live.expected.sectors))
    size = 128  # stm32loader takes no more for an L0
    pieces = [(at, program[at : at + size]) for at in range(0, len(program), size)]
    for at, piece in pieces:
        live.loader.write_memory(FLASH + at, piece)
    for at, piece in pieces:
        assert live.loader.read_memory(FLASH + at, len(piece)) == piece
    live.loader.go(FLASH)
    time.sleep(0.1)
    with live.server.paused() as board:
        state = board.core.state()
        assert (state.r[0], state.pc, state.msp) == (42, FLASH + 10, live.expected.stack)
        assert board.rom is None
        assert not board.core.faults and not board.soc.violations


def test_flash_that_is_not_erased_is_refused(live: Live) -> None:
    """Error correction codes: a word, or 32 bytes of an H7, are programmed once. An F7 has none:
    bits go from 1 to 0."""
    live.loader.write_memory(FLASH, b"once")
    if live.expected.family == "F7":
        live.loader.write_memory(FLASH, b"more")
        both = bytes(a & b for a, b in zip(b"once", b"more", strict=True))
        assert live.loader.read_memory(FLASH, 4) == both
        return
    with pytest.raises(CommandError):
        live.loader.write_memory(FLASH, b"more")
    assert live.loader.read_memory(FLASH, 4) == b"once"
