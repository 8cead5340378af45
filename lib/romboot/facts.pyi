from .chip import Chip

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
    interfaces: str
    def __init__(self) -> None: ...
    def table(self) -> str: ...
