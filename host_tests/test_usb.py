"""Over USB, with unmodified dfu-util, mpremote, pyserial, pyudev and pydfu."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import serial

from host_tests import pages
from host_tests.flash import fields
from host_tests.target import MANIFEST, ROOT, until
from host_tests.test_cli import ROMBOOT
from host_tests.usb import Done, Faults, UsbTarget, bus, linux, usb_board
from tools.bench import chip
from tools.bench.board import VirtualBoard
from tools.bench.image import flatten, load_image
from tools.bench.rom_adapter import rom_facts
from tools.bench.usb.board import UsbError, check
from tools.firmware import build, source_tree

pytestmark = linux
thorough = pytest.mark.thorough

FLASH, KIB = 0x0800_0000, 1024
# The exit code of dfu-util: 74 where the ROM does not answer when it leaves.
BOARDS = {
    "NUCLEO_F429ZI": 0,
    "PYBV11": 0,
    "NUCLEO_F767ZI": 0,
    "NUCLEO_H743ZI": 74,
    "NUCLEO_G0B1RE": 74,
    "NUCLEO_L476RG": 0,
}
FILES = range(0x4000, 0x2_0000)  # the file system of an F4, which new firmware makes at once
OPTIONS = "@Option Bytes  /0x1FFFC000/01*016 e"
OTP = "@OTP Memory /0x1FFF7800/01*512 e,01*016 e"
FEATURE = "@Device Feature/0xFFFF0000/01*004 e"
# What people have seen dfu-util list: of a PYBv1.0, of a LEIA board (STM32F439), of a Daisy Seed
# (STM32H750), of a BigClown core module (STM32L082) and, with less flash, of a bt.tn (STM32L151)
# and of a BigTreeTech EBB42 (STM32G0B1); of an Inertial Sense IMX-5 (STM32L452), a WeAct board
# (STM32G474), a flight controller (STM32F722) and, with the sizes that later ROMs say, of an
# STM32H7B3I-EVAL.
LISTED = {
    "PYBV11": (
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", OPTIONS, OTP, FEATURE,
    ),
    "NUCLEO_F429ZI": (
        "@Internal Flash  /0x08000000/"
        "04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg",
        "@Option Bytes  /0x1FFFC000/01*016 e/0x1FFEC000/01*016 e", OTP, FEATURE,
    ),
    "NUCLEO_F722ZE": (
        "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg",
        "@Option Bytes  /0x1FFF0000/01*048 e", "@OTP Memory /0x1FF07800/01*528e", FEATURE,
    ),
    "NUCLEO_H743ZI": (
        "@Internal Flash   /0x08000000/16*128Kg", "@Option Bytes   /0x5200201C/01*128 e",
    ),
    "NUCLEO_H7A3ZI_Q": (
        "@Internal Flash  /0x08000000/256*08Kg", "@Option Bytes  /0x1FF8000/01*128 e",
        "@OTP Memory  /0x1FF7000/01*1024 e",
    ),
    "NUCLEO_L152RE": (
        "@Internal Flash  /0x08000000/2048*256 g", "@Option Bytes  /0x1FF80000/01*032 e",
        "@DATA Memory /0x08080000/02*008Ke",
    ),
    "NUCLEO_L452RE": (
        "@Internal Flash  /0x08000000/0256*0002Kg", "@Option Bytes  /0x1FFF7800/01*040 e",
        "@OTP Memory /0x1FFF7000/01*0001Ke", FEATURE,
    ),
    "NUCLEO_G474RE": (
        "@Internal Flash   /0x08000000/256*02Kg",
        "@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e",
        "@OTP Memory   /0x1FFF7000/01*1024 e",
    ),
    "NUCLEO_G0B1RE": ("@Internal Flash   /0x08000000/256*02Kg",) * 3,
    "NUCLEO_L073RZ": (
        "@Internal Flash  /0x08000000/1536*128g", "@Option Bytes  /0x1FF80000/01*032 e",
        "@DATA Memory /0x08080000/2*3Ke",
    ),
}  # fmt: skip


@pytest.fixture
def rom() -> Iterator[UsbTarget]:
    """A PYBv1.1 in its ROM, with nothing in its flash."""
    with usb_board("PYBV11") as board:
        board.until_rom()
        yield board


def ok(done: Done) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def binary(image: Path, folder: Path) -> tuple[Path, bytes]:
    """The image as a .bin in one piece."""
    return written(flatten(load_image(image))[1], folder)


def written(data: bytes, folder: Path) -> tuple[Path, bytes]:
    path = folder / "firmware.bin"
    path.write_bytes(data)
    return path, data


def noise(size: int, folder: Path) -> tuple[Path, bytes]:
    return written(Random(3156).randbytes(size), folder)


def dfu_file(folder: Path, elements: dict[int, bytes]) -> Path:
    """A DfuSe file (UM0391): one image for alternate setting 0, its elements by address."""
    image = b"".join(struct.pack("<2I", at, len(data)) + data for at, data in elements.items())
    head = struct.pack("<6sBI255s2I", b"Target", 0, 0, b"", len(image), len(elements))
    body = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(head + image), 1) + head + image
    body += struct.pack("<4H3sB", 0, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    path = folder / "firmware.dfu"
    path.write_bytes(body + struct.pack("<I", ~zlib.crc32(body) & 0xFFFF_FFFF))
    return path


# --- the whole way -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",  # one with OTG, one with a full-speed device; an H7 is in flash/test_usb.py
    [
        pytest.param(n, marks=[] if n in ("NUCLEO_F429ZI", "NUCLEO_G0B1RE") else [thorough])
        for n in BOARDS
    ],
)
def test_from_the_prompt_into_the_rom_to_new_firmware_and_its_prompt(
    name: str, tmp_path: Path
) -> None:
    """The firmware that is there has the library, the new one has not."""
    path, data = binary(build(name), tmp_path)
    with usb_board(name, build(name, frozen_manifest=MANIFEST)) as board:
        ok(board.mpremote("exec", "import romboot"))
        with waiting(board, "-s", f"{FLASH:#x}:leave", "-D", str(path)) as dfu_util:
            board.enter()
            output, _ = dfu_util.communicate(timeout=250)
        assert dfu_util.returncode == BOARDS[name], output
        assert "File downloaded successfully" in output
        arrival = board.arrival()
        assert arrival and arrival.clean, str(arrival)
        for start, end in ((0, FILES.start), (FILES.stop, len(data))):
            assert board.flash(FLASH + start, end - start) == data[start:end]
        assert ok(board.mpremote("exec", "print(6 * 7)")) == "42\n"
        assert "ImportError" in board.mpremote("exec", "import romboot").stdout


def waiting(board: UsbTarget, *words: str) -> subprocess.Popen[str]:
    """dfu-util that waits for the board's ROM (--wait takes an argument in dfu-util 0.11)."""
    return subprocess.Popen(
        ["dfu-util", "-w", "--path", board.path, "-a", "0", *words],
        env=board.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_firmware_that_does_not_run_has_no_port(rom: UsbTarget, tmp_path: Path) -> None:
    """Its vectors are right, its first instruction branches to itself."""
    vectors = struct.pack("<2I", 0x2002_0000, FLASH + 9) + b"\xfe\xe7" * 4
    path, _ = written(vectors, tmp_path)
    ok(rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}:leave", "-D", str(path)))
    until(lambda: not rom.is_rom(), "the end of the DFU device")
    time.sleep(0.5)
    assert rom.port() == "" and not rom.is_rom()


# --- the ROM -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTED)
def test_the_alternate_settings(name: str) -> None:
    with usb_board(name) as board:
        board.until_rom()
        lines = ok(board.run("dfu-util", "-l")).splitlines()
    lines = [line for line in lines if line.startswith("Found DFU: [0483:df11]")]
    assert [line.split('"')[3] for line in reversed(lines)] == list(LISTED[name])
    assert all('path="1-2"' in line for line in lines)


def test_a_serial_number_that_changes() -> None:
    """That of an L496 does at each start of its ROM: it is no way to find a board again."""
    with usb_board("STM32L496GDISC") as board:
        seen: set[str] = set()
        for _ in range(3):
            board.until_rom()
            seen |= set(re.findall(r'serial="(\w+)"', ok(board.run("dfu-util", "-l"))))
            with board.server.paused() as inner:
                inner.press_reset()
    assert len(seen) == 3


@pytest.mark.parametrize("name", chip.names())
def test_the_memory_map_of_the_flash_is_that_of_the_chip(name: str) -> None:
    """Read as dfu-util reads it (DfuSe's file format, UM0424): runs of sectors, count*size."""
    die = chip.load(name)
    usb = rom_facts(die).usb
    if usb is None:
        assert "usb" not in die.rom
        return
    ((where, runs),) = re.findall(r"^@[^/]*/0x([0-9A-F]{8})/([^/]*)$", usb.alternates[0])
    at, found = int(where, 16), []
    for run in runs.split(","):
        ((count, size, unit),) = re.findall(r"^(\d+)\*(\d+)(K?) ?g$", run)
        for _ in range(int(count)):
            found.append((at, int(size) * (KIB if unit else 1)))
            at += found[-1][1]
    assert found == [(sector.base, sector.size) for sector in die.sectors()]


def test_download_and_upload(rom: UsbTarget, tmp_path: Path) -> None:
    """Neither size is a multiple of a block; what is not written stays as it is."""
    path, data = noise(50_001, tmp_path)
    ok(rom.dfu_util("-a", "0", "-s", f"{FLASH + 0x4000:#x}", "-D", str(path)))
    back = tmp_path / "back.bin"
    ok(rom.dfu_util("-a", "0", "-s", f"{FLASH + 0x4000:#x}:50001", "-U", str(back)))
    assert back.read_bytes() == data
    assert set(rom.flash(FLASH, 0x4000)) == {0xFF}


def test_only_the_sectors_of_a_dfu_file_are_erased(rom: UsbTarget, tmp_path: Path) -> None:
    files = bytes(range(256)) * 4
    with rom.server.paused() as board:
        board.soc.flash.array.write(0x4000, files)
    _, data = noise(30_000, tmp_path)
    pieces = {FLASH: data[:10_000], FLASH + 0x2_0000: data[10_000:]}
    ok(rom.dfu_util("-a", "0", "-D", str(dfu_file(tmp_path, pieces))))
    assert rom.flash(FLASH, 10_000) + rom.flash(FLASH + 0x2_0000, 20_000) == data
    assert rom.flash(FLASH + 0x4000, len(files)) == files


def test_mass_erase(rom: UsbTarget, tmp_path: Path) -> None:
    with rom.server.paused() as board:
        board.soc.flash.array.write(0xF_0000, bytes(1000))
    path, data = noise(1000, tmp_path)
    ok(rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}:mass-erase:force", "-D", str(path)))
    assert rom.flash(FLASH, 1000) == data
    assert set(rom.flash(FLASH + 0xF_0000, 1000)) == {0xFF}


def test_a_write_protected_sector_keeps_what_it_has(rom: UsbTarget, tmp_path: Path) -> None:
    """And dfu-util says that all went well (adafruit/tinyuf2, issue 243)."""
    with rom.server.paused() as board:
        board.soc.flash.nwrp &= ~1
    path, data = noise(20_000, tmp_path)
    output = ok(rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}", "-D", str(path)))
    assert "File downloaded successfully" in output
    assert set(rom.flash(FLASH, 0x4000)) == {0xFF}
    assert rom.flash(FLASH + 0x4000, 20_000 - 0x4000) == data[0x4000:]


def test_read_protection_ends_by_erasing_everything(rom: UsbTarget, tmp_path: Path) -> None:
    with rom.server.paused() as board:
        board.soc.flash.array.write(0, bytes(1000))
        board.soc.flash.rdp = 0x55
    path, _ = noise(1000, tmp_path)
    failed = rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}", "-D", str(path))
    assert failed.returncode != 0
    assert "ERASE_PAGE not correctly executed" in failed.stderr
    assert "VENDOR: read protection level 1 forbids to erase" in rom.said
    rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}:unprotect:force", "-D", str(path))
    rom.until_rom()
    with rom.server.paused() as board:
        assert board.soc.flash.rdp == 0xAA
    assert set(rom.flash(FLASH, 1000)) == {0xFF}
    ok(rom.dfu_util("-a", "0", "-s", f"{FLASH:#x}", "-D", str(path)))


