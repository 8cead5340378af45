from typing import Any

from .chip import Chip

def tables(chip: Chip) -> Any: ...
def die(chip: Chip) -> tuple[str, int, str]: ...
def pcrop(chip: Chip) -> str: ...

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
    interfaces: str
    def __init__(self) -> None: ...
    def table(self) -> str: ...
