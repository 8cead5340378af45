"""The USB device that MicroPython's stm32 port is: a serial port and mass storage (USBD_CDC_MSC).

Descriptors as in its usbdev/class/src/usbd_cdc_msc_hid.c and usbd_desc.c. Here only the serial
port works, and not on this level: the kernel's driver is a pseudo terminal.
"""

from __future__ import annotations

from .device import Identity, UsbDevice

VENDOR, PRODUCT = 0xF055, 0x9800  # ports/stm32/usb.h: USBD_VID, USBD_PID_CDC_MSC
PORT_INTERFACE = 1  # of the serial port; its name in sysfs ends with :1.1
POWER = (0x80, 250)  # from the bus, 500 mA

MASS_STORAGE = "0904000002080650000705810240000007050102400000"
ASSOCIATION = "080b010202020100"
CONTROL = "0904010001020201000524001001052401000204240202052406010207058203080020"
DATA = "09040200020a0000000705030240000007058302400000"


class CdcDevice(UsbDevice):
    """The application's device with the serial number of the chip."""

    def __init__(self, serial: str) -> None:
        identity = Identity(
            vendor=VENDOR,
            product=PRODUCT,
            version=0x0200,
            device_class=(0xEF, 2, 1),
            manufacturer="MicroPython",
            name="Pyboard Virtual Comm Port in FS Mode",
            serial=serial,
        )
        interfaces = bytes.fromhex(MASS_STORAGE + ASSOCIATION + CONTROL + DATA)
        super().__init__(identity, interfaces, POWER)
