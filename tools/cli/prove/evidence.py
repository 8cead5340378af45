"""Whether a board is a virtual one. What it says is evidence; what nobody says is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...bench import lot

TERMINALS = Path("/dev/pts")
EMPTY = (bytes(12), b"\xff" * 12)


def virtual(uid: bytes, *ports: str | None) -> list[str]:
    """Why this board is no silicon, a sentence for each reason; empty if it is.

    The chip itself carries the mark, so it is there with any firmware and over any port. The
    others are for a chip of another emulator, and for a port that leads who knows where.

    Args:
        uid: its 12 bytes of unique ID.
        ports: those of its prompt and of its ROM.
    """
    return [*_chip(uid), *_way({port for port in ports if port})]


def _chip(uid: bytes) -> Iterator[str]:
    if lot.is_virtual(uid):
        yield "the lot number in its unique ID is that of romboot's virtual chips"
    if uid in EMPTY:
        yield "it has no unique ID, as every chip of silicon has"


def _way(ports: set[str]) -> Iterator[str]:
    if any("://" in port or Path(port).resolve().is_relative_to(TERMINALS) for port in ports):
        yield "a port is a pseudo terminal or a socket: what is behind it cannot be seen"
    if "UMOCKDEV_DIR" in os.environ:
        yield "USB is that of umockdev"
