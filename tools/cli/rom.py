"""The other end of the ROM bootloader, by stm32loader's library."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import serial
from stm32loader.bootloader import CommandError, Stm32Bootloader
from stm32loader.uart import SerialConnection

from .errors import CliError

ACK, NACK, SYNC = b"\x79", b"\x1f", b"\x7f"  # AN3155 2, 3
START_MS = (
    1000  # AN2606 Table 227: no F4 needs more than 230 ms from its start to its first answer
)
ERASE = 512  # the most that one command erases on some chips, by report (stm32flash)
BLOCK = 256  # the most that one command reads or writes, AN3155 3.4

Progress = Callable[[int], None]
"""Is told how many more bytes are done."""


@contextlib.contextmanager
def connected(port: str, baud: int = 115_200) -> Iterator[Stm32Bootloader]:
    """A bootloader that has answered on this port. Raises CliError if none does."""
    # The ROM talks 8E1 (AN3155 2); a pty knows no parity.
    is_pty = Path(port).resolve().is_relative_to("/dev/pts")
    connection = SerialConnection(port, baud, "N" if is_pty else "E")
    try:
        connection.connect()
    except serial.SerialException as error:
        raise CliError(f"{port} cannot be opened: {error.strerror or error}") from error
    try:
        _synchronise(connection, port)
        yield Stm32Bootloader(connection, verbosity=0)
    except CommandError as error:
        raise CliError(f"the ROM on {port} refused a command: {error}") from error
    finally:
        connection.disconnect()


def _synchronise(connection: SerialConnection, port: str) -> None:
    connection.timeout = 0.1
    end = time.monotonic() + START_MS / 1000
    while time.monotonic() < end:
        connection.write(SYNC)
        # NACK: it knew the baud rate already, and 0x7F is no command.
        if connection.read(1) in (ACK, NACK):
            _finish_half_a_command(connection)
            connection.timeout = 5
            return
    raise CliError(
        f"no ROM bootloader answers on {port} within {START_MS} ms: is the cable on pins the ROM "
        "listens on (romboot info lists them), and did the board enter it?"
    )


def _finish_half_a_command(connection: SerialConnection) -> None:
    # It may have seen more than one 0x7F and taken one for the first byte of a command. A second
    # byte that is not its complement ends that with a NACK, whichever of these two it is.
    for _ in range(2):
        connection.write(SYNC)
        if connection.read(1) == NACK:
            return


def describe(loader: Stm32Bootloader) -> str:
    """What the ROM says of itself."""
    version = loader.get_version()
    return f"protocol {version >> 4}.{version & 15}, DEV_ID 0x{loader.get_id():03X}"


def erase(loader: Stm32Bootloader, numbers: list[int]) -> None:
    """Erase sectors or pages of flash by number."""
    for at in range(0, len(numbers), ERASE):
        loader.extended_erase_memory(numbers[at : at + ERASE])


def write(loader: Stm32Bootloader, address: int, data: bytes, progress: Progress) -> None:
    """Program data, which must lie in erased flash."""
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        loader.write_memory(address + at, block)
        progress(len(block))


def read(loader: Stm32Bootloader, address: int, length: int, progress: Progress) -> bytes:
    """Read length bytes."""
    data = bytearray()
    for at in range(0, length, BLOCK):
        block = loader.read_memory(address + at, min(BLOCK, length - at))
        data += block
        progress(len(block))
    return bytes(data)
