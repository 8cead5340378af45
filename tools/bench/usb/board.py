"""Virtual boards that run with a USB cable in them, for tests and for `romboot bench --usb`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from ctypes import CDLL
from dataclasses import dataclass

from ..board import VirtualBoard
from ..server import Server
from .bus import Bus
from .connector import Connector
from .faults import Faults
from .tree import LIBRARY

FIRST_PORT = 2  # of the hub


class UsbError(ValueError):
    """There can be no virtual USB here; the message says why and what to do."""


def check(board: VirtualBoard) -> None:
    """Raises UsbError if this machine cannot show USB devices, or the board's ROM has no USB."""
    if sys.platform != "linux":
        raise UsbError("virtual USB needs Linux: umockdev is a library for it")
    try:
        CDLL(LIBRARY)
    except OSError:
        raise UsbError(
            f"virtual USB needs {LIBRARY}: install the package umockdev of Debian or Ubuntu "
            "(`tools/setup/packages.sh usb` in a checkout does)"
        ) from None
    if "usb" not in board.chip.rom:
        raise UsbError(f"the ROM of the {board.chip.name} has no USB")


@dataclass
class UsbBoard:
    """A board that runs, in a USB bus.

    Attributes:
        server: runs the board.
        connector: its USB connector: which device it is now, cable, serial number.
        bus: where it is plugged in.
    """

    server: Server[VirtualBoard]
    connector: Connector
    bus: Bus

    @property
    def faults(self) -> Faults:
        """What goes wrong; may be changed at any time."""
        return self.connector.faults

    @property
    def path(self) -> str:
        """Its place on the bus, such as 1-2: what `dfu-util --path` takes."""
        return self.connector.path

    @property
    def serial(self) -> str:
        """The serial number of the application's device."""
        return self.connector.serial

    def environment(self) -> dict[str, str]:
        """All variables for a program that is to see the bus, and the real ones."""
        return {**os.environ, **self.bus.environment()}

    def port(self) -> str:
        """The serial port of the application, such as /dev/ttyACM0; "" if it is not there."""
        with self.server.paused():
            plugged = self.connector.plugged
            return f"/dev/{plugged.port.name}" if plugged and plugged.port else ""

    def is_rom(self) -> bool:
        """The DFU device is there."""
        with self.server.paused():
            plugged = self.connector.plugged
            return plugged is not None and plugged.port is None


@contextlib.contextmanager
def plugged_in(
    server: Server[VirtualBoard], bus: Bus, faults: Faults | None = None, port: int = FIRST_PORT
) -> Iterator[UsbBoard]:
    """Plug the board of a server into a port of the bus. The server must not have given the
    board's console a terminal: see `other_wires`. Raises UsbError."""
    check(server.board)
    connector = Connector(server, bus, f"1-{port}", faults or Faults())
    try:
        yield UsbBoard(server, connector, bus)
    finally:
        connector.close()


def other_wires(board: VirtualBoard) -> list[str]:
    """The wires that have terminals beside USB: all but the console."""
    console = board.wires["console"]
    return [name for name, wire in board.wires.items() if wire is not console]


@contextlib.contextmanager
def bus() -> Iterator[Bus]:
    """A bus with nothing in it."""
    made = Bus()
    try:
        yield made
    finally:
        made.close()
