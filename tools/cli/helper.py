"""What the library on this machine has for romboot.jump: the machine code, for any build."""

from __future__ import annotations

import functools
import itertools
import struct
from typing import Any

from .hosted import Hosted
from .memory import Buffers
from .prompt import BoardError, Prompt

LOOK, GO, COMPLETE, CONTROL = range(4)  # tasks, as in lib/romboot/jump.py

# mrs r0, CONTROL: bit 0 says that thread mode is unprivileged
READ_CONTROL = """
import micropython
@micropython.asm_thumb
def control():
    data(2, 0xF3EF, 0x8014)
print(control())
"""
MOV_R2_PC = 0x467A


class Helper:
    """jump.helper(), by jump_bytes.py: also where the build has the inline assembler, whose source
    would take more of the heap than its machine code does."""

    def __init__(self, prompt: Prompt, library: Hosted, buffers: Buffers) -> None:
        self._prompt, self._library, self._buffers = prompt, library, buffers

    @functools.cached_property
    def _code(self) -> Any:
        code = self._library.module("jump_bytes")
        # Not when it LOOKs, but just before it GOes: then nothing goes to the board in vain.
        self._prepare, code._prepare = code._prepare, lambda image: None
        return code

    @property
    def MPU_CTRL(self) -> int:
        """As jump_bytes has it."""
        return self._code.MPU_CTRL

    def code_address(self) -> int:
        """As jump_bytes has it."""
        return self._code.code_address()

    def helper(self, image: Any, task: int) -> int:
        """GO: to be recorded. If the board carries out the steps and is still there, the result is
        what it means: MSP, as there was no room."""
        if task == CONTROL:
            return self._control()
        if task == COMPLETE:
            return complete(image, self._code._CODE)
        if task == GO:
            self._prepare(image)
        return self._code.helper(image, task)

    def _control(self) -> int:
        if self._buffers.in_sram:  # no function on the heap could read it
            return 0  # but the library reads SCB, which is a fault in unprivileged mode
        try:
            return int(self._prompt.run(READ_CONTROL))
        except BoardError as error:
            if error.kind != "SyntaxError":
                raise
            return self._code.helper(0, CONTROL)  # no inline assembler


def complete(image: Any, code: bytes) -> int:
    """What the machine code does for COMPLETE, but for the address that it returns: the resident
    part behind the script."""
    (words,) = struct.unpack_from("<I", image)
    part = resident(code)
    image[4 * words : 4 * words + len(part)] = part
    return 0


def resident(code: bytes) -> bytes:
    """The part of the helper that goes along with the script: from behind the first BL up to the
    first `mov r2, pc`, in whole words, where the helper itself measures it (jump.py, OUTSIDE)."""
    halves = struct.unpack(f"<{len(code) // 2}H", code)
    pairs = itertools.pairwise(halves)
    # BL: ARM DDI 0419E A6.7.13, encoding T1
    call = next(
        i for i, (a, b) in enumerate(pairs) if a & 0xF800 == 0xF000 and b & 0xD000 == 0xD000
    )
    start, end = 2 * call + 4, 2 * halves.index(MOV_R2_PC) + 4
    return code[start : start + (end - start + 3) // 4 * 4]
