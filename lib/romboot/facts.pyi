from typing import Any

from .chip import Chip

def tables(chip: Chip) -> Any: ...
def die(chip: Chip) -> tuple[str, int, str]: ...
def pcrop(chip: Chip) -> str: ...
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
    interfaces: str
    def __init__(self) -> None: ...
    def table(self) -> str: ...
