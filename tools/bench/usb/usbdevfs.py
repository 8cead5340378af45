"""The ioctls of a USB device file (linux/usbdevice_fs.h), for a program under umockdev's library.

The library sends each ioctl over a socket, one connection for each open file, in messages of
three C longs: (IOCTL, request, argument). Before (DONE, result, errno) is sent back, the memory
of the program can be read and written.
"""

from __future__ import annotations

import errno
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from .device import Setup, UsbDevice

IOCTL, DONE, READ, WRITE = 1, 3, 5, 6  # messages
UNHANDLED = -100  # a result: the library does the real ioctl
NUMBER = 0xFF  # of a request; the rest is its type, direction and size
CONTROL_URB = 2  # type of a URB
URB_HEAD = struct.Struct("@BBiIPi")  # type, endpoint, status, flags, buffer, buffer_length
URB_STATUS, URB_ACTUAL_LENGTH = 4, 28  # offsets
SETUP = 8  # bytes at the start of the buffer of a control URB
CAPABILITIES = 0x11  # zero-length packet, reap after disconnect
HOLD_S = 0.005
"""A device file is always ready to poll here, so a REAPURBNDELAY that comes before an answer is
held for a moment: libusb would ask without a pause."""


class Call(IntEnum):
    """Numbers of the ioctls."""

    CONTROL = 0
    RESETEP = 3
    SETINTERFACE = 4
    SETCONFIGURATION = 5
    GETDRIVER = 8
    SUBMITURB = 10
    DISCARDURB = 11
    REAPURB = 12
    REAPURBNDELAY = 13
    CLAIMINTERFACE = 15
    RELEASEINTERFACE = 16
    RESET = 20
    CLEAR_HALT = 21
    GET_CAPABILITIES = 26
    DISCONNECT_CLAIM = 27


WITHOUT_EFFECT = frozenset(
    {
        Call.RESETEP,
        Call.SETCONFIGURATION,
        Call.CLAIMINTERFACE,
        Call.RELEASEINTERFACE,
        Call.CLEAR_HALT,
        Call.DISCONNECT_CLAIM,
    }
)


@dataclass
class Urb:
    """A control transfer under way. `address` is that of the URB in the program."""

    address: int
    buffer: int
    setup: Setup
    data: bytes
    status: int = 0
    answer: bytes = b""

    def finish(self, answer: bytes | None) -> None:
        if answer is None:
            self.status = -errno.EPIPE
        elif self.setup.to_host:
            self.answer = answer

    @property
    def length(self) -> int:
        """What actual_length becomes."""
        if self.status:
            return 0
        return len(self.answer) if self.setup.to_host else len(self.data)