def test_the_option_bytes(rom: UsbTarget, tmp_path: Path) -> None:
    """Writing them resets the chip, which is in its ROM again, since BOOT0 is high."""
    path = tmp_path / "options.bin"
    ok(rom.dfu_util("-a", "1", "-s", "0x1FFFC000:16", "-U", str(path)))
    options = bytearray(path.read_bytes())
    options[8] &= ~2
    path.write_bytes(options)
    rom.dfu_util("-a", "1", "-s", "0x1FFFC000:will-reset", "-D", str(path))
    rom.until_rom()
    with rom.server.paused() as board:
        assert board.soc.flash.nwrp & 0xFFF == 0xFFD
    assert sum("resets the system" in sentence for sentence in rom.said) == 1


def test_the_option_bytes_of_an_h7(tmp_path: Path) -> None:
    """They are seen in the registers of the flash: RDP is in bits 8 to 15 of FLASH_OPTSR_CUR."""
    path = tmp_path / "options.bin"
    with usb_board("NUCLEO_H743ZI") as board:
        board.until_rom()
        ok(board.dfu_util("-a", "1", "-s", "0x5200201C:128", "-U", str(path)))
    assert path.read_bytes()[1] == 0xAA


def test_the_data_eeprom_of_an_l0(tmp_path: Path) -> None:
    """It is written again without an erase."""
    where, back = 0x0808_0100, tmp_path / "back.bin"
    with usb_board("NUCLEO_L073RZ") as board:
        board.until_rom()
        for seed in (1, 2):
            path, data = written(Random(seed).randbytes(100), tmp_path)
            ok(board.dfu_util("-a", "2", "-s", f"{where:#x}", "-D", str(path)))
            ok(board.dfu_util("-a", "2", "-s", f"{where:#x}:100", "-U", str(back)))
            assert back.read_bytes() == data
            back.unlink()


