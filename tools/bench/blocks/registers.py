"""What a register is: a line of `kinds.toml`, `families/*.toml` or `chips/*.toml`.

Short form `NAME = [offset, reset value, implemented bits, access]`, the last one optional; long
form a table with `at`, `reset`, `mask`, `access` and:

- `read_only`: implemented bits that software cannot change;
- `self_clearing`: bits that hardware clears at once after software has set them;
- `set_only`: bits that software can set and only a reset clears;
- `unknown`: bits without a documented reset value, or that show levels from outside;
- `step`, `from`, `to`: the line stands for several registers, "#" in the name is the number.

A kind that says `extends = "other kind"` has the lines of that one too; its own take their place.

Access is that of ST's manuals: nothing (rw), "r", "w" (reads as 0), "rc_w1", "rc_w0"; "x" says
that the manual gives no value after a reset, so none is compared.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

KINDS = Path(__file__).parent.parent / "kinds.toml"
ACCESS = frozenset({"r", "w", "rc_w1", "rc_w0", "x"})
WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register. Bits outside `mask` read as in `reset` whatever is written."""

    name: str
    offset: int
    reset: int
    mask: int
    access: frozenset[str] = frozenset()
    read_only: int = 0
    self_clearing: int = 0
    set_only: int = 0
    unknown: int = 0

    @property
    def writable(self) -> int:
        return 0 if "r" in self.access else self.mask & ~self.read_only

    @property
    def compared(self) -> int:
        """Bits that must be as in `reset` after a system reset."""
        return 0 if "x" in self.access else WORD & ~self.unknown


def parse(table: Mapping[str, Any]) -> tuple[Register, ...]:
    """The registers of one TOML table. Raises ValueError for an invalid line."""
    return tuple(register for name, line in table.items() for register in _parse_line(name, line))


def _parse_line(name: str, line: Any) -> Iterator[Register]:
    if isinstance(line, list):
        at, reset, mask, *access = line
        yield _register(name, at, {"reset": reset, "mask": mask, "access": "".join(access)})
        return
    if "step" not in line:
        yield _register(name, line["at"], line)
        return
    first = line.get("from", 0)
    for number in range(first, line["to"] + 1):
        at = line["at"] + (number - first) * line["step"]
        yield _register(name.replace("#", str(number)), at, line)


def _register(name: str, at: int, line: Mapping[str, Any]) -> Register:
    access = frozenset(line.get("access", "").split())
    if at % 4 or not access <= ACCESS:
        raise ValueError(f"register {name}: offset {at:#x}, access {sorted(access)}")
    return Register(
        name,
        at,
        line["reset"],
        line["mask"],
        access,
        line.get("read_only", 0),
        line.get("self_clearing", 0),
        line.get("set_only", 0),
        line.get("unknown", 0),
    )


@cache
def kinds() -> Mapping[str, tuple[Register, ...]]:
    """Kind and version, such as "usart v1" -> its registers."""
    tables: dict[str, dict[str, Any]] = {}
    for kind, table in tomllib.loads(KINDS.read_text()).items():
        tables[kind] = tables[table.pop("extends")] | table if "extends" in table else table
    return {kind: parse(table) for kind, table in tables.items()}
