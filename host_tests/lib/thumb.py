"""Thumb machine code, just far enough to tell ARMv6-M instructions from others."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

# SYSm of MSPLIM, PSPLIM, BASEPRI, BASEPRI_MAX and FAULTMASK, which ARMv6-M has not
FOREIGN = (10, 11, 17, 18, 19)


@dataclass(frozen=True)
class Instruction:
    """second is None for a 16-bit instruction."""

    offset: int
    first: int
    second: int | None

    def __str__(self) -> str:
        second = "" if self.second is None else f" {self.second:04x}"
        return f"+{self.offset}: {self.first:04x}{second}"


def instructions(code: bytes) -> Iterator[Instruction]:
    """One after the other: the code has no literals in between."""
    halfwords = struct.unpack(f"<{len(code) // 2}H", code)
    at = 0
    while at < len(halfwords):
        first = halfwords[at]
        wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        yield Instruction(2 * at, first, halfwords[at + 1] if wide else None)
        at += 2 if wide else 1


def is_call(instruction: Instruction) -> bool:
    """BL."""
    first, second = instruction.first, instruction.second or 0
    return first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000


def in_armv6m(instruction: Instruction) -> bool:
    """After DDI 0419E (ARMv6-M ARM) A5.2 and A5.3."""
    first, second = instruction.first, instruction.second
    if second is None:
        return _narrow(first)
    if is_call(instruction):
        return True
    if first & 0xFFF0 == 0xF380 and second & 0xFF00 == 0x8800:  # MSR
        return second & 0xFF not in FOREIGN
    if first == 0xF3EF and second & 0xF000 == 0x8000:  # MRS
        return second & 0xFF not in FOREIGN
    return first == 0xF3BF and second & 0xFFF0 in (0x8F40, 0x8F50, 0x8F60)  # DSB, DMB, ISB


def _narrow(first: int) -> bool:
    if first >> 12 != 0xB:
        return first >> 8 != 0xDE  # UDF
    if first & 0xF500 == 0xB100:
        return False  # CBZ, CBNZ
    if first >> 8 == 0xBF:
        return first & 0xF == 0  # hints, not IT
    if first >> 5 == 0xB660 >> 5:
        return first in (0xB662, 0xB672)  # CPSIE i, CPSID i: no faultmask
    return True
