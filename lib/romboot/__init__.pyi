from typing import Literal, NoReturn, overload

from .facts import Info, Plan

__version__: str

class RomBootError(Exception): ...

def error(name: str, *values: object) -> RomBootError: ...

NO_MEMORY: RomBootError
IMPORT_ERRORS: tuple[type[Exception], ...]

_Via = Literal["jump", "reset"] | None

@overload
def enter_bootloader(
    *, after_ms: None = None, force: bool = False, via: _Via = None
) -> NoReturn: ...
@overload
def enter_bootloader(*, after_ms: int, force: bool = False, via: _Via = None) -> None: ...
def cancel() -> None: ...
def plan(*, force: bool = False, via: _Via = None) -> Plan: ...
def info() -> Info: ...
