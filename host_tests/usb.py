"""Virtual boards with a USB cable, for tests: `usb_board`, and programs that see them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from host_tests.target import ENTER, ROOT, SPEED, until
from tools.bench.board import VirtualBoard
from tools.bench.rom_run import Arrival
from tools.bench.server import running
from tools.bench.usb.board import (
    UsbBoard,
    bus,
    other_wires,
    plugged_in,
)
from tools.bench.usb.bus import Bus
from tools.bench.usb.connector import unique_id
from tools.bench.usb.faults import Faults

__all__ = ["Faults", "UsbTarget", "bus", "linux", "usb_board"]

linux = pytest.mark.skipif(sys.platform != "linux", reason="umockdev is a library for Linux")
"""For the modules whose tests need USB."""

MPREMOTE = [sys.executable, "-m", "mpremote"]
PYTHON = [sys.executable, "-c"]
CAPABILITIES = "-dac_override,-dac_read_search"  # with which root opens what it may not
Done = subprocess.CompletedProcess[str]


@dataclass
class UsbTarget(UsbBoard):
    """A board in a USB bus, and programs that see it.

    `environment()` has the variables for programs that a test starts itself; ask once for each
    of those that run at the same time.
    """

    said: list[str]

    def run(self, *command: str, timeout: float = 60, privileged: bool = True) -> Done:
        """A program that sees the bus. `privileged` as False: root, too, is an ordinary user."""
        words = list(command) if privileged else without_privileges(list(command))
        return subprocess.run(
            words,
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def dfu_util(self, *words: str, **how: bool) -> Done:
        """`dfu-util WORDS...` on this board alone."""
        return self.run("dfu-util", "--path", self.path, *words, **how)

    def mpremote(self, *words: str) -> Done:
        """`mpremote connect PORT WORDS...`."""
        return self.run(*MPREMOTE, "connect", self.until_application(), *words)

    def enter(self) -> None:
        """From the prompt into the ROM, by the library that is frozen in."""
        done = self.mpremote("exec", ENTER)
        assert done.returncode == 0, done.stdout + done.stderr
        self.until_rom()

    def until_application(self) -> str:
        """Wait for the application's serial port, such as /dev/ttyACM0."""
        until(self.port, "the serial port of the application")
        return self.port()

    def until_rom(self) -> None:
        """Wait for the DFU device."""
        until(self.is_rom, "the DFU device")

    def arrival(self) -> Arrival | None:
        """How the ROM found the chip."""
        with self.server.paused() as board:
            return board.arrival

    def flash(self, address: int, length: int) -> bytes:
        """What is in the flash."""
        with self.server.paused() as board:
            return board.soc.flash.array.read(address - board.soc.flash.base_address, length)


@contextlib.contextmanager
def usb_board(
    name: str,
    image: Path | None = None,
    faults: Faults | None = None,
    *,
    in_bus: Bus | None = None,
    port: int = 2,
    unit: int = 0,
) -> Iterator[UsbTarget]:
    """A virtual board that runs, plugged into a USB bus.

    Args:
        name: a file of boards/.
        image: its firmware; None: its flash is blank and its ROM starts.
        faults: what goes wrong; may be changed later, in `faults` of the board.
        in_bus: a bus that other boards are in too; else it has one of its own.
        port: where on the bus: 2 is the path 1-2.
        unit: boards of different numbers have different unique IDs and serial numbers.
    """
    board = VirtualBoard.load(name, image)
    give_unit_number(board, unit)
    if image is None:
        board.boot0 = True
        board.press_reset()
    said: list[str] = []
    board.say = said.append
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            running(
                board,
                speed=SPEED,
                wires=other_wires(board),
                fast_while=VirtualBoard.rom_listens,
            )
        )
        where = in_bus or stack.enter_context(bus())
        plugged = stack.enter_context(plugged_in(server, where, faults, port))
        yield UsbTarget(plugged.server, plugged.connector, plugged.bus, said)


def give_unit_number(board: VirtualBoard, unit: int) -> None:
    """Make the unique ID of a board another one: all virtual boards are of one piece."""
    base = board.chip.factory["uid"]
    uid = bytearray(unique_id(board)[:4])
    uid[0] = uid[0] + unit & 0xFF
    board.soc.map.write(base, bytes(uid))


def without_privileges(command: list[str]) -> list[str]:
    """The command such that root, too, may not open what only other rights allow."""
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv") or "setpriv"
    return [setpriv, f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", *command]
