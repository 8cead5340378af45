"""Figures carried over from SVD files of ST that no package has: st_svd/*.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from host_tests.tables.oracles.svd import Register, Svd

FOLDER = Path(__file__).parent / "st_svd"
WORD = 4


@cache
def svds() -> dict[int, Svd]:
    """DEV_ID -> what the files of its parts say together. A field is named only if it is a clock
    of which the tables speak."""
    found: dict[int, Svd] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        dies = tomllib.loads(path.read_text())
        found |= {int(key, 16): _svd(f"{path.stem}-{key}", _whole(dies, key)) for key in dies}
    return found


def _whole(dies: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """A die with what it has from the one that it extends. False: it has not got that."""
    own = dict(dies[key])
    base = _whole(dies, own.pop("extends")) if "extends" in own else {}
    return {block: base.get(block, {}) | own.get(block, {}) for block in base | own}


def _svd(name: str, blocks: dict[str, dict[str, Any]]) -> Svd:
    bases = blocks.pop("bases", {})
    clocks = blocks.pop("clocks", {})
    registers = [
        register
        for block, rows in blocks.items()
        for first, row in rows.items()
        if row
        for register in _registers(block, first, *row)
    ]
    for clock, (enable, bit) in clocks.items():
        fields = next(r.fields for r in registers if (r.block, r.name) == ("RCC", enable))
        fields[f"{clock}EN"] = 1 << bit
    return Svd(name, bases, tuple(registers))


def _registers(
    block: str, first: str, address: int, reset: int, bits: int, count: int = 1
) -> list[Register]:
    stem = first.rstrip("0123456789") if count > 1 else first
    start = int(first[len(stem) :] or 0)
    return [
        Register(
            block,
            f"{stem}{start + n}" if count > 1 else first,
            address + n * WORD,
            reset,
            {"": bits},
        )
        for n in range(count)
    ]
