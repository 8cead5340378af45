"""A table of registers behind addresses, and how narrow accesses reach them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[], int]
Write = Callable[[int], None]


@dataclass(frozen=True)
class RegisterView:
    """One register, as `arrival.audit` compares it."""

    name: str
    address: int
    value: int
    reset: int
    mask: int  # implemented bits
    reset_known: bool  # False where the manual calls the reset value UNKNOWN; `reset` is then 0


@dataclass(slots=True)
class Register:
    """A 32-bit register.

    `peek` reads without side effects, `read` as software does. A narrow write is completed with
    the present value, or with zeros where writing 1 has an effect (`ones_act`).
    """

    name: str
    offset: int
    peek: Read
    write: Write | None = None
    read: Read | None = None
    reset: int = 0
    mask: int = 0xFFFFFFFF
    ones_act: bool = False
    listed: bool = True
    reset_known: bool = True


class RegisterFile:
    """Registers by offset; offsets that have none read 0 and ignore writes."""

    def __init__(self, base: int, registers: Iterable[Register]) -> None:
        self._base = base
        self._by_offset = {register.offset: register for register in registers}

    def load(self, offset: int, size: int) -> int:
        register = self._by_offset.get(offset & ~3)
        if register is None:
            return 0
        word = (register.read or register.peek)()
        return word >> 8 * (offset & 3) & ((1 << 8 * size) - 1)

    def store(self, offset: int, size: int, value: int) -> None:
        register = self._by_offset.get(offset & ~3)
        if register is None or register.write is None:
            return
        if size < 4:
            shift = 8 * (offset & 3)
            lane = ((1 << 8 * size) - 1) << shift
            rest = 0 if register.ones_act else register.peek() & ~lane
            value = rest | value << shift & lane
        register.write(value)

    def views(self) -> Iterable[RegisterView]:
        for r in self._by_offset.values():
            if r.listed:
                yield RegisterView(
                    r.name, self._base + r.offset, r.peek(), r.reset, r.mask, r.reset_known
                )
