"""The whole board: boot, arrival in system memory, the ROM, and back to the application."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from host_tests.bench.thumb import assemble
from host_tests.target import TEST_BOARDS
from tools.bench import boardfile
from tools.bench.board import Arrival, VirtualBoard
from tools.bench.core import Stop
from tools.bench.serve import reset_at_times

BOARD = "NUCLEO_F429ZI"
TO_ROM = """
    ldr r0, =0x40023844     @ RCC_APB2ENR: SYSCFG
    ldr r1, =0x4000
    str r1, [r0]
    ldr r2, =0x40013800     @ SYSCFG_MEMRMP
    movs r3, #1
    str r3, [r2]
    movs r1, #0
    str r1, [r0]
    ldr r0, =0x1FFF0000
    ldr r1, [r0]
    msr msp, r1
    ldr r1, [r0, #4]
    mvn lr, #0
    {last}
    bx r1
"""
ACK = b"\x79"


def board_with(program: str, name: str = BOARD) -> VirtualBoard:
    board = VirtualBoard.load(name)
    board.soc.flash.array.write(0, assemble(program)[0])
    board.power_on()
    return board


def talk(board: VirtualBoard, data: bytes, wire: str = "rom", ms: float = 2) -> bytes:
    board.wires[wire].host.send(data)
    board.run_ms(ms)
    return board.wires[wire].host.read()


def start_rom(board: VirtualBoard) -> None:
    """Long enough for any of them to listen (AN2606 table 227)."""
    board.run_ms(90)


def test_the_chip_boots_from_flash() -> None:
    board = board_with("movs r0, #42\n b .")
    assert board.run(cycles=10) is Stop.BUDGET
    assert board.core.state().r[0] == 42
    assert board.arrival is None


def test_an_arrival_that_is_clean_wakes_the_rom() -> None:
    board = board_with(TO_ROM.format(last=""))
    heard: list[Arrival] = []
    board.on_arrival = heard.append
    board.run_ms(5)
    assert board.arrival and board.arrival.clean, board.arrival
    assert board.arrival.instructions == 14
    assert heard == [board.arrival]
    assert str(board.arrival) == "the ROM found the chip as a reset would have left it"
    start_rom(board)
    assert talk(board, b"\x7f") == ACK
    assert talk(board, b"\x02\xfd") == ACK + b"\x01\x04\x19" + ACK
    assert board.run_ms(1) is Stop.IDLE


@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("cpsid i", "CPU.PRIMASK"),
        ("ldr r4, =0x40023830; movs r5, #1; str r5, [r4]", "RCC.AHB1ENR"),
        ("ldr r4, =0xE000E018; movs r5, #1; str r5, [r4, #-4]", "SYST.RVR"),
    ],
)
def test_an_arrival_that_is_not_clean_is_met_with_silence(last: str, name: str) -> None:
    board = board_with(TO_ROM.format(last=last))
    board.run_ms(5)
    assert board.arrival
    assert name in [d.name for d in board.arrival.deviations]
    assert board.rom is None
    assert talk(board, b"\x7f") == b""


def test_an_exception_after_the_arrival_is_counted() -> None:
    """SysTick runs and fires while the ROM is at work."""
    board = board_with(
        TO_ROM.format(last="ldr r4, =0xE000E010; ldr r5, =8000; str r5, [r4, #4]; movs r5, #7;"
                           "str r5, [r4]")
    )  # fmt: skip
    board.run_ms(5)
    assert board.arrival
    late = [d for d in board.arrival.deviations if d.name == "CPU.exception"]
    assert late[0].why == "SysTick was taken after the ROM had started"


def test_boot0_and_reset_lead_to_the_rom_and_reset_leads_back() -> None:
    board = board_with("movs r0, #42\n b .")
    said: list[str] = []
    board.say = said.append
    board.boot0 = True
    board.press_reset()
    start_rom(board)
    assert talk(board, b"\x7f") == ACK
    board.boot0 = False
    board.press_reset()
    board.run_ms(1)
    assert board.core.state().r[0] == 42
    assert talk(board, b"\x7f") == b""
    assert said[0] == "reset (PIN): booting system memory"


def test_the_rom_does_not_listen_on_other_pins() -> None:
    board = board_with("b .")
    board.boot0 = True
    board.press_reset()
    start_rom(board)
    assert talk(board, b"\x7f", "console") == b""
    assert talk(board, b"\x7f", "rom") == ACK


def test_what_the_host_sends_while_the_rom_starts_is_lost() -> None:
    board = board_with("b .")
    board.boot0 = True
    board.press_reset()
    board.run(cycles=10)
    for _ in range(7):
        assert not board.rom_listens()
        assert talk(board, b"\x00\x7f", ms=10) == b""
    board.run_ms(10)
    assert board.rom_listens()
    assert talk(board, b"\x7f") == ACK


def in_rom(program: str) -> VirtualBoard:
    board = board_with(program)
    board.boot0 = True
    board.press_reset()
    board.boot0 = False
    start_rom(board)
    assert talk(board, b"\x7f") == ACK
    return board


def go(board: VirtualBoard, address: int) -> None:
    raw = address.to_bytes(4, "big")
    checksum = raw[0] ^ raw[1] ^ raw[2] ^ raw[3]
    assert talk(board, b"\x21\xde") == ACK
    assert talk(board, raw + bytes([checksum])) == ACK


def test_go_starts_the_application_as_the_rom_leaves_the_chip() -> None:
    board = in_rom("ldr r1, =0x40023830; ldr r0, [r1]; ldr r2, =SCS; ldr r2, [r2, #0xd08]; b .")
    go(board, 0x08000000)
    board.run(cycles=100)
    state = board.core.state()
    assert state.r[0] == 0  # AHB1ENR, 0x00100000 after a reset
    assert state.r[2] == 0  # VTOR
    assert state.msp == 0x20008000
    assert board.soc.syscfg.shown_at_zero == "SYSTEM"
    assert board.soc.read_memory(0x20000000, 4) == 0x5A5A5A5A  # the ROM used it


def test_the_application_may_come_back_after_go() -> None:
    board = in_rom(TO_ROM.format(last=""))
    go(board, 0x08000000)
    first = board.arrival
    board.run_ms(5)
    assert board.arrival is not first
    assert board.arrival
    # AHB1ENR is 0, as the ROM left it, and not what a reset makes of it
    assert [d.name for d in board.arrival.deviations] == ["RCC.AHB1ENR"]


def test_the_rom_sees_and_changes_the_flash_of_the_chip() -> None:
    board = in_rom("b .")
    assert talk(board, b"\x31\xce") == ACK
    assert talk(board, b"\x08\x01\x00\x00\x09") == ACK
    assert talk(board, b"\x03ABCD" + bytes([3 ^ 0x41 ^ 0x42 ^ 0x43 ^ 0x44]), ms=10) == ACK
    assert board.soc.read_memory(0x08010000, 4) == int.from_bytes(b"ABCD", "little")


def test_readout_protection_takes_effect_by_a_reset() -> None:
    board = in_rom("b .")
    board.wires["rom"].host.send(b"\x82\x7d")
    board.run_ms(10)
    assert board.soc.flash.get("OPTCR") >> 8 & 0xFF == 0x55
    assert board.rom is None
    assert board.soc.rcc.get("CSR") >> 28 & 1  # SFTRSTF


def test_sysresetreq_sets_its_flag() -> None:
    board = board_with(
        "ldr r0, =0x40023874; ldr r1, [r0]; ldr r2, =0x1000000; str r2, [r0];"
        "ldr r0, =0xE000ED0C; ldr r2, =0x05FA0004; str r2, [r0]; b ."
    )
    board.run(cycles=14)
    assert board.soc.rcc.get("CSR") >> 24 == 0x14


def test_a_watchdog_resets_even_a_locked_up_cpu() -> None:
    board = board_with(
        "ldr r0, =0x40003000; ldr r1, =0xCCCC; str r1, [r0]; ldr r0, =0xF0000000; ldr r1, [r0]\n"
        ".thumb_func\nhardfault: ldr r0, =0xF0000000; ldr r1, [r0]"
    )
    assert board.run_ms(400) is Stop.LOCKUP
    board.run_ms(200)  # 4096 * 4 / 32 kHz = 512 ms
    assert board.soc.rcc.get("CSR") >> 29 & 1


def test_code_in_ccm_faults() -> None:
    board = board_with("ldr r0, =0x10000001; bx r0")
    board.run(cycles=10)
    assert any("fetched from" in sentence for sentence in board.core.faults)


def test_code_behind_a_controller_that_is_reset_faults() -> None:
    """The program runs in PSRAM and resets the FMC: its next fetch finds nothing."""
    psram = boardfile.ExternalChip("nor", 1, 0x100000)
    board = VirtualBoard(replace(boardfile.load(BOARD), external=(psram,)))
    image, _ = assemble("""
        ldr r0, =0x40023838; movs r1, #1; str r1, [r0]      @ FMC clock
        ldr r0, =0x60000000
        ldr r1, =0xE7FE6019                                 @ str r1, [r3]; b .
        str r1, [r0]
        ldr r3, =0x40023818; movs r1, #1                    @ AHB3RSTR
        adds r0, #1; bx r0
    """)
    board.soc.flash.array.write(0, image)
    board.power_on()
    board.run(cycles=40)
    assert "fetched from where nothing is" in board.core.faults[0]
    assert "0x60000002" in board.core.faults[0]


# --- loading -----------------------------------------------------------------------------------


def test_flashing_erases_the_sectors_it_touches_and_no_other(tmp_path: Path) -> None:
    board = VirtualBoard.load(BOARD)
    board.soc.flash.array.fill(0, 0x40000, 0)
    (tmp_path / "a.bin").write_bytes(b"\x01" * 0x4001)
    board.flash(tmp_path / "a.bin")
    array = board.soc.flash.array
    assert array.read(0x4000, 3) == b"\x01\xff\xff"
    assert array.read(0x8000, 2) == b"\0\0"


def test_an_image_for_another_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(0x200001))
    with pytest.raises(ValueError, match="outside the flash of STM32F429xx"):
        VirtualBoard.load(BOARD, tmp_path / "a.bin")


def starts(share: float) -> list[bool]:
    """Which of ten starts of the ROM end in its reset of the chip, as `--rom-resets` has it."""
    found: list[bool] = []
    board = VirtualBoard.load(BOARD)
    board.boot0 = True
    reset_at_times(board, share)
    for _ in range(10):
        said: list[str] = []
        board.say = said.append
        board.press_reset()
        board.run_ms(77)  # not until it listens for the second time
        found.append("the ROM measured its crystal wrong, and resets the chip" in said)
        assert found[-1] != board.rom_listens()
    return found


def test_a_share_of_the_starts_of_the_rom_resets_the_chip() -> None:
    assert starts(0) == [False] * 10 and starts(1) == [True] * 10
    assert starts(0.5) == starts(0.5) and set(starts(0.5)) == {True, False}


def test_the_flash_file_keeps_the_flash(tmp_path: Path) -> None:
    file = tmp_path / "flash"
    board = VirtualBoard.load(BOARD, flash_file=file)
    board.soc.flash.array.write(0x1234, b"kept")
    board.close()
    assert VirtualBoard.load(BOARD, flash_file=file).soc.flash.array.read(0x1234, 4) == b"kept"


def test_an_unknown_board_is_refused_with_those_it_may_be() -> None:
    with pytest.raises(ValueError, match=r"no board PYBV99: did you mean .*PYBV11"):
        VirtualBoard.load("PYBV99")


def test_a_board_file_without_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "X.toml").write_text('name = "X"\n')
    with pytest.raises(ValueError, match=r"boards/X.toml has no mcu_name, chip"):
        boardfile.load("X", tmp_path)


def test_a_button_to_ground_is_not_pressed() -> None:
    board = VirtualBoard.load("NUCLEO_F446RE")
    board.soc.blocks["GPIOC"].set_clock(True)
    assert board.core.bus.load(0x40020810) == 1 << 13


def test_a_pin_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="has no pin PL1; pins are named as PA0"):
        VirtualBoard(replace(boardfile.load(BOARD), pulled_up=("PL1",)))


def test_one_cable_serves_prompt_and_rom_where_the_pins_are_equal() -> None:
    pyboard = VirtualBoard.load("PYBV11")
    assert pyboard.wires["rom"] is pyboard.wires["console"]
    nucleo = VirtualBoard.load(BOARD)
    assert nucleo.wires["rom"] is not nucleo.wires["console"]
    assert nucleo.wires["rom"].pins == "PB10/PB11"


def test_running_needs_to_know_how_long() -> None:
    with pytest.raises(ValueError, match="needs a limit"):
        VirtualBoard.load(BOARD).run()


def test_two_runs_are_the_same() -> None:
    def run() -> bytes:
        board = board_with(TO_ROM.format(last=""))
        board.run_ms(5)
        state = board.core.state()
        return struct.pack("<3Q", board.clock.now, board.core.instructions, state.pc)

    assert run() == run()


def test_the_rom_feeds_a_watchdog_that_runs() -> None:
    start = "ldr r0, =0x40003000; ldr r1, =0xCCCC; str r1, [r0]\n"
    board = board_with(start + TO_ROM.format(last=""))
    board.run_ms(2000)
    assert board.arrival and board.arrival.clean, board.arrival
    assert not board.soc.rcc.get("CSR") >> 29 & 1  # IWDGRSTF
    assert talk(board, b"\x7f") == ACK


def test_a_watchdog_ends_the_silence_of_a_rom_that_was_not_reached_cleanly() -> None:
    start = "ldr r0, =0x40003000; ldr r1, =0xCCCC; str r1, [r0]\n"
    board = board_with(start + TO_ROM.format(last="cpsid i"))
    said: list[str] = []
    board.say = said.append
    board.run_ms(600)
    assert "reset (IWDG): booting flash" in said


def test_an_image_for_external_flash_goes_there(tmp_path: Path) -> None:
    """Before anything can read it, as nothing has been set up yet."""
    image = tmp_path / "a.hex"
    image.write_text(":020000049000 6A\n:0400100001020304E2\n:00000001FF\n".replace(" ", ""))
    board = VirtualBoard.load("QSPI_F469", image, boards=TEST_BOARDS)
    (qspi,) = board.soc.map.externals
    assert qspi.memory.read(0x10, 4) == b"\1\2\3\4"
    assert not qspi.there


def test_what_a_firmware_did_by_itself_does_not_keep_the_rom_from_answering() -> None:
    """As the official NUCLEO_G474RE, whose clock is too fast. After the first byte it counts."""
    board = board_with("b .")
    said: list[str] = []
    board.say = said.append
    board.soc.violation("too fast")
    talk(board, b"a")
    board.soc.violation("too fast")
    assert (board.soc.violations, board.soc.accepted) == ([], ["too fast"])
    assert said == ["the firmware, by itself: too fast"]
    board.soc.violation("too slow")
    talk(board, b"b")
    assert board.soc.violations == ["too slow"]
