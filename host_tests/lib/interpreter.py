"""Carries out a script on fake registers, as jump.helper() does on real ones."""

from __future__ import annotations

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import Registers


class TimeoutResetError(Exception):
    """A wait did not come true: the helper resets the chip."""


def run(board: Board, image: bytes, registers: Registers) -> int:
    """Carry out an image; the address of the vector table at its end."""
    script = board.facts
    for kind, address, value, rest in script.steps(image):
        if address == 0:
            return value
        assert address % 4 == 0
        if kind == script._WRITE:
            registers.write(address, value)
        elif kind == script._FILL:
            for number in range(rest[0]):
                registers.write(address + 4 * number, value)
        elif kind == script._CHANGE:
            registers.write(address, registers.peek(address) & ~value | rest[0])
        elif registers.peek(address) & value != rest[0]:
            raise TimeoutResetError(f"0x{address:08X} & 0x{value:08X} is not 0x{rest[0]:08X}")
    raise AssertionError("the script has no end")
