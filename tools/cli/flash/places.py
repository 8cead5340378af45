"""Where the boards are that are connected: serial ports, as pyserial lists them, and USB paths."""

from __future__ import annotations

from dataclasses import dataclass

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from ..errors import PORT_ERRORS, CliError
from ..prompt import why_not
from .codes import Code, FlashError

MICROPYTHON = 0xF055  # USBD_VID of MicroPython's stm32 port, usbd_desc.c
NO_FILE, NO_RIGHT = 2, 13  # ENOENT, EACCES


@dataclass(frozen=True)
class Place:
    """A board.

    device: the port of its prompt, None if it has none now.
    usb: the USB path that it is plugged in at, "1-2", if its prompt is by its own USB.
    """

    device: str | None
    usb: str | None = None


def place(device: str) -> Place:
    """The board with its prompt at this port."""
    for port in list_ports.comports():
        if port.device == device:
            return _place(port)
    return Place(device)


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


def check(port: str, option: str) -> None:
    """Open a port and close it.

    Raises:
        FlashError: it is not there, or may not be opened, or is none.
    """
    try:
        serial.serial_for_url(port).close()
    except PORT_ERRORS as error:
        number = getattr(error, "errno", None)
        code = {NO_FILE: Code.NO_BOARD, NO_RIGHT: Code.NO_RIGHT}.get(number or 0, Code.OTHER)
        raise FlashError(code, why_not(port, option)) from error


def several(found: list[str], options: str) -> CliError:
    """Which of these?"""
    lines = "".join(f"\n  {line}" for line in found)
    return FlashError(
        Code.SEVERAL, f"there are {len(found)} boards; name one with {options}:{lines}"
    )
