"""Numbers of the DFU protocol: USB DFU 1.1 tables 3.2, 6.1.2 and A.1, and AN3156 rev 18."""

from __future__ import annotations

from enum import IntEnum


class Request(IntEnum):
    """bRequest of the class requests (AN3156 table 2)."""

    DETACH = 0
    DNLOAD = 1
    UPLOAD = 2
    GETSTATUS = 3
    CLRSTATUS = 4
    GETSTATE = 5
    ABORT = 6


class State(IntEnum):
    """The states of a device in DFU mode, as GETSTATUS and GETSTATE give them."""

    IDLE = 2
    DNLOAD_SYNC = 3
    DNBUSY = 4
    DNLOAD_IDLE = 5
    MANIFEST_SYNC = 6
    MANIFEST = 7
    UPLOAD_IDLE = 9
    ERROR = 10


class Status(IntEnum):
    """Why it is in ERROR. TARGET: a wrong address. VENDOR: read protection."""

    OK = 0x00
    TARGET = 0x01
    WRITE = 0x03
    FIRMWARE = 0x0A
    VENDOR = 0x0B
    UNKNOWN = 0x0E
    STALLED = 0x0F


class Command(IntEnum):
    """First byte of a download with wValue 0 (AN3156 table 4)."""

    GET = 0x00
    SET_ADDRESS = 0x21
    ERASE = 0x41
    READ_UNPROTECT = 0x92