def test_pydfu(rom: UsbTarget, tmp_path: Path) -> None:
    """MicroPython's own tool, with a mass erase first."""
    _, data = noise(30_000, tmp_path)
    path = dfu_file(tmp_path, {FLASH: data})
    tool = source_tree() / "tools" / "pydfu.py"
    ok(rom.run(sys.executable, str(tool), "--mass-erase", "--upload", str(path)))
    assert rom.flash(FLASH, 30_000) == data
    until(lambda: not rom.is_rom(), "the end of the DFU device")


# --- one interface only ------------------------------------------------------------------------


def test_a_host_on_usb_makes_serial_lines_silent(tmp_path: Path) -> None:
    with usb_board("NUCLEO_F429ZI") as board:
        board.until_rom()
        with serial.Serial(board.server.ports["rom"], 115200, timeout=0.3) as port:
            port.write(b"\x7f")
            assert port.read(1) == b""
        path = str(tmp_path / "read.bin")
        ok(board.dfu_util("-a", "0", "-s", f"{FLASH:#x}:16", "-U", path))


def test_a_byte_on_a_serial_line_makes_usb_silent() -> None:
    with usb_board("NUCLEO_F429ZI") as board:
        with board.server.paused() as inner:
            board.connector.pull_cable()
            inner.press_reset()
        with serial.Serial(board.server.ports["rom"], 115200, timeout=0.3) as port:
            until(board.server.board.rom_listens, "the ROM")
            port.write(b"\x7f")
            assert port.read(1) == b"\x79"
            with board.server.paused():
                board.connector.plug_cable()
            time.sleep(0.3)
            assert not board.is_rom()
            port.write(b"\x02\xfd")
            assert port.read(5) == b"\x79\x01\x04\x19\x79"


