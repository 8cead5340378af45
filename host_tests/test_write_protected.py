"""What info() and plan() say of write protection and PCROP is what flashing then meets (RM0090
3.7.4, 3.7.5).

The ROM of an F4 acknowledges writes to protected sectors and drops them (adafruit/tinyuf2 issue
243: over DFU that looks like success, and the old firmware runs).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.target import ENTER, MANIFEST, VirtualTarget
from tools.firmware import build

BOARD = "NUCLEO_F429ZI"
PROTECTED = (0, 1, 2, 3, 12)  # 0x08000000 to 0x0800FFFF, and the first of bank 2
TOLD = {
    "nWRP": "write-protected: sectors 0-3 (0x08000000-0x0800FFFF), 12-12 (0x08100000-0x08103FFF)",
    "PCROP": "PCROP (FLASH_OPTCR.SPRMOD) is on: the ROM cannot read, write or erase the sectors",
}
SPRMOD = 1 << 31


@pytest.fixture
def target(kind: str) -> Iterator[VirtualTarget]:
    """A board with sectors under this protection, in its ROM; info() and plan() were asked."""
    with VirtualTarget.boot(BOARD, build(BOARD, frozen_manifest=MANIFEST)) as found:
        with found.server.paused() as board:
            flash, chosen = board.soc.flash, sum(1 << sector for sector in PROTECTED)
            flash.nwrp = ~chosen if kind == "nWRP" else chosen
            flash.store_options("OPTCR", SPRMOD, 0 if kind == "nWRP" else SPRMOD)
            for name, value in flash.stored_options.items():  # as a reset would load them
                flash.put(name, flash.get(name) & 3 | value & ~3)
        for call in ("info()", "print(romboot.plan())"):
            code = (
                f"import romboot; {call}" if "plan" in call else f"import romboot; romboot.{call}"
            )
            assert TOLD[kind] in found.ok("exec", code)
        found.ok("exec", ENTER)
        found.identify()
        yield found


@pytest.mark.parametrize(
    ("kind", "address", "protected"),
    [
        ("nWRP", 0x08000000, True),
        ("nWRP", 0x08100000, True),
        ("nWRP", 0x081E0000, False),
        ("PCROP", 0x08000000, True),
        ("PCROP", 0x08010000, False),
    ],
)
def test_writing_fails_where_it_was_said(
    kind: str, address: int, protected: bool, target: VirtualTarget, tmp_path: Path
) -> None:
    image = tmp_path / "image.bin"
    image.write_bytes(bytes(range(256)) * 4)
    done = subprocess.run(
        ["stm32flash", "-m", "8n1", "-w", image, "-v", "-S", hex(address), target.rom_port],
        capture_output=True,
        text=True,
        timeout=120,
    )
    with target.server.paused() as board:
        there = board.soc.flash.array.read(address - 0x08000000, 1024)
    assert (there == image.read_bytes()) != protected
    assert (done.returncode != 0) == protected, done.stdout + done.stderr
    assert ("Failed to verify" in done.stderr) == protected
