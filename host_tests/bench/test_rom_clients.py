"""The bootloader over a real pty, spoken to by the real stm32loader and stm32flash."""

from __future__ import annotations

import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import serial
from stm32loader import bootloader as stm32loader
from stm32loader.bootloader import CommandError, Stm32Bootloader
from stm32loader.uart import SerialConnection

from host_tests.bench.plain_rom import F429ZI, PlainMemory
from tools.bench.rom import Bootloader, rdp_level
from tools.bench.wires import PtyEnd, Wire

FLASH, RAM = 0x0800_0000, 0x2000_3000
IMAGE = Random(3155).randbytes(20_000)  # sectors 0 and 1, and not a multiple of 256


class LiveRom:
    """A bootloader on a pty, served by a thread. BOOT0 is high: a reset starts it again."""

    def __init__(self) -> None:
        self.wire = Wire("rom")
        self.end = PtyEnd(self.wire)
        self.memory = PlainMemory()
        self.went: list[int] = []
        self.boots = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.boot()
        self._thread.start()

    def boot(self) -> None:
        self.boots += 1
        self.rom = Bootloader(F429ZI, self.memory, self.wire.to_host, self.went.append, self.boot)

    def _serve(self) -> None:
        while not self._over.is_set():
            select.select([self.end], [], [], 0.05)
            self.end.pump()
            self.rom.receive(self.wire.from_host())
            self.end.pump()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.end.close()


@pytest.fixture
def live() -> Iterator[LiveRom]:
    live = LiveRom()
    yield live
    live.close()


# --- stm32loader, the library --------------------------------------------------------------------


@pytest.fixture
def loader(live: LiveRom) -> Iterator[Stm32Bootloader]:
    connection = serial.Serial(live.end.path, 115200, timeout=5)
    loader = Stm32Bootloader(connection, verbosity=0, device_family="F4")
    loader.reset_from_system_memory()
    loader.get()
    yield loader
    connection.close()


def test_stm32loader_identifies(live: LiveRom, loader: Stm32Bootloader) -> None:
    live.memory.write(0x1FFF_7A10, bytes(range(12)))
    live.memory.write(0x1FFF_7A22, (2048).to_bytes(2, "little"))
    assert loader.get() == loader.get_version() == 0x31
    assert loader.extended_erase
    assert loader.get_id() == 0x419
    assert loader.get_flash_size_and_uid() == (2048, bytearray(range(12)))
    with pytest.raises(CommandError, match="NACK"):
        loader.get_uid()  # the address itself is refused: stm32loader's F4 detour is needed


def test_stm32loader_erases_writes_and_verifies(live: LiveRom, loader: Stm32Bootloader) -> None:
    live.memory.write(FLASH, b"old firmware")
    loader.erase_memory([0, 1])
    loader.write_memory_data(FLASH, IMAGE)
    loader.verify_data(loader.read_memory_data(FLASH, len(IMAGE)), IMAGE)
    assert live.memory.read(FLASH, len(IMAGE)) == IMAGE


def test_stm32loader_sees_what_was_not_erased(live: LiveRom, loader: Stm32Bootloader) -> None:
    live.memory.write(FLASH, bytes(64))
    loader.write_memory_data(FLASH, IMAGE[:64])
    with pytest.raises(stm32loader.DataMismatchError):
        loader.verify_data(loader.read_memory_data(FLASH, 64), IMAGE[:64])


def test_stm32loader_mass_erases(live: LiveRom, loader: Stm32Bootloader) -> None:
    live.memory.write(0x081F_FFF0, IMAGE[:16])
    loader.erase_memory()
    assert live.memory.read(0x081F_FFF0, 16) == b"\xff" * 16


def test_stm32loader_goes(live: LiveRom, loader: Stm32Bootloader) -> None:
    loader.go(FLASH)
    assert live.went == [FLASH]


def test_stm32loader_write_protects_and_unprotects(live: LiveRom, loader: Stm32Bootloader) -> None:
    loader.write_memory_data(FLASH, IMAGE[:256])
    loader.write_protect([0])
    loader.reset_from_system_memory()
    assert live.boots == 2
    loader.erase_memory([0])  # answered by ACK (AN3155 3.8)
    assert loader.read_memory(FLASH, 256) == IMAGE[:256]

    loader.write_unprotect()
    loader.reset_from_system_memory()
    loader.erase_memory([0])
    assert loader.read_memory(FLASH, 256) == b"\xff" * 256


