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
# Words are big-endian, as the tables print them; the helper turns them when it carries them.

import struct

from micropython import const

HEADER = const(20)  # bytes: words in all, lowest and highest address of SRAM, MPU_RBAR, MPU_RASR
_CODE = const(312)  # room for the resident part of the helper, and what fills its last block
_RBAR = const(0x17)  # region 7, base added
_RASR = const(0x03060025)  # full access, executable, normal write-back memory, 512 KiB

_CHANGE = const(2)  # the kinds: 0 write, 1 fill or row, 2 change, 3 wait


def image(chunks, vectors, ram, ram_end):
    """The script of these chunks, with its header, in a buffer that jump.helper() takes.

    ram, ram_end: internal SRAM that the ROM and the last steps may use, ram on a 512 KiB boundary.
    """
    chunks = tuple(chunks)
    size = HEADER + 12
    for chunk in chunks:
        size += len(chunk)
    buffer = bytearray(size + _CODE)
    struct.pack_into(">5I", buffer, 0, size // 4, ram, ram_end, ram | _RBAR, _RASR)
    at = HEADER
    for chunk in chunks:
        buffer[at : at + len(chunk)] = chunk
        at += len(chunk)
    struct.pack_into(">3I", buffer, at, _CHANGE, vectors, 0)
    return buffer
