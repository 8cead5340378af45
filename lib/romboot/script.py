# The script: what jump.branch() writes, word by word, and how to read it back.
#
#   address      value                    *address = value
#   address + 1  value  words             fill from address on
#   address + 2  clear  set               *address = *address & ~clear | set
#   address + 3  mask  expected  tries    until (*address & mask) == expected; out of tries: reset
#   2            vectors  0               the end: MSP and PC from the vector table there
#
# Words are big-endian, as the tables print them; the helper turns them when it carries them.

import struct

_HEADER = 20  # bytes: words in all, lowest and highest address of SRAM, MPU_RBAR, MPU_RASR
_CODE = 448  # room for the resident part of the helper, at most
_RBAR = 0x17  # region 7, base added
_RASR = 0x03060025  # full access, executable, normal write-back memory, 512 KiB

WRITE, FILL, CHANGE, WAIT = range(4)
_REST = ("", ">I", ">I", ">2I")  # the words that follow address and value


def image(chunks, vectors, ram, ram_end):
    """The script of these chunks, with its header, in a buffer that jump.branch() takes.

    ram, ram_end: internal SRAM that the ROM and the last steps may use, ram on a 512 KiB boundary.
    """
    chunks = list(chunks)
    size = _HEADER + 12
    for chunk in chunks:
        size += len(chunk)
    buffer = bytearray(size + _CODE)
    struct.pack_into(">5I", buffer, 0, size // 4, ram, ram_end, ram | _RBAR, _RASR)
    at = _HEADER
    for chunk in chunks:
        buffer[at : at + len(chunk)] = chunk
        at += len(chunk)
    struct.pack_into(">3I", buffer, at, CHANGE, vectors, 0)
    return buffer


def steps(buffer):
    """Each line of the script as (kind, address, first value, further values)."""
    at = _HEADER
    while True:
        address, value = struct.unpack_from(">2I", buffer, at)
        at += 8
        kind = address & 3
        rest = struct.unpack_from(_REST[kind], buffer, at)
        at += 4 * len(rest)
        yield kind, address - kind, value, rest
        if address == CHANGE:
            return
