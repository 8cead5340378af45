"""A USB device as a host sees it: descriptors, and requests on endpoint 0 (USB 2.0, chapter 9)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

Done = Callable[[bytes | None], None]
"""Takes the answer, b"" for a request without one, None for a stall. It may never be called."""

CLASS_REQUEST = 0x20
TYPE = 0x60  # of bmRequestType
TO_HOST = 0x80
ENGLISH = b"\x04\x03\x09\x04"  # the languages of the strings
HEADER = 9  # bytes of a configuration descriptor


class Standard(IntEnum):
    """bRequest, USB 2.0 table 9-4."""

    GET_STATUS = 0
    CLEAR_FEATURE = 1
    SET_FEATURE = 3
    GET_DESCRIPTOR = 6
    GET_CONFIGURATION = 8
    SET_CONFIGURATION = 9
    GET_INTERFACE = 10
    SET_INTERFACE = 11


class Descriptor(IntEnum):
    """bDescriptorType, USB 2.0 table 9-5."""

    DEVICE = 1
    CONFIGURATION = 2
    STRING = 3


@dataclass(frozen=True)
class Setup:
    """The eight bytes of a control transfer."""

    kind: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def parse(cls, data: bytes) -> Setup:
        return cls(*struct.unpack("<BBHHH", data))

    @property
    def to_host(self) -> bool:
        return bool(self.kind & TO_HOST)


@dataclass(frozen=True)
class Identity:
    """What the device descriptor says. `device_class` is class, subclass and protocol."""

    vendor: int
    product: int
    version: int
    device_class: tuple[int, int, int]
    manufacturer: str
    name: str
    serial: str


class UsbDevice:
    """A device; its class requests are for subclasses. Methods may be called by any thread.

    Args:
        identity: for the device descriptor.
        interfaces: the descriptors behind the header of the only configuration.
        power: bmAttributes and bMaxPower of that header.
        names: more strings, from index 4 on.
    """

    def __init__(
        self,
        identity: Identity,
        interfaces: bytes,
        power: tuple[int, int],
        names: tuple[str, ...] = (),
    ) -> None:
        self.identity = identity
        self.alternate = 0
        self._strings = (identity.manufacturer, identity.name, identity.serial, *names)
        self.device_descriptor = (
            struct.pack("<BBH", 18, Descriptor.DEVICE, 0x0200)
            + bytes([*identity.device_class, 64])
            + struct.pack("<HHH", identity.vendor, identity.product, identity.version)
            + bytes([1, 2, 3, 1])  # indices of three strings; one configuration
        )
        count = len({number for number, _ in interfaces_of(interfaces)})
        length = HEADER + len(interfaces)
        head = struct.pack("<BBHBBB", HEADER, Descriptor.CONFIGURATION, length, count, 1, 0)
        self.configuration = head + bytes(power) + interfaces

    def control(self, setup: Setup, data: bytes, done: Done) -> None:
        """A control transfer; `data` is what the host sends."""
        kind = setup.kind & TYPE
        if kind == 0:
            done(self._standard(setup))
        elif kind == CLASS_REQUEST:
            self.class_request(setup, data, done)
        else:
            done(None)

    def class_request(self, setup: Setup, data: bytes, done: Done) -> None:
        done(None)

    def bus_reset(self) -> None:
        """The host resets the device, which stays where it is."""

    def select(self, alternate: int) -> None:
        """SET_INTERFACE."""
        self.alternate = alternate

    def _standard(self, setup: Setup) -> bytes | None:
        match setup.request:
            case Standard.GET_DESCRIPTOR:
                found = self._descriptor(setup.value >> 8, setup.value & 0xFF)
                return None if found is None else found[: setup.length]
            case Standard.GET_STATUS:
                return b"\0\0"
            case Standard.GET_CONFIGURATION:
                return b"\1"
            case Standard.GET_INTERFACE:
                return bytes([self.alternate])
            case Standard.SET_INTERFACE:
                self.select(setup.value)
                return b""
            case Standard.SET_CONFIGURATION | Standard.CLEAR_FEATURE | Standard.SET_FEATURE:
                return b""
            case _:
                return None

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == Descriptor.DEVICE:
            return self.device_descriptor
        if kind == Descriptor.CONFIGURATION:
            return self.configuration
        if kind != Descriptor.STRING or number > len(self._strings):
            return None
        return _string(self._strings[number - 1]) if number else ENGLISH


def _string(text: str) -> bytes:
    data = text.encode("utf-16-le")
    return bytes([len(data) + 2, Descriptor.STRING]) + data


def interfaces_of(descriptors: bytes) -> list[tuple[int, bytes]]:
    """Number and class, subclass and protocol of each interface, without further alternate
    settings."""
    found: list[tuple[int, bytes]] = []
    while descriptors:
        length, kind = descriptors[:2]
        if kind == 4 and descriptors[3] == 0:
            found.append((descriptors[2], descriptors[5:8]))
        descriptors = descriptors[length:]
    return found


def serial_number(uid: bytes) -> str:
    """The serial number that the ROM makes of the unique ID, and MicroPython too, which calls it
    ST's (ports/stm32/usbd_desc.c)."""
    return (
        f"{uid[11]:02X}{(uid[10] + uid[2]) & 0xFF:02X}{uid[9]:02X}"
        f"{(uid[8] + uid[0]) & 0xFF:02X}{uid[7]:02X}{uid[6]:02X}"
    )
