"""Firmware images of all four kinds, and files that only pretend."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from tools.bench.image import ImageError, blocks, load_image

BASE = 0x08000000
DATA = bytes(range(40))


def elf(segments: list[tuple[int, int, bytes]], machine: int = 40) -> bytes:
    """Segments are (type, physical address, contents)."""
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<2H5I6H", 2, machine, 1, 0, 52, 0, 0, 52, 32, len(segments), 40, 0, 0)
    table, body = b"", b""
    for kind, physical, contents in segments:
        offset = 52 + 32 * len(segments) + len(body)
        size = len(contents)
        table += struct.pack("<8I", kind, offset, 0x20000000, physical, size, size, 5, 4)
        body += contents
    return head + table + body


def hex_line(offset: int, kind: int, payload: bytes) -> str:
    raw = bytes([len(payload)]) + offset.to_bytes(2, "big") + bytes([kind]) + payload
    return ":" + (raw + bytes([-sum(raw) & 0xFF])).hex().upper()


def dfuse(elements: list[tuple[int, bytes]]) -> bytes:
    body = b"".join(struct.pack("<2I", at, len(data)) + data for at, data in elements)
    target = b"Target" + bytes(1 + 4 + 255) + struct.pack("<2I", len(body), len(elements)) + body
    file = b"DfuSe\x01" + struct.pack("<IB", 11 + len(target), 1) + target
    file += struct.pack("<4H", 0, 0xDF11, 0x0483, 0x011A) + b"UFD\x10"
    return file + struct.pack("<I", zlib.crc32(file) ^ 0xFFFFFFFF)


def write(folder: Path, name: str, contents: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


def test_bin_goes_to_the_start_of_flash(tmp_path: Path) -> None:
    assert load_image(write(tmp_path, "a.bin", DATA)) == [(BASE, DATA)]


def test_elf_segments_go_to_their_load_address(tmp_path: Path) -> None:
    contents = elf(
        [(1, BASE, DATA), (6, 0, b"no"), (1, BASE + 0x100, b"xy"), (1, 0x20000000, b"")]
    )
    path = write(tmp_path, "a.elf", contents)
    assert load_image(path) == [(BASE, DATA), (BASE + 0x100, b"xy")]


@pytest.mark.parametrize(("kind", "upper"), [(4, b"\x08\x00"), (2, b"\x80\x00")])
def test_hex_records_that_touch_are_joined(tmp_path: Path, kind: int, upper: bytes) -> None:
    base = int.from_bytes(upper, "big") << (16 if kind == 4 else 4)
    lines = [
        hex_line(0, kind, upper),
        hex_line(0, 0, DATA[:16]),
        hex_line(16, 0, DATA[16:32]),
        hex_line(0x100, 0, b"xy"),
        hex_line(0, 5, bytes(4)),
        hex_line(0, 1, b""),
    ]
    path = write(tmp_path, "a.hex", "\r\n".join(lines))
    assert load_image(path) == [(base, DATA[:32]), (base + 0x100, b"xy")]


def test_dfu_elements_go_to_their_address(tmp_path: Path) -> None:
    path = write(tmp_path, "a.dfu", dfuse([(BASE, DATA), (BASE + 0x20000, b"more")]))
    assert load_image(path) == [(BASE, DATA), (BASE + 0x20000, b"more")]


@pytest.mark.parametrize(
    ("name", "contents", "text"),
    [
        ("a.uf2", b"x", "its name must end in .elf, .hex, .dfu, .bin"),
        ("a.bin", b"", "is empty"),
        ("a.hex", hex_line(0, 1, b""), "holds nothing to load"),
        ("a.elf", b"\x7fELF\x02\x01", "not a 32-bit little-endian ELF file.*download it"),
        ("a.elf", elf([(1, BASE, DATA)], machine=62), "machine 62, not for ARM"),
        ("a.elf", b"\x7fELF\x01\x01" + bytes(4), "damaged or no .elf file.*download it again"),
        ("a.hex", ":0000000", "line 1 is no valid Intel HEX record"),
        ("a.hex", hex_line(0, 0, DATA)[:-2] + "00", "line 1 is no valid Intel HEX record"),
        ("a.hex", "hello", "line 1 is no valid Intel HEX record.*download it again"),
        ("a.hex", hex_line(0, 0, DATA) + "\n" + hex_line(16, 0, DATA)[:-5], r"line 2.*incomplete"),
        ("a.hex", hex_line(0, 0, DATA) + "\n:", r"line 2.*incomplete"),
        ("a.hex", hex_line(0, 0, DATA), "is missing: the file is incomplete"),
        ("a.elf", elf([(1, BASE, DATA)])[:-1], "within a segment: the file is incomplete"),
        ("a.dfu", b"Dfu", "not a DfuSe file.*download it again"),
        ("a.dfu", dfuse([(BASE, DATA)])[:-20], "incomplete.*download it again"),
        ("a.dfu", dfuse([(BASE, DATA)])[:-1] + b"\0", "checksum"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    tmp_path: Path, name: str, contents: bytes | str, text: str
) -> None:
    path = write(tmp_path, name, contents)
    with pytest.raises(ImageError, match=text) as refused:
        load_image(path)
    assert str(path) in str(refused.value)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_image(tmp_path / "no.bin")


def test_pieces_start_at_blocks_and_share_none() -> None:
    segments = [(BASE + 0x370, DATA), (BASE, bytes(0x370)), (BASE + 0x1010, b"ab")]
    first, second = blocks(segments)
    assert first == (BASE, (bytes(0x370) + DATA).ljust(0x3A0, b"\xff"))
    assert second == (BASE + 0x1000, b"\xff" * 16 + b"ab" + b"\xff" * 14)
