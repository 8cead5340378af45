"""Firmware images: ELF, Intel HEX, DfuSe and plain binaries -> bytes by address."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

FLASH_BASE = 0x08000000
PT_LOAD, EM_ARM = 1, 40
# Bytes. A ROM writes whole words (AN3155 3.6), at multiples of up to 16 (AN2606 rev 70 table 7);
# over DFU that of many an L4 corrupts what is no multiple of 8 (tables 165 to 171)
UNIT = 16
LARGEST = 64 << 20  # bytes; 4 MiB of flash as .hex or .elf, with room for what debuggers read

CUT = "the file is incomplete (cut off): copy or download it again"
DAMAGED = "the file is damaged, or of another kind: copy or download it again"

Segment = tuple[int, bytes]
"""An address and the bytes that belong there."""


class ImageError(ValueError):
    """The file is not an image of the kind its name says."""


def load_image(path: Path, base: int = FLASH_BASE) -> list[Segment]:
    """The segments of the image at `path`, in the order of the file.

    Args:
        path: its suffix says what it is: .elf, .hex, .dfu or .bin.
        base: where a .bin goes; the other formats hold addresses.

    Raises:
        OSError: the file cannot be read.
        ImageError: its contents are not what its suffix says, or the suffix is another one.
    """
    readers: dict[str, Callable[[bytes], Iterator[Segment]]] = {
        ".elf": _elf,
        ".hex": _intel_hex,
        ".dfu": _dfuse,
        ".bin": lambda data: iter([(base, data)]),
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ImageError(
            f"{path} is no firmware image: its name must end in {', '.join(readers)}, which tells "
            "the format. What comes from a pipe must be saved in such a file"
        )
    if path.exists() and not path.is_file():
        raise ImageError(f"{path} is no regular file. What comes from a pipe must be saved in one")
    if path.exists() and not path.stat().st_size:
        raise ImageError(f"{path} is empty: copy or download it again")
    if path.exists() and path.stat().st_size > LARGEST:
        raise ImageError(f"{path} has {path.stat().st_size >> 20} MiB: no STM32 has so much flash")
    try:
        segments = [(address, data) for address, data in reader(path.read_bytes()) if data]
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ImageError(
            f"{path} is damaged or no {path.suffix} file ({error}): copy or download it again"
        ) from error
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    if not segments:
        raise ImageError(f"{path} holds nothing to load")
    return segments


def flatten(segments: list[Segment]) -> Segment:
    """One piece from the lowest address to the highest, gaps as erased flash (0xFF).
    It begins and ends at a multiple of UNIT."""
    start = min(address for address, _ in segments) // UNIT * UNIT
    end = -(-max(address + len(data) for address, data in segments) // UNIT) * UNIT
    piece = bytearray(b"\xff" * (end - start))
    for address, data in segments:
        piece[address - start : address - start + len(data)] = data
    return start, bytes(piece)


def blocks(segments: list[Segment], size: int = 256) -> list[Segment]:
    """The same in pieces that start at multiples of `size`, so that no unit of flash (32 bytes on
    an H7) is split between two Write Memory commands."""
    joined: list[list[Segment]] = []
    end = -1  # of the last block
    for address, data in sorted(segments):
        if address // size > end:
            joined.append([(address // size * size, b"")])
        joined[-1].append((address, data))
        end = max(end, (address + len(data) - 1) // size)
    return [flatten(piece) for piece in joined]


def _elf(data: bytes) -> Iterator[Segment]:
    """Loadable segments at their physical (load) address."""
    if data[:6] != b"\x7fELF\x01\x01":
        raise ImageError(f"not a 32-bit little-endian ELF file: {DAMAGED}")
    machine = struct.unpack_from("<H", data, 18)[0]
    if machine != EM_ARM:
        raise ImageError(f"an ELF file for machine {machine}, not for ARM ({EM_ARM})")
    start = struct.unpack_from("<I", data, 28)[0]
    entry_size, count = struct.unpack_from("<HH", data, 42)
    for number in range(count):
        kind, offset, _virtual, physical, size = struct.unpack_from(
            "<5I", data, start + number * entry_size
        )
        if kind == PT_LOAD and offset + size > len(data):
            raise ImageError(f"it ends within a segment: {CUT}")
        if kind == PT_LOAD:
            yield physical, data[offset : offset + size]


def _intel_hex(data: bytes) -> Iterator[Segment]:
    """Data records; neighbours are joined."""
    upper, run_at, run = 0, 0, bytearray()
    lines = data.decode("ascii", "replace").split()
    for number, line in enumerate(lines, 1):
        offset, kind, payload = _hex_record(line, number, last=number == len(lines))
        if kind == 0:
            address = upper + offset
            if run and address != run_at + len(run):
                yield run_at, bytes(run)
                run.clear()
            if not run:
                run_at = address
            run += payload
        elif kind == 1:
            break
        elif kind in (2, 4):
            upper = int.from_bytes(payload, "big") << (4 if kind == 2 else 16)
    else:
        raise ImageError(f"the record that ends an Intel HEX file is missing: {CUT}")
    yield run_at, bytes(run)


def _hex_record(line: str, number: int, *, last: bool) -> tuple[int, int, bytes]:
    """Offset, type and data of one record."""
    try:
        raw = bytes.fromhex(line[1:]) if line.startswith(":") else b""
    except ValueError:
        raw = b""
    if len(raw) < 5 or len(raw) != raw[0] + 5 or sum(raw) & 0xFF:
        cut = last and re.fullmatch(":[0-9A-Fa-f]*", line) and len(line) < _length(line)
        raise ImageError(f"line {number} is no valid Intel HEX record: {CUT if cut else DAMAGED}")
    return int.from_bytes(raw[1:3], "big"), raw[3], raw[4:-1]


def _length(line: str) -> int:
    """Characters of this record, if it is whole: its first byte counts those of its data."""
    return 11 + 2 * int(line[1:3] or "0", 16)


def _dfuse(data: bytes) -> Iterator[Segment]:
    """All elements of all targets (UM0391)."""
    if data[:5] != b"DfuSe":
        raise ImageError(f"not a DfuSe file: {DAMAGED}")
    if data[-8:-5] != b"UFD":
        raise ImageError(f"the end of a DfuSe file is missing: {CUT}")
    if struct.unpack_from("<I", data, len(data) - 4)[0] != zlib.crc32(data[:-4]) ^ 0xFFFFFFFF:
        raise ImageError(
            "the checksum of the DfuSe file is wrong: it is damaged. Copy or download it again"
        )
    at = 11
    for _ in range(data[10]):
        elements = struct.unpack_from("<I", data, at + 270)[0]
        at += 274
        for _ in range(elements):
            address, size = struct.unpack_from("<2I", data, at)
            yield address, data[at + 8 : at + 8 + size]
            at += 8 + size
