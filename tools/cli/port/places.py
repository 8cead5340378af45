"""Where the boards are that are connected: serial ports, as pyserial lists them, and USB paths."""

from __future__ import annotations

from dataclasses import dataclass

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

MICROPYTHON = 0xF055  # USBD_VID of MicroPython's stm32 port, usbd_desc.c


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
