"""The other end of the ROM bootloader, by stm32loader's library."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stm32loader.bootloader import CommandError, Stm32Bootloader
from stm32loader.uart import SerialConnection

from ..arguments import BAUD
from ..errors import PORT_ERRORS, CliError
from ..port.ports import opened

ACK, NACK, SYNC = b"\x79", b"\x1f", b"\x7f"  # AN3155 2, 3
START_S = 1.0  # a ROM that may have started just now: table 227 of AN2606, with few exceptions
ASK_S = 0.3  # a ROM that has started is asked so long
ROUND_S = 0.1  # between two questions
NACK_S = 2.0  # the second of two bytes is answered for certain; the host may be busy
GAP_S = 0.02  # after a byte that is an answer there is no other
ERASE = 512  # the most that one command erases on some chips, by report (stm32flash)
BLOCK = 256  # the most that one command reads or writes, AN3155 3.4

# A host that went away within a Write Memory has left the ROM waiting for the rest of 256 bytes
# and their checksum: each third question is long enough for that.
EACH, REST = 3, 258
REST_GAP_S = 0.1  # a busy host hears the many NACKs that follow with pauses between them

Progress = Callable[[int], None]
"""Is told how many more bytes are done."""


def _nothing(_heard: bytes) -> None:
    pass


@contextlib.contextmanager
def connected(
    port: str,
    seconds: float = START_S,
    meanwhile: Callable[[bytes], None] = _nothing,
    baud: int = BAUD,
) -> Iterator[Stm32Bootloader]:
    """A bootloader that has answered on this port.

    Args:
        port: a serial port on pins of the ROM.
        seconds: how long it is asked.
        meanwhile: takes what came that is no answer, after each question; b"" if nothing.
        baud: the ROM measures it once, and keeps it until a reset.

    Raises:
        CliError: none answers, or it refuses a command.
    """
    parity = "N" if _is_pty(port) else "E"
    connection = SerialConnection(port, baud, parity)
    connection.serial_connection = opened(port, "--rom", baudrate=baud, parity=parity, timeout=5)
    try:
        _synchronise(connection, port, seconds, meanwhile)
        yield Stm32Bootloader(connection, verbosity=0)
    except CommandError as error:
        raise CliError(f"the ROM on {port} refused a command: {error}") from error
    except PORT_ERRORS as error:
        raise CliError(f"{port} has gone, or has failed: {error}") from error
    finally:
        with contextlib.suppress(*PORT_ERRORS):
            connection.disconnect()


def _is_pty(port: str) -> bool:
    """The ROM talks 8E1 (AN3155 2); a pty knows no parity."""
    return Path(port).resolve().is_relative_to("/dev/pts")


def _synchronise(
    connection: SerialConnection, port: str, seconds: float, meanwhile: Callable[[bytes], None]
) -> None:
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        connection.timeout = ROUND_S
        connection.write(SYNC * (REST if rounds % EACH == 0 else 1))
        heard = connection.read(1)
        if heard:
            connection.timeout = GAP_S
            heard += connection.read(BLOCK)
        # NACK: it knew the baud rate already, and 0x7F is no command. ACK is a "y" too, as in the
        # greeting of MicroPython: but there it does not stand alone, and NACK is no character.
        if heard == ACK or (NACK in heard and not heard.strip(ACK + NACK)):
            _finish_half_a_command(connection, GAP_S if rounds < EACH else REST_GAP_S)
            connection.timeout = 5
            return
        meanwhile(heard)
    raise CliError(
        f"no ROM bootloader answers on {port} within {seconds:.1f} s: is the cable on pins the "
        "ROM listens on (romboot info lists them), did the board enter it, and has nobody talked "
        "to it at another baud rate since?"
    )


def _finish_half_a_command(connection: SerialConnection, gap_s: float) -> None:
    # It may have seen more than one 0x7F and taken one for the first byte of a command. A second
    # byte that is not its complement ends that with a NACK, whichever of these two it is.
    # What answers an earlier 0x7F may come late: nothing is to follow.
    for seconds in (ROUND_S, NACK_S):
        connection.timeout = seconds
        connection.write(SYNC)
        heard = connection.read(1)
        connection.timeout = gap_s
        while more := connection.read(BLOCK):
            heard += more
        if NACK in heard:
            return


def describe(loader: Stm32Bootloader) -> str:
    """What the ROM says of itself."""
    return f"protocol {version(loader)}, DEV_ID 0x{loader.get_id():03X}"


def version(loader: Stm32Bootloader) -> str:
    """Of the protocol that it speaks, such as 3.1 (AN3155 3.2)."""
    byte = loader.get_version()
    return f"{byte >> 4}.{byte & 15}"


def erase(loader: Stm32Bootloader, numbers: list[int], progress: Progress) -> None:
    """Erase sectors or pages of flash by number."""
    for at in range(0, len(numbers), ERASE):
        some = numbers[at : at + ERASE]
        with contextlib.redirect_stderr(io.StringIO()):  # stm32loader's "can take ten seconds"
            loader.extended_erase_memory(some)
        progress(len(some))


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
