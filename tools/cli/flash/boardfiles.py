"""What boards/ says of a board that names itself by sys.implementation._build."""

from __future__ import annotations

import tomllib
from typing import Any

from ...paths import BOARDS


def filesystem(build: str) -> tuple[int, int] | None:
    """(start, size in bytes) of the file system in the flash of the chip, None if unknown."""
    found = _file(build).get("memory", {}).get("filesystem")
    return (found[0], found[1]) if found else None


def one_cable(build: str) -> bool:
    """The ROM listens on the pins of the prompt."""
    board = _file(build)
    ends = [board.get(name, {}) for name in ("console", "rom_wire")]
    console, rom = ([end.get(key) for key in ("usart", "tx", "rx")] for end in ends)
    return console == rom and None not in console


def _file(build: str) -> dict[str, Any]:
    path = BOARDS / f"{build}.toml"
    return tomllib.loads(path.read_text()) if build and path.is_file() else {}
