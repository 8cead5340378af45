# Flash that is protected by sectors: a bit for each. A family has this module, or areas.py.

from machine import mem16, mem32
from micropython import const

_AREA = const(32)  # in place of a bit: each register is an area
_ANY = const(34)  # in place of a bit: any of bits 7:0


def pcrop(bit, registers, banks):
    """Whether it is on in one of the registers. The second is that of a second bank."""
    for register, _ in zip(registers, banks):
        value = mem32[register]
        # An area: its first address is in bits 11:0, its last in bits 27:16.
        if bit == _AREA:
            on = value & 0xFFF <= value >> 16 & 0xFFF
        else:
            on = value & 0xFF if bit == _ANY else value >> bit & 1
        if on:
            return True


def protected(chip, level, banks, counts):
    """Each run of sectors whose bits are at this level, in words."""
    second = chip.family.FLASH + mem16[chip.family.FLASH_SIZE] * 512
    number, runs = 0, []
    for (register, shift, at, sizes), count in zip(banks, counts):
        bits = mem32[register] >> shift
        at = at or second
        for i in range(count):
            end = at + sizes[min(i, len(sizes) - 1)] * 4096
            if bits >> i & 1 == level:
                if runs and runs[-1][1] == number - 1:
                    runs[-1][1] = number
                    runs[-1][3] = end - 1
                else:
                    runs.append([number, number, at, end - 1])
            at = end
            number += 1
    return ["%d-%d (0x%08X-0x%08X)" % tuple(run) for run in runs]
