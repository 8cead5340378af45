"""Where the boards are that are connected: serial ports, as pyserial lists them, and USB paths."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from ..errors import PORT_ERRORS, CliError, Code, port_error
from ..prompt import why_not

MICROPYTHON = 0xF055  # USBD_VID of MicroPython's stm32 port, usbd_desc.c
HELD_S = 4.0


@dataclass(frozen=True)
class Place:
    """A board.

    device: the port of its prompt, None if it has none now.
    usb: the USB path that it is plugged in at, "1-2", if it is there by its own USB.
    """

    device: str | None
    usb: str | None = None

    def __str__(self) -> str:
        return f"{self.device}, USB {self.usb}" if self.usb else str(self.device)


def place(device: str) -> Place:
    """The board with its prompt at this port."""
    for port in list_ports.comports():
        if port.device == device:
            return _place(port)
    return Place(device)


def device_at(usb: str) -> str | None:
    """The port of the prompt of the board at this USB path, if there is one now."""
    found = (_place(port) for port in sorted(list_ports.comports()) if port.vid is not None)
    return next((place.device for place in found if place.usb == usb), None)


def find(besides: str | None) -> list[Place]:
    """The boards that may be at a prompt. besides: a port that is none.

    A port of a USB device of MicroPython is one; without any of these, so is each USB port.
    """
    ports = [p for p in sorted(list_ports.comports()) if p.vid is not None and p.device != besides]
    own = [p for p in ports if p.vid == MICROPYTHON]
    return [_place(port) for port in own or ports]


def _place(port: ListPortInfo) -> Place:
    own = port.vid == MICROPYTHON and port.location
    # pyserial adds the interface to some locations: 1-2:1.1
    return Place(port.device, str(port.location).partition(":")[0] if own else None)


def is_there(port: str) -> bool:
    """It can be opened, or is at least there."""
    try:
        check(port, "--device")
    except CliError as error:
        return error.code != Code.NO_BOARD
    return True


def check(port: str, option: str) -> None:
    """Open a port and close it. A program like ModemManager that holds it may let go soon.

    Raises:
        CliError: it is not there, or may not be opened, or is none.
    """
    end = time.monotonic() + HELD_S
    while (error := _why_closed(port)) and _code(error) == Code.HELD and time.monotonic() < end:
        time.sleep(0.1)
    if error is None:
        return
    code = _code(error)
    if code == Code.HELD:
        names = ", ".join(holders(port)) or "another program"
        raise CliError(f"{port} is held by {names}: end that, then try again", code) from error
    raise CliError(why_not(port, option), code) from error


def _why_closed(port: str) -> Exception | None:
    try:
        serial.serial_for_url(port, exclusive=True).close()
    except PORT_ERRORS as error:
        return error
    return None


def _code(error: Exception) -> Code:
    number = port_error(error)
    if number == errno.ENOENT:
        return Code.NO_BOARD
    if number in (errno.EAGAIN, errno.EBUSY) or (
        number == errno.EACCES and sys.platform == "win32"
    ):
        return Code.HELD
    return Code.NO_RIGHT if number == errno.EACCES else Code.OTHER


def holders(port: str) -> list[str]:
    """Programs that have a port open, as far as Linux lets this user see them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of another user, or gone meanwhile
            handles = [handle.readlink() for handle in (process / "fd").iterdir()]
            if process.name != str(os.getpid()) and Path(port).resolve() in handles:
                name = (process / "comm").read_text().strip()
                found.append(f"{name} (process {process.name})")
    return sorted(set(found))
