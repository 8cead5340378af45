"""As much of Thumb as the run loop has to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator

WFE, SEV, WIDE_WFE = 0xBF20, 0xBF40, 0x8002  # the wide one's second halfword
_LONGEST = 64  # instructions; keeps the scan short where data is taken for code


class StraightLines:
    """Where code runs straight on: up to the next branch or write of a mask.

    Running exactly so far and then looking finds every CPSIE and MSR the moment it is done.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        """`read(address, length)` gives the bytes there, fewer where memory ends."""
        self._read = read
        self._known: dict[int, tuple[bytes, int, bool]] = {}

    def __call__(self, pc: int) -> tuple[bytes, int, bool]:
        """Code and instructions from `pc` to that one inclusive, and if it may write a mask."""
        known = self._known.get(pc)
        if known is None or self._read(pc, len(known[0])) != known[0]:  # code may change
            known = self._known[pc] = self._scan(pc)
        return known

    def _scan(self, pc: int) -> tuple[bytes, int, bool]:
        code = self._read(pc, 4 * _LONGEST + 16)
        at = 0
        for count in range(1, _LONGEST + 1):
            first, second = _halfwords(code, at)
            wide = first >= 0xE800
            at += 4 if wide else 2
            if _is_it(first):
                end, mask = _it_block(code, at, first)
                return code[:end], count, mask
            mask = _is_msr(first, second) if wide else _is_cps(first)
            if mask or (_wide_branches(first, second) if wide else _narrow_branches(first)):
                return code[:at], count, mask
        return code[:at], _LONGEST, False


def _halfwords(code: bytes, at: int) -> tuple[int, int]:
    pair = int.from_bytes(code[at : at + 4], "little")
    return pair & 0xFFFF, pair >> 16


def _it_block(code: bytes, at: int, it: int) -> tuple[int, bool]:
    """Where the block of `it`, which begins at `at`, ends, and whether it may write a mask.

    A line ends with the IT instruction: its block is then executed to the end, and it cannot be
    said beforehand how many of its instructions will count.
    """
    mask = False
    for _ in range(_it_length(it)):
        first, second = _halfwords(code, at)
        wide = first >= 0xE800
        mask = mask or (_is_msr(first, second) if wide else _is_cps(first))
        at += 4 if wide else 2
    return at, mask


def _is_it(op: int) -> bool:
    return op & 0xFF00 == 0xBF00 and op & 0xF != 0


def _it_length(it: int) -> int:
    """Instructions in its block."""
    return 5 - (it & -it & 0xF).bit_length()


def _is_cps(op: int) -> bool:
    return op & 0xFFE0 == 0xB660


def _is_msr(first: int, second: int) -> bool:
    return first & 0xFFE0 == 0xF380 and second & 0xD000 == 0x8000


def _narrow_branches(op: int) -> bool:
    return (
        op >= 0xD000  # B<c>, SVC, UDF, B
        or op & 0xFF00 == 0x4700  # BX, BLX
        or op & 0xFD87 == 0x4487  # ADD pc, MOV pc
        or op & 0xF500 == 0xB100  # CBZ, CBNZ
        or op & 0xFF00 in (0xBD00, 0xBE00)  # POP {..., pc}, BKPT
        or (op & 0xFF0F == 0xBF00 and op != 0xBF00)  # WFI and other hints
    )


def _wide_branches(first: int, second: int) -> bool:
    return (
        (first & 0xF800 == 0xF000 and second & 0x8000 != 0)  # B, BL, barriers
        or (first & 0xFE50 == 0xE810 and second & 0x8000 != 0)  # LDM with pc
        or (first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000)  # TBB, TBH
        or (first & 0xFF70 == 0xF850 and second >> 12 == 15)  # LDR pc
    )


