"""Serial ports: opened so that no second command gets in between, or why that cannot be."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import time
from pathlib import Path
from typing import Any

import serial
from serial.tools import list_ports

from ..errors import PORT_ERRORS, CliError, Code, port_error

NO_PORT = os.strerror(errno.ENOTTY)  # of /dev/null, and of a file
GROUP = stat.S_IRGRP | stat.S_IWGRP
HELD_S = 4.0  # a program like ModemManager that holds a port may let go soon


def opened(
    port: str, option: str = "--device", held_s: float | None = None, **settings: Any
) -> serial.Serial:
    """A port that is held until it is closed: no other command of romboot, nor of mpremote, opens
    it meanwhile. On POSIX the lock is one of the open file (flock), so nothing is left behind; on
    Windows each port is held by who has it open.

    Args:
        port: its name.
        option: of the command line, that names it.
        held_s: how long it is waited for if another program holds it; None: HELD_S.
        settings: as serial.Serial takes them.

    Raises:
        CliError: it is not there, or is held, or may not be opened, or is none.
    """
    end = time.monotonic() + (HELD_S if held_s is None else held_s)
    while True:
        try:
            return serial.serial_for_url(port, exclusive=True, **settings)
        except PORT_ERRORS as error:
            if _code(error) != Code.HELD or time.monotonic() >= end:
                raise _refusal(error, port, option) from error
        time.sleep(0.1)


def check(port: str, option: str) -> None:
    """Open it and close it. CliError as for opened()."""
    opened(port, option).close()


def is_free(port: str) -> bool:
    """It can be opened, or is at least there. CliError if another program holds it."""
    try:
        check(port, "--device")
    except CliError as error:
        if error.code == Code.HELD:
            raise
        return error.code != Code.NO_BOARD
    return True


def exists(port: str) -> bool:
    """There is such a port, on any system. It is not opened."""
    return Path(port).exists() or any(p.device == port for p in list_ports.comports())


def same(one: str, other: str) -> bool:
    """Two names of one port."""
    return os.path.realpath(one) == os.path.realpath(other)


def refused(port: str) -> CliError:
    """Why it could not be opened a moment ago."""
    try:
        opened(port, held_s=0).close()
    except CliError as error:
        return error
    return CliError(f"{port} could not be opened, but now can: try again")


def _refusal(error: Exception, port: str, option: str) -> CliError:
    code = _code(error)
    if code == Code.HELD:
        names = ", ".join(holders(port)) or "another program"
        return CliError(f"{port} is held by {names}: end that, then try again", code)
    return CliError(_why_not(error, port, option), code)


def _code(error: Exception) -> Code:
    number = port_error(error)
    if number in (errno.ENOENT, errno.EISDIR) or NO_PORT in str(error):
        return Code.NO_BOARD
    if number in (errno.EAGAIN, errno.EBUSY) or (
        number == errno.EACCES and sys.platform == "win32"
    ):
        return Code.HELD
    return Code.NO_RIGHT if number == errno.EACCES else Code.OTHER


def holders(port: str) -> list[str]:
    """Programs that have a port open, as far as Linux lets this user see them; not the one at the
    other end of a pseudo terminal, such as a virtual board."""
    found = []
    path = Path(port).resolve()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of another user, or gone meanwhile
            handles = {handle: handle.readlink() for handle in (process / "fd").iterdir()}
            is_master = path.parent == Path("/dev/pts") and any(
                at.name == "ptmx" and _number_of(process / "fdinfo" / handle.name) == path.name
                for handle, at in handles.items()
            )
            if process.name != str(os.getpid()) and path in handles.values() and not is_master:
                name = (process / "comm").read_text().strip()
                found.append(f"{name} (process {process.name})")
    return sorted(set(found))


def _number_of(master: Path) -> str:
    """Of the pseudo terminal with this master, such as "5" of /dev/pts/5."""
    index = re.search(r"^tty-index:\s*(\d+)", master.read_text(), re.MULTILINE)
    return index[1] if index else ""


def _why_not(error: Exception, port: str, option: str) -> str:
    """Why the port that this option names cannot be opened, and what to do."""
    number = port_error(error)
    if isinstance(error, serial.SerialException) and number == errno.ENOENT:
        return f"there is no port {port}. {_ports(option)}"
    if NO_PORT in str(error) or number == errno.EISDIR:
        return f"{port} is no serial port. {_ports(option)}"
    if number == errno.EACCES and sys.platform != "win32":
        return f"no permission to open {port}. {_right(Path(port))}"
    reason = os.strerror(number) if number else str(error)
    return f"{port} cannot be opened ({reason}): is it the serial port of a board, and plugged in?"


def _right(port: Path) -> str:
    """How to get it. On Debian and Ubuntu the group of serial ports is dialout."""
    group = "dialout"
    with contextlib.suppress(OSError, KeyError):
        if port.stat().st_mode & GROUP != GROUP:
            return f"`sudo chmod a+rw {port}` gives it"
        group = port.group()
    return f"Join its group with `sudo usermod -aG {group} $USER`, then log in again"


def _ports(option: str) -> str:
    """What there is in place of a port that is none."""
    ports = sorted(p for p in list_ports.comports() if p.vid is not None or p.hwid != "n/a")
    if not ports:
        return "This machine has no serial port where a board could be"
    lines = (f"{p.device} ({p.description})" for p in ports)
    return f"{option} takes one of {', '.join(lines)}"
