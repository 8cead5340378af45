"""dfu-util as a program: what it lists, and what it does."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...bench.image import Segment
from ..errors import CliError, Code
from ..said import ended_by

PROGRAM = "dfu-util"
MISSING = (
    "dfu-util is not installed, and flashing over USB needs it: `apt install dfu-util`, `brew "
    "install dfu-util`, or https://dfu-util.sourceforge.net"
)
RULE = 'SUBSYSTEM=="usb", ATTR{idVendor}=="0483", ATTR{idProduct}=="df11", MODE="0666"'
NO_RIGHT = {
    "linux": (
        "this user may not open it. As root write this line into "
        f"/etc/udev/rules.d/49-stm32-dfu.rules, then `udevadm control --reload` and plug the "
        f"board in again:\n  {RULE}\n"
    ),
    "win32": "it has no driver that dfu-util can use: install WinUSB for it with Zadig",
}
LINE = re.compile(
    r"^Found DFU: \[\w+:\w+\] ver=(\w+),.*"
    r' path="(.*?)", alt=(\d+), name="(.*?)", ser.*="(.*?)"'
)
CLOSED = re.compile(r"Cannot open DFU device (\w+:\w+) found on devnum (\d+) \((\w+)\)")
BAR = re.compile(rb"(Erase|Download|Upload)\s*\[[= ]*\]\s+\d+%\s+(\d+) bytes")
OPTIONS = "@Option"  # most ROMs have them as an alternate setting, no bootloader in flash has
MBOOT = "0300"  # its bcdDevice (micropython, ports/stm32/mboot/main.c); of ROMs: 2200 and 0200
KEPT = re.compile(r"\*\d+[KM ]?a")  # a sector that is only read (UM0424 10.3.2)
CLAIMED = "annot claim interface"  # by this dfu-util, as another one has it
LEAVING = "Submitting leave request"
CTRL_C = (-signal.SIGINT, 0xC000013A)  # of a program: POSIX, and STATUS_CONTROL_C_EXIT of Windows

SOON_S = 0.1  # a signal that goes to a process group comes to each of its programs within that

Moved = Callable[[str, int], None]
"""Is told what grows ("Erase", "Download", "Upload") and how many bytes of a piece are done."""


@dataclass
class Device:
    """A DFU device that dfu-util may open.

    path: of USB, such as 1-2. alts: names by number. version: bcdDevice, four digits.
    """

    path: str
    serial: str
    alts: dict[int, str] = field(default_factory=dict)
    version: str = ""

    @property
    def is_rom(self) -> bool:
        """It is one of ST, and no bootloader in flash, such as mboot, which keeps its sectors."""
        if any(name.startswith(OPTIONS) for name in self.alts.values()):
            return True
        return self.version != MBOOT and not KEPT.search(self.alts.get(0, ""))

    def __str__(self) -> str:
        return f"USB {self.path}, serial number {self.serial}"


def devices() -> list[Device]:
    """Those that are there.

    Raises:
        CliError: dfu-util is missing, or one is there that it may not open.
    """
    done = subprocess.run([program(), "-l"], capture_output=True, text=True, timeout=20)
    found: dict[str, Device] = {}
    for line in done.stdout.splitlines():
        if match := LINE.match(line):
            version, path, alt, name, serial = match.groups()
            found.setdefault(path, Device(path, serial, {}, version)).alts[int(alt)] = name
    if not found and (closed := CLOSED.search(done.stdout + done.stderr)):
        raise closed_to_us(f"{closed[1]}, device number {closed[2]}, {closed[3]}")
    return list(found.values())


def closed_to_us(which: str) -> CliError:
    """A device is there and cannot be opened."""
    why = NO_RIGHT.get(sys.platform, "this user may not open it")
    return CliError(f"a DFU device is there ({which}), but {why}", Code.NO_RIGHT)


def run(device: str, words: Sequence[str], moved: Moved) -> str:
    """`dfu-util --path DEVICE --alt 0 WORDS...`; its output.

    Raises:
        CliError: another program has the device (Code.HELD), or it failed. That it failed after
            the request to leave is no failure: then the ROM was gone before it could answer.
        KeyboardInterrupt: Ctrl-C has ended it, or a signal that romboot has got too.
    """
    command = [program(), "--path", device, "--alt", "0", *words]
    said = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        seen = 0
        try:
            while block := os.read(process.stdout.fileno(), 4096):
                said += block
                for match in BAR.finditer(said, seen):
                    moved(match[1].decode(), int(match[2]))
                    seen = match.end()
        except KeyboardInterrupt:
            process.terminate()  # a terminal has told it too, `kill` has not
            raise
    if process.returncode < 0:
        time.sleep(SOON_S)
    if process.returncode in CTRL_C or ended_by:
        raise KeyboardInterrupt
    text = said.decode(errors="replace")
    if process.returncode and CLAIMED in text:
        raise CliError(
            f"another program is at work on the DFU device at USB {device}: wait until it has "
            "ended, then try again",
            Code.HELD,
        )
    if process.returncode and LEAVING not in text:
        raise CliError(_why(text, process.returncode))
    return text


def _why(said: str, code: int) -> str:
    lines = [line.strip() for line in said.replace("\r", "\n").splitlines()]
    errors = [s for s in lines if s.startswith("dfu-util:") or "rror" in s or "annot" in s]
    return f"dfu-util ended with {code}: {(errors or lines or ['it said nothing'])[-1]}"


def is_installed() -> bool:
    """It can be run."""
    return shutil.which(PROGRAM) is not None


def program() -> str:
    """Its path. CliError if it is not installed."""
    path = shutil.which(PROGRAM)
    if path is None:
        raise CliError(MISSING, Code.OTHER)
    return path


def file(pieces: Sequence[Segment]) -> bytes:
    """A DfuSe file (UM0391) for alternate setting 0 of ST's ROM."""
    body = b"".join(struct.pack("<2I", at, len(data)) + data for at, data in pieces)
    target = struct.pack("<6sBI255s2I", b"Target", 0, 0, b"", len(body), len(pieces)) + body
    whole = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), 1) + target
    whole += struct.pack("<4H3sB", 0xFFFF, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    return whole + struct.pack("<I", zlib.crc32(whole) ^ 0xFFFFFFFF)
