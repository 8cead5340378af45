from collections.abc import Iterator
from typing import Any, NoReturn

from . import RomBootError
from .chip import Chip

def about(chip: Chip, *places: int) -> list[Any]: ...
def die(chip: Chip) -> list[Any]: ...
def pcrop(chip: Chip) -> str: ...
def warnings(chip: Chip, via: str) -> Iterator[str]: ...
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

class Plan:
    chip: Chip
    reasons: list[RomBootError]
    via: str
    why: str
    def __init__(self, force: bool = False, via: str | None = None) -> None: ...
    def __bool__(self) -> bool: ...
    def steps(self) -> Iterator[tuple[int, int, int, tuple[int, ...]]]: ...
    def go(self, _: object = None) -> NoReturn: ...
