"""A hot-plug event as udevd sends it to the programs that listen: systemd's sd-device, monitor
protocol of libudev."""

from __future__ import annotations

import struct
from collections.abc import Mapping

MAGIC = 0xFEEDCAFE
HEADER = 40
MASK, MULTIPLIER = 0xFFFFFFFF, 0x5BD1E995  # MurmurHash2, by which listeners filter


def message(properties: Mapping[str, str]) -> bytes:
    """The message; `properties` with ACTION, DEVPATH, SUBSYSTEM and so on."""
    body = b"".join(f"{key}={value}".encode() + b"\0" for key, value in properties.items())
    kind = properties.get("DEVTYPE")
    return (
        b"libudev\0"
        + struct.pack(">I", MAGIC)
        + struct.pack("=III", HEADER, HEADER, len(body))
        + struct.pack(">IIII", murmur(properties["SUBSYSTEM"]), murmur(kind) if kind else 0, 0, 0)
        + body
    )


def murmur(text: str) -> int:
    """MurmurHash2 with seed 0."""
    key = text.encode()
    found = len(key)
    while len(key) >= 4:
        word = int.from_bytes(key[:4], "little") * MULTIPLIER & MASK
        word = (word ^ word >> 24) * MULTIPLIER & MASK
        found = found * MULTIPLIER & MASK ^ word
        key = key[4:]
    if key:
        found = (found ^ int.from_bytes(key, "little")) * MULTIPLIER & MASK
    found = (found ^ found >> 13) * MULTIPLIER & MASK
    return found ^ found >> 15