def test_a_rom_without_usb_is_refused() -> None:
    board = VirtualBoard.load("PYBV11")
    rom = {key: value for key, value in board.chip.rom.items() if key != "usb"}
    board.chip = dataclasses.replace(board.chip, rom=rom)
    with pytest.raises(UsbError, match="the ROM of the STM32F405xx has no USB"):
        check(board)


# --- what programs see -------------------------------------------------------------------------

WATCH = """
import pyudev
monitor = pyudev.Monitor.from_netlink(pyudev.Context())
monitor.filter_by("usb", "usb_device")
monitor.filter_by("tty")
monitor.start()
print("listening", flush=True)
while True:
    device = monitor.poll(20)
    print(device.action, device.subsystem, device.device_node, device.sys_name, flush=True)
"""
HOLD = """
import serial
port = serial.Serial("/dev/ttyACM0", timeout=20)
print("open", flush=True)
try:
    while port.read(100):
        pass
except serial.SerialException:
    print("gone", flush=True)
"""
COMPORTS = """
from serial.tools.list_ports import comports
for port in comports():
    print(port.device, port.location, port.serial_number, f"{port.vid:04x}:{port.pid:04x}")
"""


def start(board: UsbTarget, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script], env=board.environment(), stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_port_that_goes_while_it_is_open_and_the_events_of_it() -> None:
    with usb_board("PYBV11", build("PYBV11")) as board:
        board.until_application()
        where = ok(board.run(sys.executable, "-c", COMPORTS)).split()
        assert where == ["/dev/ttyACM0", "1-2:1.1", board.serial, "f055:9800"]
        with start(board, WATCH) as events, start(board, HOLD) as port:
            assert line(events) == "listening" and line(port) == "open"
            with board.server.paused() as inner:
                inner.boot0 = True
                inner.press_reset()
            assert line(port) == "gone"
            assert line(events) == "remove tty /dev/ttyACM0 ttyACM0"
            assert line(events) == "remove usb /dev/bus/usb/001/002 1-2"
            assert line(events) == "add usb /dev/bus/usb/001/003 1-2"
            events.kill()


