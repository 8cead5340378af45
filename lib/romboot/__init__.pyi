from typing import Literal, NoReturn, overload

from .errors import RomBootError as RomBootError
from .info import Info
from .plan import Plan

__version__: str

_Via = Literal["jump"] | None

@overload
def enter_bootloader(
    *, after_ms: None = None, force: bool = False, via: _Via = None
) -> NoReturn: ...
@overload
def enter_bootloader(*, after_ms: int, force: bool = False, via: _Via = None) -> None: ...
def plan(*, force: bool = False, via: _Via = None) -> Plan: ...
def info() -> Info: ...