def test_stm32loader_read_protects_and_unprotects(
    live: LiveRom, loader: Stm32Bootloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.write_memory_data(FLASH, IMAGE[:256])
    loader.readout_protect()
    loader.reset_from_system_memory()
    assert rdp_level(live.memory.options) == 1
    assert loader.get_id() == 0x419
    for refused in (
        lambda: loader.read_memory(FLASH, 4),
        lambda: loader.write_memory(RAM, b"abcd"),
        lambda: loader.erase_memory([0]),
        lambda: loader.go(FLASH),
        lambda: loader.write_unprotect(),
    ):
        with pytest.raises(CommandError):
            refused()

    monkeypatch.setattr(stm32loader.time, "sleep", lambda _s: None)  # 20 s for the mass erase
    loader.readout_unprotect()
    assert live.boots == 3
    assert loader.read_memory(FLASH, 256) == b"\xff" * 256


def test_a_second_client_finds_the_rom_awake(live: LiveRom, loader: Stm32Bootloader) -> None:
    # The first client closed without a reset: 0x7F is now half a command. stm32loader says so by
    # trying again after its timeout.
    loader.connection.timeout = 0.1
    loader.reset_from_system_memory()
    assert loader.get_id() == 0x419
    assert live.boots == 1


def test_stm32loader_with_its_own_connection(live: LiveRom) -> None:
    class Connection(SerialConnection):
        """Without DTR and RTS: a pty has none."""

        def enable_reset(self, enable: bool = True) -> None: ...
        def enable_boot0(self, enable: bool = True) -> None: ...

    connection = Connection(live.end.path, 115200, parity="N")
    connection.connect()
    loader = Stm32Bootloader(connection, verbosity=0, device_family="F4")
    loader.reset_from_system_memory()
    assert loader.get_id() == 0x419
    connection.disconnect()


# --- the command lines ---------------------------------------------------------------------------


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def stm32loader_cli(live: LiveRom, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        sys.executable, "-m", "tools.bench.loader", "--port", live.end.path, "-f", "F4", *arguments
    )


def stm32flash(live: LiveRom, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("stm32flash", "-m", "8n1", "-b", "115200", *arguments, live.end.path)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(IMAGE)
    return path


def test_stm32loader_command_line(live: LiveRom, image: Path) -> None:
    done = stm32loader_cli(live, "-e", "-w", "-v", "-g", "0x08000000", str(image))
    assert done.returncode == 0, done.stderr
    assert "Chip id: 0x419 (STM32F42xxx and STM32F43xxx)" in done.stderr
    assert "Verification OK" in done.stderr
    assert live.memory.read(FLASH, len(IMAGE)) == IMAGE
    assert live.went == [FLASH]


def test_stm32flash_identifies(live: LiveRom) -> None:
    done = stm32flash(live)
    assert done.returncode == 0, done.stderr
    assert "Version      : 0x31" in done.stdout
    assert "Device ID    : 0x0419 (STM32F42xxx/43xxx)" in done.stdout


def test_stm32flash_writes_verifies_and_goes(live: LiveRom, image: Path) -> None:
    live.memory.write(FLASH, b"old firmware")
    done = stm32flash(live, "-w", str(image), "-v", "-g", "0x0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert live.memory.read(FLASH, len(IMAGE)) == IMAGE
    assert live.went == [FLASH]


def test_stm32flash_reads(live: LiveRom, tmp_path: Path) -> None:
    live.memory.write(0x0801_0000, IMAGE)
    copy = tmp_path / "copy.bin"
    done = stm32flash(live, "-r", str(copy), "-S", f"0x08010000:{len(IMAGE)}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert copy.read_bytes() == IMAGE


def test_stm32flash_erases(live: LiveRom) -> None:
    live.memory.write(0x081F_FFF0, IMAGE[:16])
    done = stm32flash(live, "-o")
    assert done.returncode == 0, done.stdout + done.stderr
    assert live.memory.read(0x081F_FFF0, 16) == b"\xff" * 16


def test_stm32flash_protects_and_unprotects_reading(live: LiveRom, tmp_path: Path) -> None:
    live.memory.write(FLASH, IMAGE[:16])
    assert stm32flash(live, "-j").returncode == 0
    assert rdp_level(live.memory.options) == 1

    refused = stm32flash(live, "-r", str(tmp_path / "loot.bin"), "-S", "0x08000000:16")
    assert refused.returncode != 0
    assert "Got NACK from device on command 0x11" in refused.stderr

    live.boot()
    assert stm32flash(live, "-k").returncode == 0
    assert rdp_level(live.memory.options) == 0
    assert live.memory.read(FLASH, 16) == b"\xff" * 16


def test_stm32flash_unprotects_writing(live: LiveRom) -> None:
    live.memory.options.nwrp = 0
    assert stm32flash(live, "-u").returncode == 0
    assert live.memory.options.nwrp == 0xFF_FFFF


def test_stm32flash_resets_by_code_in_ram(live: LiveRom) -> None:
    # -R puts a vector table and a SYSRESETREQ sequence in RAM and sends Go.
    assert stm32flash(live, "-R").returncode == 0
    assert live.went == [RAM]
    assert int.from_bytes(live.memory.read(RAM + 4, 4), "little") == RAM + 9
