from collections.abc import Iterator
from typing import Any

from .chip import Chip

def tables(chip: Chip) -> Any: ...
def pcrop(facts: Any) -> str: ...
def warnings(chip: Chip, via: str = "jump") -> Iterator[str]: ...
def cores(chip: Chip) -> tuple[bool | None, str]: ...

class Info:
    chip: Chip
    name: str
    dev_id: int
    rev_id: int
    flash_kib: int
    uid: bytes
    rom: int
    id: int
    rdp: int
    pcrop: bool
    dual_core: bool | None
    known: int | None
    interfaces: list[str]
    notes: list[str]
    warnings: list[str]
    def __init__(self) -> None: ...
    def table(self) -> str: ...
