# Flash that is protected by areas: the first page or smaller unit of each, and its last, in one or
# two registers. A family has this module, or sectors.py.

from machine import mem16, mem32


def pcrop(_, areas, about):
    """Whether one is there. What is 0 in both registers is none: a die without it reads so."""
    for start, end, mask in areas:
        last = mem32[end] & mask
        if mem32[start] & mask <= last != 0:
            return True


def protected(chip, _, areas, about):
    """Each write-protected area in words. about: how many there are; KiB of a page; and where the
    flash may be one bank, the register and the bit that say so by 0."""
    count, page, *dual_bank = about
    flash = chip.family.FLASH
    second = flash + mem16[chip.family.FLASH_SIZE] * 512
    page *= 1024
    if dual_bank and not mem32[dual_bank[0]] >> dual_bank[1] & 1:
        page *= 2
        second = flash
    for start, end, shift, mask, in_second in areas[:count]:
        first = mem32[start] & mask
        last = mem32[end] >> shift & mask
        if first <= last:
            base = second if in_second else flash
            yield "0x%08X-0x%08X" % (base + first * page, base + (last + 1) * page - 1)