def targets(code: bytes, at: int, word_at: Callable[[int], int]) -> set[int] | None:
    """Where the CPU may go on from a block of code at the address `at`, its end included but not
    returns; None if a register says where (or a table).

    Args:
        word_at: the word at an address.
    """
    last = last_instruction(code)
    first, second = _halfwords(code, last)
    pc, after = at + last + 4, at + len(code)
    wide = first >= 0xE800
    if not wide:
        if _narrow_branches(first):
            return _narrow_targets(first, pc, after)
    elif _wide_branches(first, second):
        return _wide_targets(first, second, pc, after, word_at)
    return {after}


def is_call(code: bytes) -> bool:
    """A block of code ends with BL."""
    first, second = _halfwords(code, last_instruction(code))
    return first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000


def calls_register(code: bytes) -> bool:
    """A block of code ends with BLX and one of r0 to r12."""
    op, _ = _halfwords(code, last_instruction(code))
    return op & 0xFF87 == 0x4780 and op >> 3 & 0xF < 13


def returns(code: bytes) -> bool:
    """A block of code ends with BX LR, or with a load of the PC from the stack."""
    first, second = _halfwords(code, last_instruction(code))
    return (
        first == 0x4770
        or first & 0xFF00 == 0xBD00
        or (first == 0xE8BD and second & 0x8000 != 0)
        or (first, second) == (0xF85D, 0xFB04)
    )


def conditional(code: bytes) -> set[int]:
    """Offsets of the instructions in the IT blocks of a block of code."""
    found: set[int] = set()
    left = 0
    for at in _instructions(code):
        first, _ = _halfwords(code, at)
        if left:
            found.add(at)
            left -= 1
        elif _is_it(first):
            left = _it_length(first)
    return found


def last_instruction(code: bytes) -> int:
    """Its offset in a block of code."""
    return max(_instructions(code))


def _instructions(code: bytes) -> Iterator[int]:
    """Their offsets in a block."""
    at = 0
    while at < len(code):
        yield at
        at += 4 if _halfwords(code, at)[0] >= 0xE800 else 2


def _narrow_targets(op: int, pc: int, after: int) -> set[int] | None:
    if op >> 11 == 0b11100:  # B
        return {pc + _signed(op, 11) * 2}
    if op >> 12 == 0b1101 and op & 0xF00 < 0xE00:  # B<c>
        return {after, pc + _signed(op, 8) * 2}
    if op & 0xF500 == 0xB100:  # CBZ, CBNZ
        return {after, pc + (op >> 9 & 1) * 64 + (op >> 3 & 0x1F) * 2}
    if op == 0x4770 or op & 0xFF00 == 0xBD00:  # BX lr, POP {..., pc}; perhaps in an IT block
        return {after}
    return None


def _wide_targets(
    first: int, second: int, pc: int, after: int, word_at: Callable[[int], int]
) -> set[int] | None:
    if first & 0xF800 == 0xF000:
        sign = first >> 10 & 1
        if second & 0x1000:  # B, BL
            high = (~(second >> 13 ^ sign) & 1) << 1 | ~(second >> 11 ^ sign) & 1
            offset = -sign << 24 | high << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
            return {after, pc + offset} if second & 0x4000 else {pc + offset}
        if first >> 6 & 0xE != 0xE:  # B<c>
            high = second >> 10 & 2 | second >> 13 & 1
            offset = -sign << 20 | high << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1
            return {after, pc + offset}
        return {after}  # barriers, MSR
    if first == 0xE8BD or (first, second) == (0xF85D, 0xFB04):  # POP {..., pc}
        return {after}
    if first & 0xFF7F == 0xF85F:  # LDR pc, [pc, #...]: the way to code that is far away
        offset = (second & 0xFFF) * (1 if first & 0x80 else -1)
        return {after, word_at((pc & ~3) + offset) & ~1}
    return None


def _signed(field: int, bits: int) -> int:
    value = field & (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def is_coprocessor(first: int) -> bool:
    """Coprocessor and floating-point space (DDI 0403E A5.3.18)."""
    return first & 0xEC00 == 0xEC00
