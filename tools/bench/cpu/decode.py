"""The part of the Thumb encoding that the run loop needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

WFE, SEV, WIDE_WFE = 0xBF20, 0xBF40, 0x8002  # the wide one's second halfword
_LONGEST = 64  # instructions; keeps the scan short where data is taken for code


class StraightLines:
    """Runs of instructions up to the next branch or write of a mask register.

    A slice that ends after such a run ends right after each CPSIE and MSR.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        """`read(address, length)` gives the bytes there, fewer where memory ends."""
        self._read = read
        self._known: dict[int, tuple[bytes, int, bool]] = {}

    def __call__(self, pc: int) -> tuple[int, bool]:
        """Instructions from `pc` to that one inclusive, and if it may write a mask."""
        known = self._known.get(pc)
        if known is None or self._read(pc, len(known[0])) != known[0]:  # code may change
            known = self._known[pc] = self._scan(pc)
        return known[1:]

    def _scan(self, pc: int) -> tuple[bytes, int, bool]:
        code = self._read(pc, 4 * _LONGEST + 16)
        at = 0
        for count in range(1, _LONGEST + 1):
            first, second = halfwords(code, at)
            wide = first >= 0xE800
            at += 4 if wide else 2
            if is_it(first):
                end, mask = _it_block(code, at, first)
                return code[:end], count, mask
            mask = _is_msr(first, second) if wide else _is_cps(first)
            if mask or (_wide_branches(first, second) if wide else _narrow_branches(first)):
                return code[:at], count, mask
        return code[:at], _LONGEST, False


def halfwords(code: bytes, at: int) -> tuple[int, int]:
    pair = int.from_bytes(code[at : at + 4], "little")
    return pair & 0xFFFF, pair >> 16


def _it_block(code: bytes, at: int, it: int) -> tuple[int, bool]:
    """Where the block of `it`, which begins at `at`, ends, and whether it may write a mask.

    A run ends with the IT instruction: its block is then executed to the end, and how many of its
    instructions will be counted is not known before.
    """
    mask = False
    for _ in range(_it_length(it)):
        first, second = halfwords(code, at)
        wide = first >= 0xE800
        mask = mask or (_is_msr(first, second) if wide else _is_cps(first))
        at += 4 if wide else 2
    return at, mask


def is_it(op: int) -> bool:
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
        or is_compare_and_branch(op)
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


def is_compare_and_branch(op: int) -> bool:
    """CBZ, CBNZ."""
    return op & 0xF500 == 0xB100


def is_msr_control(first: int, second: int) -> bool:
    return first & 0xFFF0 == 0xF380 and second & 0xF0FF == 0x8014


def instructions(code: bytes) -> Iterator[int]:
    """Offsets of the instructions in a piece of code."""
    at = 0
    while at < len(code):
        yield at
        at += 4 if halfwords(code, at)[0] >= 0xE800 else 2


def straight_line(code: bytes) -> bytes:
    """As much of it as is executed without a branch."""
    for at in instructions(code):
        first, second = halfwords(code, at)
        if first >= 0xE800:
            if _wide_branches(first, second):
                return code[: at + 4]
        elif _narrow_branches(first):
            return code[: at + 2]
    return code


def is_coprocessor(first: int) -> bool:
    """Coprocessor and floating-point space (DDI 0403E A5.3.18)."""
    return first & 0xEC00 == 0xEC00
