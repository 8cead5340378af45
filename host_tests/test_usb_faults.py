"""What goes wrong on USB, as dfu-util and mpremote tell it, and what becomes of the board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest

from host_tests.target import MANIFEST, until
from host_tests.usb import Done, UsbTarget, linux, usb_board
from tools.bench.image import flatten, load_image
from tools.bench.usb.faults import Faults, Leave
from tools.firmware import build

pytestmark = linux

BOARD, FLASH = "PYBV11", 0x0800_0000
EXIT_IO = 74  # EX_IOERR of dfu-util
SIZE = 40_000


@pytest.fixture
def rom() -> Iterator[UsbTarget]:
    """A board in its ROM, with nothing in its flash and faults to be chosen."""
    with usb_board(BOARD) as board:
        board.until_rom()
        yield board


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "noise.bin"
    path.write_bytes(Random(3156).randbytes(SIZE))
    return path


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(flatten(load_image(build(BOARD)))[1])
    return path


def download(rom: UsbTarget, path: Path, *, leave: bool = False, **how: bool) -> Done:
    where = f"{FLASH:#x}:leave" if leave else f"{FLASH:#x}"
    return rom.dfu_util("-a", "0", "-s", where, "-D", str(path), **how)


@pytest.mark.parametrize("how", [Leave.GOES_FIRST, Leave.STALLS])
def test_a_rom_that_does_not_answer_when_it_leaves(
    rom: UsbTarget, firmware: Path, how: Leave
) -> None:
    """dfu-util fails, and the new firmware runs."""
    rom.faults.leave = how
    done = download(rom, firmware, leave=True)
    assert done.returncode == EXIT_IO
    assert "Submitting leave request" in done.stdout
    assert "Error during download get_status" in done.stderr
    assert rom.mpremote("exec", "print(6 * 7)").stdout == "42\n"


def test_a_rom_that_leaves_and_does_not_start_the_application(
    rom: UsbTarget, firmware: Path
) -> None:
    """dfu-util succeeds, and nothing comes until a reset."""
    rom.faults.leave = Leave.STAYS
    assert download(rom, firmware, leave=True).returncode == 0
    until(lambda: not rom.is_rom(), "the end of the DFU device")
    with rom.server.paused() as board:
        board.run_ms(3000)
        assert board.in_system_memory.occupied
        board.boot0 = False
        board.press_reset()
    assert rom.mpremote("exec", "print(6 * 7)").stdout == "42\n"


def test_a_stall(rom: UsbTarget, image: Path) -> None:
    rom.faults.stall_block = 5
    done = download(rom, image)
    assert done.returncode == EXIT_IO and "LIBUSB_ERROR_PIPE" in done.stderr
    assert rom.flash(FLASH, 5 * 2048) == image.read_bytes()[: 5 * 2048]
    assert set(rom.flash(FLASH + 5 * 2048, 2048)) == {0xFF}
    rom.faults.stall_block = None
    assert download(rom, image).returncode == 0
    assert rom.flash(FLASH, SIZE) == image.read_bytes()


def test_a_slow_erase(rom: UsbTarget, image: Path) -> None:
    """An answer that comes long after the poll time is waited for."""
    rom.faults.slow_erase = 20
    assert download(rom, image).returncode == 0


def test_a_cable_that_is_pulled(rom: UsbTarget, image: Path) -> None:
    """The board keeps its power, so its ROM is there again."""
    rom.faults.pull_after = SIZE * 60 // 100
    done = download(rom, image)
    assert done.returncode == EXIT_IO and "LIBUSB_ERROR_NO_DEVICE" in done.stderr
    assert not rom.is_rom()
    rom.faults.pull_after = None
    with rom.server.paused():
        rom.connector.plug_cable()
    rom.until_rom()
    assert download(rom, image).returncode == 0
    assert rom.flash(FLASH, SIZE) == image.read_bytes()


def test_a_cable_that_has_brought_the_power(image: Path) -> None:
    with usb_board(BOARD, build(BOARD)) as board:
        board.until_application()
        with board.server.paused():
            board.connector.pull_cable()
        assert board.port() == ""
        with board.server.paused() as inner:
            board.connector.plug_cable(power_cycle=True)
            assert inner.clock.now > 0
        assert board.mpremote("exec", "print(6 * 7)").stdout == "42\n"


def test_no_permission(rom: UsbTarget, image: Path) -> None:
    with rom.server.paused() as board:
        rom.faults.no_permission = True
        board.press_reset()
    rom.until_rom()
    done = download(rom, image, privileged=False)
    assert done.returncode == EXIT_IO and "LIBUSB_ERROR_ACCESS" in done.stderr


def test_a_second_device_with_the_same_serial_number(image: Path) -> None:
    with usb_board(BOARD, faults=Faults(twin=True)) as rom:
        rom.until_rom()
        words = ("-a", "0", "-s", f"{FLASH:#x}", "-D", str(image))
        done = rom.run("dfu-util", "--serial", rom.serial, *words)
        assert done.returncode == EXIT_IO
        assert "More than one DFU capable USB device found" in done.stderr
        assert rom.dfu_util(*words).returncode == 0
        assert rom.flash(FLASH, SIZE) == image.read_bytes()
        other = rom.run("dfu-util", "--path", "1-13", *words)
        assert other.returncode == 0, other.stderr


def test_a_program_that_takes_each_new_port() -> None:
    with usb_board(BOARD, build(BOARD), Faults(modem_manager_s=60)) as board:
        done = board.mpremote("exec", "print(6 * 7)")
        assert done.returncode == 1
        assert "failed to access /dev/ttyACM0 (it may be in use by another program)" in done.stderr
        board.connector.given_back.set()

        def answers() -> bool:
            return board.mpremote("exec", "print(6 * 7)").stdout == "42\n"

        until(answers, "the prompt")


def test_a_rom_that_resets_the_chip() -> None:
    image = build(BOARD, frozen_manifest=MANIFEST)
    with usb_board(BOARD, image, Faults(rom_resets=1)) as board:
        enter = "from romboot import enter_bootloader; enter_bootloader(after_ms=100)"
        assert board.mpremote("exec", enter).returncode == 0
        until(lambda: not board.port(), "the end of the serial port")
        board.until_application()
        assert "the ROM measured its crystal wrong, and resets the chip" in board.said
        board.enter()


def test_a_seed_chooses_a_fault() -> None:
    """The same one each time, and with enough of them every one."""
    chosen = [Faults.one_of_them(seed) for seed in range(100)]
    assert chosen == [Faults.one_of_them(seed) for seed in range(100)]
    plain = Faults()
    different = [
        {f.name for f in fields(Faults) if getattr(one, f.name) != getattr(plain, f.name)}
        for one in chosen
    ]
    assert all(len(names) == 1 for names in different)
    assert set().union(*different) == {field.name for field in fields(Faults)}


def test_faults_from_a_command_line() -> None:
    faults = Faults.parse(["leave=goes-first", "pull-after=1000", "twin"])
    assert faults == Faults(leave=Leave.GOES_FIRST, pull_after=1000, twin=True)
    assert str(faults) == "leave=goes-first, pull-after=1000, twin=True"
    assert Faults.parse(["seed=7"]) == Faults.one_of_them(7)
    with pytest.raises(ValueError, match="leave=never is no fault of USB"):
        Faults.parse(["leave=never"])
