"""The USB connector of a virtual board: which device it is, and when.

While an application runs whose console is on, the board is MicroPython's device; its serial port
is a bridge to that console. While the ROM runs it is the DFU device. The host needs some time
after each change. If the host finds the DFU device before a byte comes over a serial line, the
ROM serves USB alone until a reset; if a byte comes first, USB goes (AN2606).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from ..blocks.usart import Usart
from ..board import VirtualBoard
from ..rom import Dfu, RomFacts
from ..rom.dfu import FIRST_BLOCK
from ..rom.dfu_codes import Request, State, Status
from ..rom_adapter import SocMemory, rom_facts
from ..server import Server
from .bus import Bus, Plugged
from .cdc_device import CdcDevice
from .device import Done, Setup, serial_number
from .dfu_device import DfuDevice, Filter
from .faults import Faults, Leave
from .twin import BlankMemory

MS = 1_000_000  # ns
LOOK_NS = 20 * MS  # between two looks whether the application's console is on
# USB 2.0 7.1.7.3: the hub waits 100 ms, resets the device for 10 ms or more, and waits 10 ms
ENUMERATION_NS = 120 * MS
READ_ONLY = 0o444
WORD = 4
TWIN_PATH = "1-13"


class Connector:
    """Plugs one board into a bus.

    Args:
        server: runs the board, and has no terminal on its console.
        bus: where it is plugged in.
        path: the place on the bus, such as "1-2".
        faults: what goes wrong.

    Attributes:
        plugged: the device that the host sees now.
        given_back: set it to let the program of `Faults.modem_manager_s` close the port.
    """

    def __init__(self, server: Server[VirtualBoard], bus: Bus, path: str, faults: Faults) -> None:
        self.faults = faults
        self.path = path
        self.plugged: Plugged | None = None
        self.given_back = threading.Event()
        self._server, self._bus, self._board = server, bus, server.board
        assert self._facts.usb
        self._console = cast(Usart, self._board.soc.blocks[self._board.board.console.usart])
        self._dice = random.Random(path)
        self._epoch = 0  # counts the changes: what was meant for an earlier one does not happen
        self._cable = True
        self._twin: Plugged | None = None
        self._blocks = self._downloaded = 0
        with server.paused():
            rom = self._board.in_system_memory
            rom.usb = self
            resets = rom.resets
            rom.resets = lambda: self._rom_resets() or resets()
            self.plug_cable()

    @property
    def _facts(self) -> RomFacts:
        """As the option bytes have the flash now."""
        return rom_facts(self._board.chip, two_banks=self._board.soc.flash.two_banks)

    @property
    def serial(self) -> str:
        """The serial number of the application's device."""
        return serial_number(unique_id(self._board))

    def close(self) -> None:
        """Take the board out of the bus, for good."""
        with self._server.paused() if not self._server.error else contextlib.nullcontext():
            self._board.in_system_memory.usb = None
            self._nothing()

    # --- what the chip does: `rom_run.Usb` ------------------------------------------------------

    def application_started(self) -> None:
        """The chip was reset, or the ROM has started an application."""
        self._nothing()
        self._later(LOOK_NS, self._look)

    def rom_entered(self) -> None:
        """The CPU is in system memory: no USB driver runs."""
        self._nothing()

    def rom_ready(self, dfu: Dfu) -> None:
        """The ROM has initialised USB."""
        self._nothing()
        if self._cable:
            assert self._facts.usb
            self._later(self._facts.usb.connect_ns, lambda: self._plug_rom(dfu))

    def rom_serves_serial(self) -> None:
        """A byte came over a serial line first."""
        self._nothing()

    # --- cable and power -----------------------------------------------------------------------

    def pull_cable(self) -> None:
        """Pull the cable; the board keeps its power. The board must stand still."""
        self._cable = False
        self._nothing()

    def plug_cable(self, *, power_cycle: bool = False) -> None:
        """Plug the cable in. With `power_cycle` the board has its power from there."""
        self._cable = True
        rom = self._board.in_system_memory
        if power_cycle:
            self._board.power_on()
        elif rom.dfu and rom.model and rom.model.listening:
            self.rom_ready(rom.dfu)
        elif not rom.occupied and not rom.arriving:
            self.application_started()

    # --- plugging in ---------------------------------------------------------------------------

    def _nothing(self) -> None:
        self._epoch += 1
        plugged, self.plugged = self.plugged, None
        if plugged:
            self._bus.unplug(plugged)
            if plugged.port:
                self._server.hang_up("console")
                self._board.wires["console"].clear()
        if self._twin:
            self._bus.unplug(self._twin)
            self._twin = None

    def _later(self, ns: int, fn: Callable[[], None]) -> None:
        epoch = self._epoch

        def then() -> None:
            if self._epoch == epoch:
                fn()

        self._board.clock.after(ns, then)

    def _look(self) -> None:
        if self._cable and self._console.sends:
            self._later(ENUMERATION_NS, self._plug_application)
        else:
            self._later(LOOK_NS, self._look)

    def _plug_application(self) -> None:
        self._board.wires["console"].clear()
        terminal = str(Path(self._server.open("console")).absolute())
        if self.faults.modem_manager_s:
            self.given_back = threading.Event()
            _take(terminal, self.faults.modem_manager_s, self.given_back)
        self.plugged = self._bus.plug(CdcDevice(self.serial), self.path, terminal)

    def _plug_rom(self, dfu: Dfu) -> None:
        self._board.in_system_memory.usb_serves()
        dfu.slowness, dfu.speed = self.faults.slow_erase, self._server.speed
        self._blocks = self._downloaded = 0
        mode = READ_ONLY if self.faults.no_permission else None
        device = self._dfu_device(dfu, lambda *request: self._spoil(dfu, *request))
        self.plugged = self._bus.plug(device, self.path, mode=mode)
        if self.faults.twin:
            blank = Dfu(self._facts, BlankMemory(self._facts), _nothing_to_do, _nothing_to_do)
            device = self._dfu_device(blank, lambda *_: False)
            self._twin = self._bus.plug(device, TWIN_PATH, mode=mode)

    def _dfu_device(self, dfu: Dfu, spoil: Filter) -> DfuDevice:
        usb = self._facts.usb
        assert usb
        serial = usb.serial or self.serial
        if usb.serial_changes:
            serial = self._dice.randbytes(6).hex().upper()
        return DfuDevice(usb, serial, dfu, self._server.paused, spoil)

    # --- faults --------------------------------------------------------------------------------

    def _rom_resets(self) -> bool:
        if self.faults.rom_resets <= 0:
            return False
        self.faults.rom_resets -= 1
        return True

    def _spoil(self, dfu: Dfu, setup: Setup, data: bytes, done: Done) -> bool:
        if setup.request == Request.DNLOAD and setup.value >= FIRST_BLOCK and data:
            return self._spoil_block(dfu, data, done)
        if setup.request == Request.GETSTATUS and dfu.state is State.MANIFEST_SYNC:
            return self._spoil_leave(dfu, done)
        return False

    def _spoil_block(self, dfu: Dfu, data: bytes, done: Done) -> bool:
        block, self._blocks = self._blocks, self._blocks + 1
        self._downloaded += len(data)
        if block == self.faults.stall_block:
            self._board.say(f"block {block} is stalled")
            dfu.refuse()
            done(None)
            return True
        limit = self.faults.pull_after
        if limit is not None and self._downloaded > limit:
            self._board.say(f"the cable is pulled after {self._downloaded - len(data)} bytes")
            self.pull_cable()
            return True
        return False

    def _spoil_leave(self, dfu: Dfu, done: Done) -> bool:
        match self.faults.leave:
            case Leave.USUAL:
                return False
            case Leave.GOES_FIRST:
                dfu.part()
            case Leave.STALLS:
                done(None)
                self._later(MS, dfu.part)
            case Leave.STAYS:
                done(bytes([Status.OK, 0, 0, 0, State.MANIFEST, 0]))
                dfu.stop()
                self._later(MS, self._nothing)
        return True


def _take(terminal: str, seconds: float, given_back: threading.Event) -> None:
    """Do what ModemManager does with a port that may be a modem's."""
    handle = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(handle, b"AT\r")

    def hold() -> None:
        given_back.wait(seconds)
        os.close(handle)

    threading.Thread(target=hold, daemon=True).start()


def unique_id(board: VirtualBoard) -> bytes:
    """The 12 bytes of the unique ID, as software reads them."""
    memory, factory = SocMemory(board.soc), board.chip.factory
    base = factory["uid"]
    return memory.read(base, 8) + memory.read(factory.get("uid_third_word", base + 8), WORD)


def _nothing_to_do(*_: object) -> None:
    pass
