"""Each instruction of jump.py that is there for one kind of core is missed when it is a nop.

On some core, from some place, something named is off then. Barriers are left out: what they order,
no emulator has out of order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from host_tests.lib import thumb
from host_tests.lib.test_jump_run import departs
from host_tests.lib.thumb import Instruction
from tools import machine_code

NOP = b"\xc0\x46"
BARRIERS = ("dsb", "isb")

# From the line that holds the first text up to that with the second.
PARTS = {
    "no RETTOBASE": ("bmi(LAST)  # ICSR.RETTOBASE", "# Others are active"),
    "EXC_RETURN": ("label(UNWIND)", "label(EXC_RETURN)"),
    "stack limits": ("cpsid(i)", "label(UNLIMITED)"),
    "caches": ("label(UNLIMITED)", "label(UNCACHED)"),
}
# Where to look first; all are tried.
WITNESSES = (
    ("both caches on", "cortex-m7"),
    ("an interrupt", "cortex-m4"),
    ("an interrupt", "cortex-m0+"),
    ("both caches on, the image in SDRAM", "cortex-m7"),
    ("the I-cache on", "cortex-m7"),
    ("the D-cache on", "cortex-m7"),
    ("stack limits, an interrupt", "cortex-m33"),
    ("the NMI in irq0", "cortex-m33"),
    ("both caches on, another one selected, UNALIGN_TRP set", "cortex-m7"),
    ("the NMI in irq0", "cortex-m4"),
)


def statements(code: bytes) -> Iterator[tuple[str, Instruction]]:
    """The lines of helper() in jump.py, each with its instruction (a label with the next one)."""
    _, _, body = machine_code.SOURCE.read_text().partition("def helper(r0, r1):\n")
    listing = iter(list(thumb.instructions(code))[1:])  # behind the prologue
    instruction = next(listing)
    for line in body.splitlines():
        yield line.strip(), instruction
        if re.match(r"    (?!label)\w+\(", line):
            instruction = next(listing)
    assert list(listing) == [], "as many statements as instructions"


def in_part(part: str, code: bytes) -> list[tuple[str, Instruction]]:
    first, last = PARTS[part]
    found: list[tuple[str, Instruction]] = []
    inside = False
    for line, instruction in statements(code):
        if last in line:
            return found
        is_code = re.match(r"(?!label)\w+\(", line) and not line.endswith(BARRIERS)
        if inside and is_code:
            found.append((line, instruction))
        inside = inside or first in line
    raise AssertionError(f"jump.py has no {first!r} before {last!r}")


def without(code: bytes, instruction: Instruction) -> bytes:
    halves = 1 if instruction.second is None else 2
    at = instruction.offset
    return code[:at] + NOP * halves + code[at + 2 * halves :]


def noticed(helper: bytes) -> list[str]:
    for where, core in WITNESSES:
        if off := departs(where, core, helper):
            return [f"{core}, {where}: {', '.join(off)}"]
    return []


@pytest.mark.parametrize("part", PARTS)
def test_each_instruction_is_missed(part: str) -> None:
    code = machine_code.assemble()
    needless = []
    for line, instruction in in_part(part, code):
        seen = noticed(without(code, instruction))
        if not seen:
            needless.append(line)
    assert needless == []