class Files:
    """The open files of one device node."""

    def __init__(self, device: UsbDevice) -> None:
        self.device = device
        self.gone = False
        self.changed = threading.Condition()

    def unplug(self) -> None:
        """From now on every ioctl answers ENODEV, but those for transfers that are over."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def serve(self, connection: socket.socket) -> None:
        """Serve one open file in a thread of its own, until the program closes it."""
        threading.Thread(target=File(self, connection).run, daemon=True).start()


class File:
    """One open file: its ioctls, one at a time."""

    def __init__(self, files: Files, connection: socket.socket) -> None:
        self._files = files
        self._memory = Memory(connection)
        self._under_way: dict[int, Urb] = {}
        self._over: deque[Urb] = deque()
        self._calls: dict[int, Callable[[int], int]] = {
            Call.CONTROL: self._control,
            Call.SUBMITURB: self._submit,
            Call.DISCARDURB: self._discard,
            Call.SETINTERFACE: self._set_interface,
            Call.GET_CAPABILITIES: self._capabilities,
            Call.GETDRIVER: lambda _argument: -errno.ENODATA,
            Call.RESET: self._reset,
        }

    def run(self) -> None:
        serve(self._memory, self._ioctl)

    def _ioctl(self, request: int, argument: int) -> int:
        number = request & NUMBER
        if number in (Call.REAPURB, Call.REAPURBNDELAY):
            return self._reap(argument, wait=number == Call.REAPURB)
        if self._files.gone:
            return -errno.ENODEV
        if number in WITHOUT_EFFECT:
            return 0
        call = self._calls.get(number)
        return call(argument) if call else -errno.ENOTTY

    # --- transfers -----------------------------------------------------------------------------

    def _submit(self, address: int) -> int:
        kind, _endpoint, _status, _flags, buffer, length = URB_HEAD.unpack(
            self._memory.read(address, URB_HEAD.size)
        )
        if kind != CONTROL_URB or length < SETUP:
            return -errno.EINVAL
        block = self._memory.read(buffer, length)
        setup = Setup.parse(block[:SETUP])
        if length < SETUP + setup.length:
            return -errno.EINVAL
        data = b"" if setup.to_host else block[SETUP : SETUP + setup.length]
        urb = Urb(address, buffer, setup, data)
        with self._files.changed:
            self._under_way[address] = urb
        self._files.device.control(setup, data, lambda answer: self._done(urb, answer))
        return 0

    def _done(self, urb: Urb, answer: bytes | None) -> None:
        """From any thread."""
        with self._files.changed:
            if self._under_way.pop(urb.address, None) is urb and not self._files.gone:
                urb.finish(answer)
                self._over.append(urb)
                self._files.changed.notify_all()

    def _discard(self, address: int) -> int:
        with self._files.changed:
            urb = self._under_way.pop(address, None)
            if urb is None:
                return -errno.EINVAL
            urb.status = -errno.ENOENT
            self._over.append(urb)
            return 0

    def _reap(self, argument: int, *, wait: bool) -> int:
        with self._files.changed:
            self._files.changed.wait_for(
                lambda: self._over or self._files.gone or not (wait or self._under_way),
                None if wait else HOLD_S,
            )
            if self._files.gone:
                self._give_up()
            if not self._over:
                return -errno.ENODEV if self._files.gone else -errno.EAGAIN
            urb = self._over.popleft()
        if urb.answer:
            self._memory.write(urb.buffer + SETUP, urb.answer)
        self._memory.write(urb.address + URB_STATUS, struct.pack("@i", urb.status))
        self._memory.write(urb.address + URB_ACTUAL_LENGTH, struct.pack("@i", urb.length))
        self._memory.write(argument, struct.pack("@P", urb.address))
        return 0

    def _give_up(self) -> None:
        """The device has gone: what is under way ends, as the kernel ends it."""
        for urb in self._under_way.values():
            urb.status = -errno.ESHUTDOWN
            self._over.append(urb)
        self._under_way.clear()

    def _control(self, _argument: int) -> int:
        return -errno.ENOSYS  # libusb uses URBs only

    # --- the others ----------------------------------------------------------------------------

    def _set_interface(self, argument: int) -> int:
        _interface, alternate = struct.unpack("@II", self._memory.read(argument, 8))
        self._files.device.select(alternate)
        return 0

    def _capabilities(self, argument: int) -> int:
        self._memory.write(argument, struct.pack("@I", CAPABILITIES))
        return 0

    def _reset(self, _argument: int) -> int:
        self._files.device.bus_reset()
        return 0


class Closed(Exception):
    """The program has closed the file, or has ended."""


class Memory:
    """The program's end of a connection: its memory, and its calls."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._connection.recv(size - len(data))
            if not more:
                raise Closed
            data += more
        return data

    def send(self, *values: int) -> None:
        self._connection.sendall(b"".join(struct.pack("@q", _signed(value)) for value in values))

    def read(self, address: int, size: int) -> bytes:
        self.send(READ, address, size)
        return self.take(size)

    def write(self, address: int, data: bytes) -> None:
        self.send(WRITE, address, len(data))
        self._connection.sendall(data)

    def close(self) -> None:
        self._connection.close()


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def serve(memory: Memory, ioctl: Callable[[int, int], int]) -> None:
    """Answer the ioctls of one open file until it is closed. `ioctl` returns a result, a negative
    errno, or UNHANDLED."""
    try:
        while True:
            message, request, argument = struct.unpack("@QQQ", memory.take(24))
            result = ioctl(request, argument) if message == IOCTL else UNHANDLED
            failed = result < 0 and result != UNHANDLED
            memory.send(DONE, -1 if failed else result, -result if failed else 0)
    except (Closed, OSError, RuntimeError):  # the last: the virtual board has stopped
        pass
    finally:
        memory.close()


def serve_other_file(connection: socket.socket) -> None:
    """Any device file that is not one of ours: the real ioctl."""
    memory = Memory(connection)
    threading.Thread(
        target=serve, args=(memory, lambda _request, _argument: UNHANDLED), daemon=True
    ).start()
