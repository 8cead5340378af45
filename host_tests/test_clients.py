"""Real ROM clients at the other end: identify, read, erase, write, verify, Go, and the prompt."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from host_tests.target import ENTER, MANIFEST, Target
from tools.bench.image import flatten, load_image
from tools.cli.rom import serial_rom
from tools.cli.virtual.installed import Library
from tools.firmware import build

FLASH = 0x08000000
# The second differs in this alone: the ROM answers where the prompt was.
pytestmark = pytest.mark.boards(
    "NUCLEO_F429ZI", pytest.param("PYBV11", marks=pytest.mark.thorough)
)


@pytest.fixture
def image(request: pytest.FixtureRequest, board_name: str) -> Path:
    """Firmware to write: the one at --firmware, or the bench firmware with the library in it."""
    chosen: Path | None = request.config.getoption("--firmware")
    if chosen is None and board_name == "device":
        pytest.skip("what is to be written to a real board? say so with --firmware")
    return chosen or build(board_name, frozen_manifest=MANIFEST)


@pytest.fixture
def frozen(installed: Library | None) -> bool:
    """The library is part of that firmware."""
    return installed is None or installed.flash_file is None


def stm32flash(port: str, *words: str) -> str:
    """Run stm32flash; its output. -m 8n1 since a pseudo terminal knows no parity."""
    mode = ("-m", "8n1") if port.startswith("/dev/pts/") else ()
    done = subprocess.run(
        ["stm32flash", *mode, *words, port], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def enter(target: Target) -> str:
    """Into the ROM, until it answers; its port."""
    target.ok("exec", ENTER)
    target.identify()
    return target.rom_port


def talks_again(target: Target, frozen: bool) -> None:
    """The freshly written firmware has a prompt, and the library if it should be in it."""
    code = "import romboot; print(romboot.__version__)" if frozen else "print('0.1.0')"
    assert target.ok("exec", code).strip() == "0.1.0"


def test_stm32flash_identifies(ready: Target, board_name: str) -> None:
    output = stm32flash(enter(ready))
    assert "Version      : 0x31" in output
    assert {"NUCLEO_F429ZI": "0x0419", "PYBV11": "0x0413"}.get(board_name, "0x0") in output


def test_stm32flash_writes_verifies_and_starts(
    writable: Target, image: Path, frozen: bool, tmp_path: Path
) -> None:
    binary = tmp_path / "firmware.bin"
    binary.write_bytes(flatten(load_image(image))[1])
    output = stm32flash(enter(writable), "-w", str(binary), "-v", "-g", hex(FLASH))
    assert "(100.00%) Done" in output
    talks_again(writable, frozen)


def test_stm32loader_erases_writes_reads_and_starts(
    writable: Target, image: Path, frozen: bool
) -> None:
    data = flatten(load_image(image))[1]
    with serial_rom.connected(enter(writable)) as loader:
        loader.extended_erase_memory()
        assert set(loader.read_memory(FLASH, 256)) == {0xFF}
        serial_rom.write(loader, FLASH, data, lambda *_: None)
        assert serial_rom.read(loader, FLASH, len(data), lambda *_: None) == data
        loader.go(FLASH)
    talks_again(writable, frozen)
