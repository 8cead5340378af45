"""The ROM's USB device: 0483:df11, with an alternate setting for each memory (AN3156)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager

from ..rom import Dfu, UsbFacts
from .device import Done, Identity, Setup, UsbDevice

VENDOR, PRODUCT = 0x0483, 0xDF11  # ST; AN2606
POWER = (0xC0, 50)  # a supply of its own, 100 mA: as lsusb shows ROMs
FIRST_NAME = 4  # index of the string of the first alternate setting
ATTRIBUTES = 0x0B  # bitCanDnload, bitCanUpload, bitWillDetach (DFU 1.1 table 4.2)
DFU_VERSION = 0x011A  # of DfuSe

Filter = Callable[[Setup, bytes, Done], bool]


class DfuDevice(UsbDevice):
    """A `Dfu` on the bus.

    Args:
        facts: what the ROM says of itself.
        serial: its serial number.
        dfu: the model.
        paused: the board stands still in it, for the model may be used by one thread alone.
        spoil: sees each class request first, with the board standing still; True: it has dealt
            with it.
    """

    def __init__(
        self,
        facts: UsbFacts,
        serial: str,
        dfu: Dfu,
        paused: Callable[[], AbstractContextManager[object]],
        spoil: Filter,
    ) -> None:
        identity = Identity(
            vendor=VENDOR,
            product=PRODUCT,
            version=facts.version,
            device_class=(0, 0, 0),
            manufacturer="STMicroelectronics",
            name=facts.product,
            serial=serial,
        )
        super().__init__(identity, _interfaces(facts), POWER, facts.alternates)
        self._dfu = dfu
        self._paused = paused
        self._spoil = spoil

    def class_request(self, setup: Setup, data: bytes, done: Done) -> None:
        with self._paused():
            if not self._spoil(setup, data, done):
                self._dfu.request(setup.request, setup.value, setup.length, data, done)

    def bus_reset(self) -> None:
        with self._paused():
            self._dfu.bus_reset()


def _interfaces(facts: UsbFacts) -> bytes:
    found = b"".join(
        bytes([9, 4, 0, number, 0, 0xFE, 1, 2, FIRST_NAME + number])
        for number in range(len(facts.alternates))
    )
    return found + struct.pack("<BBBHHH", 9, 0x21, ATTRIBUTES, 255, facts.transfer, DFU_VERSION)
