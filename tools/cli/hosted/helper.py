"""What the library on this machine has for romboot.jump: the machine code, for any build."""

from __future__ import annotations

import functools
import itertools
import struct
from typing import Any

from ..port.prompt import BoardError, Prompt
from .memory import Buffers, Memory
from .modules import Modules

LOOK, GO, COMPLETE, CONTROL = range(4)  # tasks, as in lib/romboot/jump.py

# mrs r0, CONTROL: bit 0 says that thread mode is unprivileged
READ_CONTROL = """
import micropython
@micropython.asm_thumb
def control():
    data(2, 0xF3EF, 0x8014)
print(control())
"""
VTOR, CCR = 0xE000ED08, 0xE000ED14  # ARM DDI 0403E B3.2
CACHES = 3 << 16  # CCR
MOV_R2_PC = 0x467A


class Helper:
    """jump.helper(), by jump_bytes.py: also where the build has the inline assembler, whose source
    would take more of the heap than its machine code does.

    Attributes:
        source: for the board, before the recorded statements: what defines `helper` there.
    """

    def __init__(self, prompt: Prompt, library: Modules, memory: Memory, buffers: Buffers) -> None:
        self._prompt, self._library = prompt, library
        self._memory, self._buffers = memory, buffers
        self.source = "helper = None"

    @functools.cached_property
    def _code(self) -> Any:
        return self._library.module("jump_bytes")

    def code_address(self) -> int:
        """As jump_bytes has it."""
        return self._code.code_address()

    def helper(self, image: Any, task: int) -> int:
        """LOOK judges by MSP as the vector table has it. GO: to be recorded. If the board carries
        out the steps and is still there, the result is what it means: MSP, as there was no
        room."""
        if task == CONTROL:
            return self._control()
        if task == COMPLETE:
            return complete(image, resident(self._code))
        mem32 = self._memory.machine.mem32
        stack = mem32[mem32[VTOR]]
        if task == GO:
            self._go(image)
            return stack
        ram, ram_end = struct.unpack_from("<2I", image, 4)
        needed = len(image) + len(resident(self._code))
        return 0 if ram + needed < stack <= ram_end else stack

    def _go(self, image: Any) -> None:
        code = bytearray(self._code._CODE)
        where = self._buffers.addressof(image)
        struct.pack_into("<2I", code, self._code._IMAGE, where, GO)
        address = self._buffers.addressof(code)
        self.source = "RomBootError = Exception\n" + self._library.source("jump_bytes", "function")
        self.source += f"helper = function({address})"
        if self._memory.read(CCR, 4) & CACHES:
            self.source += f"\n{self._library.source('cache', 'clean')}"
            self.source += f"clean({address}, {len(code)})"
        self._memory.later("helper()")

    def _control(self) -> int:
        if self._buffers.in_sram:  # no function on the heap could read it
            return 0  # but the library reads SCB, which is a fault in unprivileged mode
        try:
            return int(self._prompt.run(READ_CONTROL))
        except BoardError as error:
            if error.kind != "SyntaxError":
                raise
            return 0  # no inline assembler: so nothing has left privileged mode


def complete(image: Any, part: bytes) -> int:
    """What the machine code does for COMPLETE, but for the address that it returns: the resident
    part behind the script."""
    (words,) = struct.unpack_from("<I", image)
    image[4 * words : 4 * words + len(part)] = part
    return 0


def resident(jump_bytes: Any) -> bytes:
    """The part of the helper that goes along with the script: from behind the first BL up to the
    first `mov r2, pc`, in whole words, where the helper itself measures it (jump.py, OUTSIDE)."""
    code = jump_bytes._CODE[jump_bytes._IMAGE + 8 :]  # jump.helper()
    halves = struct.unpack(f"<{len(code) // 2}H", code)
    pairs = itertools.pairwise(halves)
    # BL: ARM DDI 0419E A6.7.13, encoding T1
    call = next(
        i for i, (a, b) in enumerate(pairs) if a & 0xF800 == 0xF000 and b & 0xD000 == 0xD000
    )
    start, end = 2 * call + 4, 2 * halves.index(MOV_R2_PC) + 4
    return code[start : start + (end - start + 3) // 4 * 4]
