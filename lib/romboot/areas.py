# Areas of protected flash: the first page or smaller unit of each, and its last, in one or two
# registers.

from machine import mem16, mem32


def pcrop(areas):
    """Whether one is there. What is 0 in both registers is none: a die without it reads so."""
    for start, end, mask in areas:
        last = mem32[end] & mask
        if mem32[start] & mask <= last != 0:
            return True


def protected(chip, kib, areas):
    """The write-protected pages in words, "" if there are none. kib: of a page."""
    flash, size = chip.family.FLASH
    found = []
    for start, end, shift, mask, second in areas:
        first = mem32[start] & mask
        last = mem32[end] >> shift & mask
        if first <= last:
            base = flash + mem16[size] * 512 if second else flash
            last = base + (last + 1) * kib * 1024 - 1
            found.append("0x%08X-0x%08X" % (base + first * kib * 1024, last))
    return "pages " + ", ".join(found) if found else ""