# --- several boards ----------------------------------------------------------------------------


def test_several_boards(tmp_path: Path) -> None:
    """Two that differ in nothing but their number; two programs wait for them at once."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    image = build("PYBV11", frozen_manifest=MANIFEST)
    files = [written(bytes([n]) * 5000, folder) for n, folder in ((1, first), (2, second))]
    with (
        bus() as where,
        usb_board("PYBV11", image, in_bus=where, port=2) as one,
        usb_board("PYBV11", image, in_bus=where, port=3, unit=1) as two,
    ):
        one.until_application()
        two.until_application()
        assert one.port() != two.port() and one.serial != two.serial
        command = ["-s", f"{FLASH + 0x4_0000:#x}", "-D"]
        with (
            waiting(one, *command, str(files[0][0])) as at_one,
            waiting(two, *command, str(files[1][0])) as at_two,
        ):
            two.enter()
            assert not one.is_rom()
            one.enter()
            outputs = [process.communicate(timeout=250)[0] for process in (at_one, at_two)]
        assert all("File downloaded successfully" in output for output in outputs), outputs
        assert one.flash(FLASH + 0x4_0000, 5000) == files[0][1]
        assert two.flash(FLASH + 0x4_0000, 5000) == files[1][1]


# --- romboot on USB ----------------------------------------------------------------------------


def test_romboot_enter() -> None:
    """A ROM that resets the chip is entered again; success is a DFU device where the board was,
    and not one that comes elsewhere."""
    with usb_board("PYBV11", build("PYBV11"), Faults(rom_resets=1, twin=True)) as board:
        words = ["enter", "--device", board.until_application(), "--json"]
        done = board.run(*ROMBOOT, *words)
        assert done.returncode == 0, done.stderr
        assert "0483:df11 (STM32  BOOTLOADER) at USB 1-2" in done.stdout
        assert "try 1 of 10: /dev/ttyACM0 went, and is back" in done.stdout
        fields.check(map(json.loads, done.stdout.splitlines()), "enter")
        arrival = board.arrival()
        assert board.is_rom() and arrival and arrival.clean, str(arrival)


# --- romboot bench --usb -----------------------------------------------------------------------


def test_the_bench_with_usb() -> None:
    """As docs/virtual-board.md says; the directory is another one each time."""
    (block,) = (block for block in pages.blocks("sh") if "--usb" in block)
    bench_line, enter_line, tool_line = block.splitlines()
    command = [*ROMBOOT, *bench_line.split()[1:], "--usb-fault", "twin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as bench:
        lines = list(iter(lambda: line(bench), "What goes wrong: twin=True"))
        (said,) = [text.removesuffix(" COMMAND") for text in lines if text.startswith("env ")]
        root = Path(said.partition("UMOCKDEV_DIR=")[2])
        shown = said.replace(str(root), "/tmp/romboot-XXXXXXXX/0")
        assert enter_line.startswith(shown) and tool_line.startswith(shown)
        until(lambda: (root / "dev/ttyACM0").is_symlink(), "the serial port")
        for tool, found in (
            ([sys.executable, "-c", COMPORTS], "/dev/ttyACM0 1-2:1.1"),
            ([*ROMBOOT, *enter_line.split("romboot ")[-1].split()], "ROM          USB DFU device"),
            (tool_line.removeprefix(shown).split(), "Found DFU: [0483:df11]"),
        ):
            seen = subprocess.run([*said.split(), *tool], capture_output=True, text=True, cwd=ROOT)
            assert found in seen.stdout, seen.stderr
        bench.send_signal(signal.SIGINT)
        assert bench.wait(20) == 0
    assert not root.exists()


def test_a_wrong_fault() -> None:
    command = [*ROMBOOT, "bench", "PYBV11", "--usb", "--usb-fault", "fire"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("romboot: fire is no fault of USB: there are rom-resets=COUNT")
