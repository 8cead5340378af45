"""An exact count of instructions, and a stop at an exact one.

Unicorn counts instructions itself when it is started with `count=`: a native hook adds one to
`emu_counter` before each instruction and stops once it passes `emu_count`. Both are fields of
its private engine structure and have no accessor, but the bench needs them: `emu_counter`
says how many instructions ran when something else stopped the slice, and lowering `emu_count`
from inside a callback stops the slice right before the next instruction, where `emu_stop()` would
leave the PC on the instruction that is executing and run it twice.

So the fields are searched for, once a process: run a loop for some number of instructions, search
for that number, and do the same with another. Then a program that stops early, and one whose limit
is lowered, prove that these are the fields.
"""

from __future__ import annotations

import ctypes
import functools

from unicorn import UC_HOOK_INTR
from unicorn.arm_const import UC_ARM_REG_PC, UC_CPU_ARM_CORTEX_M4
from unicorn.unicorn import Uc
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_THUMB

from . import library

# The structure goes on for some 10 KiB after the fields (a jump buffer for each of 64 levels),
# so reading this much of it stays inside the allocation.
_SEARCH_WORDS = 512
_WORD = ctypes.sizeof(ctypes.c_size_t)


class NativeCounter:
    """Instructions of the slice under way: two fields of Unicorn's own count hook, in cells whose
    `value` is read and written.

    Attributes:
        begun: instructions begun, the present one included, or the one before which the limit
            stopped.
        limit: those after which the slice stops. May be lowered from a callback.
    """

    def __init__(self, uc: Uc, offset: int | None = None) -> None:
        """`offset` of the fields in the engine structure; without it they are searched for.

        Raises:
            RuntimeError: they are not there.
        """
        if offset is None:
            offset = find_offset()
        address = _address_of(uc) + offset
        self._handle = uc._uch
        self.begun = ctypes.c_size_t.from_address(address)
        self.limit = ctypes.c_size_t.from_address(address + _WORD)

    def start(self, begin: int, count: int) -> None:
        """Run at most `count` instructions from address `begin`. Raises UcError."""
        library.check(library.emu_start(self._handle, begin, 0, 0, count))


@functools.cache
def find_offset() -> int:
    """Offset of `emu_counter` in the engine structure, `emu_count` right after it."""
    candidates = _candidates(70_001) & _candidates(12_347)
    for offset in candidates:
        if len(candidates) == 1 and _early_stop_is_counted(offset) and _limit_is_obeyed(offset):
            return offset
    raise RuntimeError(
        "this version of Unicorn does not keep its instruction counter where the virtual board "
        "looks for it, so the board cannot run. Unicorn 2.1.4 is known to work: pip install "
        "unicorn==2.1.4"
    )


_CODE = 0x1000
_MMIO = 0x40000000
_LOOP = b"\xfe\xe7"  # b .
_THREE_THEN_SVC = b"\x00\xbf\x00\xbf\x00\xdf"  # nop; nop; svc 0
# ldr r0, [pc, #4]; str r0, [r0]; adds r1, #1; b .-2; .word _MMIO
_STORE_LOOP = b"\x01\x48\x00\x60\x49\x1c\xfc\xe7" + _MMIO.to_bytes(4, "little")


def _candidates(count: int) -> set[int]:
    uc = _probe(_LOOP)
    uc.emu_start(_CODE | 1, 0, count=count)
    words = (ctypes.c_size_t * _SEARCH_WORDS).from_address(_address_of(uc))
    return {
        index * _WORD
        for index in range(_SEARCH_WORDS - 1)
        if words[index] == count + 1 and words[index + 1] == count
    }


def _early_stop_is_counted(offset: int) -> bool:
    uc = _probe(_THREE_THEN_SVC)
    counter = NativeCounter(uc, offset)
    uc.hook_add(UC_HOOK_INTR, lambda uc, number, data: uc.emu_stop())
    counter.start(_CODE | 1, 1000)
    return (counter.begun.value, counter.limit.value) == (3, 1000)


def _limit_is_obeyed(offset: int) -> bool:
    """A store lowers the limit in its callback; the next instruction must not begin."""
    uc = _probe(_STORE_LOOP)
    counter = NativeCounter(uc, offset)
    seen: list[int] = []

    def store(uc: Uc, offset: int, size: int, value: int, data: object) -> None:
        seen.append(counter.begun.value)
        counter.limit.value = counter.begun.value

    uc.mmio_map(_MMIO, 0x1000, None, None, store, None)
    counter.start(_CODE | 1, 1000)
    stopped_at = uc.reg_read(UC_ARM_REG_PC)
    return seen == [2] and counter.begun.value == 3 and stopped_at == _CODE + 4


def _probe(code: bytes) -> Uc:
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB, cpu=UC_CPU_ARM_CORTEX_M4)
    uc.ctl_exits_enabled(True)
    uc.mem_map(_CODE, 0x1000)
    uc.mem_write(_CODE, code)
    return uc


def _address_of(uc: Uc) -> int:
    # The handle that uc_open() returns is the address of the engine structure.
    handle = uc._uch
    assert handle is not None and handle.value
    return handle.value
