"""What is in a firmware file: pieces with addresses, and what MicroPython wrote into it."""

from __future__ import annotations

import itertools
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from ...bench.image import ImageError, Segment, load_image
from ..errors import CliError, Code
from .geometry import BASE

MACHINE = re.compile(rb"([ -~]+) with (STM32\w+)")  # MICROPY_BANNER_MACHINE, py/mpconfig.h
VERSION = re.compile(rb"MicroPython (v[^\0;\r\n]{3,80}? on \d{4}-\d\d-\d\d)")  # MICROPY_BANNER_...
# Code (CCM, ITCM), SRAM, external RAM and devices: Armv7-M ARM, B3.1
RAM = (range(0x10000000, 0x40000000), range(0x60000000, 0xE0000000))
MBOOT = b"overwrite mboot"  # MBOOT_ERROR_STR_OVERWRITE_BOOTLOADER, ports/stm32/mboot/dfu.h

SAYS_WHERE = (".dfu", ".hex", ".elf")
UF2 = (
    "{} is a UF2 file: only bootloaders that show a USB drive take it. The ROM of an STM32 shows "
    "none, and a UF2 file is for an address behind such a bootloader. Take the .dfu, .hex, .elf "
    "or .bin of your board"
)


@dataclass(frozen=True)
class Image:
    """A file.

    pieces: by ascending address, without overlap.
    machines: what os.uname().machine may say, such as "PYBv1.1 with STM32F405RG"; empty if this
    is no MicroPython.
    versions: what follows "MicroPython" in its greeting.
    mboot: it contains MicroPython's bootloader of this name.
    """

    path: Path
    pieces: tuple[Segment, ...]
    machines: tuple[str, ...]
    versions: tuple[str, ...]
    mboot: bool

    @property
    def size(self) -> int:
        """Bytes, without gaps."""
        return sum(len(data) for _, data in self.pieces)

    @property
    def start(self) -> int:
        """The lowest address."""
        return self.pieces[0][0]

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.pieces[-1][0] + len(self.pieces[-1][1])

    @property
    def vectors(self) -> tuple[int, int] | None:
        """The initial stack pointer and the first instruction, if it is long enough for them."""
        data = self.pieces[0][1]
        if len(data) < 8:
            return None
        stack, entry = struct.unpack_from("<2I", data)
        return stack, entry

    @property
    def has_vectors(self) -> bool:
        """It begins with what may be a vector table: a stack in some RAM, an odd address in it."""
        if self.vectors is None:
            return False
        stack, entry = self.vectors
        return (
            any(stack in ram for ram in RAM) and entry & 1 == 1 and self.start < entry < self.end
        )


def load(path: Path, address: int | None) -> Image:
    """The image in a file. address: where a .bin goes, None for the start of the flash.

    Raises:
        CliError: there is no such file, or it is no image.
    """
    try:
        if path.suffix.lower() == ".uf2" or _begins(path, b"UF2\n"):
            raise CliError(UF2.format(path), Code.REFUSED)
        if address is not None and path.suffix.lower() in SAYS_WHERE:
            raise CliError(
                f"--address is for a .bin: {path} says itself which bytes go where",
                Code.COMMAND_LINE,
            )
        pieces = tuple(sorted(load_image(path, BASE if address is None else address)))
    except FileNotFoundError as error:
        raise CliError(f"there is no file {path}", Code.OTHER) from error
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", Code.OTHER) from error
    except ImageError as error:
        raise CliError(str(error), Code.OTHER) from error
    for (at, data), (following, _) in itertools.pairwise(pieces):
        if at + len(data) > following:
            raise CliError(f"{path} has two contents for 0x{following:08X}", Code.OTHER)
    return Image(
        path,
        pieces,
        _strings(pieces, MACHINE, b"%s with %s"),
        _strings(pieces, VERSION, b"%s"),
        any(MBOOT in data for _, data in pieces),
    )


def _begins(path: Path, what: bytes) -> bool:
    if path.exists() and not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(what)) == what


def _strings(pieces: tuple[Segment, ...], what: re.Pattern[bytes], form: bytes) -> tuple[str, ...]:
    """Each string once. In a greeting the machine comes behind "; "."""
    found = {
        (form % match.groups()).rpartition(b"; ")[2].decode()
        for _, data in pieces
        for match in what.finditer(data)
    }
    return tuple(sorted(found))
