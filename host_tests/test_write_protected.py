"""What info() and plan() say of write protection and PCROP is what flashing then meets (RM0090
3.7.4, 3.7.5).

The ROM of an F4 acknowledges writes to protected sectors and drops them (adafruit/tinyuf2 issue
243: over DFU that looks like success, and the old firmware runs).
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stm32loader.bootloader import CommandError

from host_tests.target import ENTER, MANIFEST, VirtualTarget
from tools.bench.board import VirtualBoard
from tools.bench.server import running
from tools.cli.rom import serial_rom
from tools.cli.virtual import firmware
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


@dataclass(frozen=True)
class Under:
    """Option bytes, as their registers show them, with the page at `at` under PCROP, and not the
    one at `free`."""

    options: dict[str, int]
    at: int
    free: int


UNDER_PCROP = {
    "NUCLEO_F722ZE": Under({"OPTCR2": 1 << 1}, 0x08004000, 0x08000000),
    "NUCLEO_G0B1RE": Under({"PCROP2BSR": 8, "PCROP2BER": 9}, 0x08041000, 0x08042000),
    "NUCLEO_G474RE": Under({"PCROP1SR": 256, "PCROP1ER": 300}, 0x08000800, 0x08001000),
    "NUCLEO_L073RZ": Under({"OPTR": 1 << 8, "WRPR": 1 << 1}, 0x08001000, 0x08002000),
    "NUCLEO_L152RE": Under({"OBR": 1 << 8, "WRPR1": 1 << 1}, 0x08001000, 0x08002000),
    "NUCLEO_L476RG": Under({"PCROP2SR": 256, "PCROP2ER": 511}, 0x08080800, 0x08081000),
    "NUCLEO_WB55": Under({"PCROP1ASR": 2, "PCROP1AER": 2}, 0x08001000, 0x08000000),
    "NUCLEO_WL55": Under({"PCROP1BSR": 3, "PCROP1BER": 3}, 0x08000800, 0x08001000),
    "NUCLEO_H743ZI": Under({"PRAR_CUR2": 0x03FF0200}, 0x08120000, 0x08140000),
}


@pytest.mark.parametrize("name", UNDER_PCROP)
def test_what_the_tables_take_for_pcrop_the_rom_cannot_write(name: str) -> None:
    """Each family that has it, F4 above. The ROM of a chip that BOOT0 started."""
    under, (family, die) = UNDER_PCROP[name], firmware.die(name)
    board = VirtualBoard.load(name)
    flash = board.soc.flash
    assert family.pcrop
    whole = 0xFFFFFFFF if family.pcrop.areas else 0
    for changed in (False, True):
        for register, value in under.options.items() if changed else ():
            flash.store_options(register, whole or value, value)
        flash.reset()
        words = {r.address: flash.get(r.name.partition(".")[2]) for r in family.pcrop.read(die)}
        assert family.pcrop.is_on(die, words) == changed
    board.boot0 = True
    board.press_reset()
    with (
        running(board, speed=20, fast_while=VirtualBoard.rom_listens) as server,
        serial_rom.connected(server.ports["rom"]) as loader,
    ):
        data = bytes(range(1, 65))
        for address in (under.at, under.free):
            with contextlib.suppress(CommandError):
                loader.write_memory(address, data)
        with server.paused():
            there = [flash.array.read(at - 0x08000000, 64) for at in (under.at, under.free)]
    assert [each == data for each in there] == [False, True]
