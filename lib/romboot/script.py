# The script: what jump.helper() writes, word by word, and how to read it back.
#
#   address      value                    *address = value
#   address + 1  value  words             fill from address on
#   address + 1  bits  0  value ...       a value for each register whose bit is set, the register
#                                         at address being bit 0; bit 31: then 0 into it, a pulse
#   address + 2  clear  set               *address = *address & ~clear | set
#   address + 3  mask  expected  tries    until (*address & mask) == expected; out of tries: reset
#   2            vectors  0               the end: MSP and PC from the vector table there
#
# A die's script is three chunks: what its family does before the die's own lines, they, and what
# the family does after them.
#
# Words are big-endian, as tools/tables compiles them; the helper turns them when it carries them.

import struct

from micropython import const

HEADER = const(20)  # bytes: words in all, lowest and highest address of SRAM, MPU_RBAR, MPU_RASR
_CODE = const(312)  # room for the resident part of the helper, and what fills its last block


def image(before, own, after, ram, mpu):
    """The script of these three chunks, with its header, in a buffer that jump.helper() takes.

    ram: start and end of the internal SRAM that the ROM and the last steps may use. mpu: RBAR
    without its address, and RASR, of a region that makes it executable.
    """
    # straight ahead, as this is a third of the time from the call to the ROM
    middle = HEADER + len(before)
    last = middle + len(own)
    end = last + len(after)
    buffer = bytearray(end + _CODE)
    struct.pack_into(">5I", buffer, 0, end // 4, ram[0], ram[1], ram[0] | mpu[0], mpu[1])
    buffer[HEADER:middle] = before
    buffer[middle:last] = own
    buffer[last:end] = after
    return buffer
