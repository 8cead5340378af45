# info(): what the chip and its ROM are, in words; and what may make flashing fail.

from binascii import hexlify

from machine import mem8, mem16, mem32

from .chip import find, module

# Kinds of interfaces by the first digit of the bootloader ID, a bit each (AN2606 4.2).
_KINDS = ("USART", "CAN", "DFU", "I2C", "SPI", "I3C")
_BY_DIGIT = b"\x00\x01\x01\x07\x05\x09\x08\x0f\x18\x1f\x0d\x19\x11\x1d\x3f\x2d"


def tables(chip):
    """The module with what only plan() and info() need."""
    return module(chip.family.__name__.split(".")[-1] + "_facts")


def pcrop(facts):
    """What to say of proprietary code readout protection (PCROP), or "" if it is off."""
    bit, registers, about = facts.PCROP
    if bit == -1:
        return about if module("areas").pcrop(registers) else ""
    for register in registers:
        value = mem32[register]
        # Either a bit, or an area: its first address in bits 11:0, its last in bits 27:16.
        if value & 0xFFF <= value >> 16 & 0xFFF if bit is None else value >> bit & 1:
            return about
    return ""


def cores(chip):
    """(are there two, how that is known), (False, "") if no chip of the family has."""
    check = tables(chip).DUAL_CORE
    if not check:
        return False, ""
    address, mask, value = check
    word = mem32[address] & 0xFFFFFFFF
    if word >> 16 != value >> 16:
        return None, "one or two: the line identifier is 0x%08X, no name" % word
    dual = word & mask == value
    line = word.to_bytes(4, "big").decode()
    return dual, "%s, by the line identifier STM32%s" % ("two" if dual else "one", line)


def _sectors(chip, level):
    # Each run of sectors whose bit is `level`, in words.
    facts = tables(chip)
    if level is None:
        return module("areas").protected(chip, facts)
    _, unit, banks = facts.PROTECTED
    number, runs = 0, []
    for (register, shift, at, sizes), count in zip(banks, facts.DIES[chip.number][4]):
        bits = mem32[register] >> shift
        at = at or chip.family.FLASH[0] + mem16[chip.family.FLASH[1]] * 512
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
    runs = ["%d-%d (0x%08X-0x%08X)" % tuple(run) for run in runs]
    return unit + " " + ", ".join(runs) if runs else ""


def warnings(chip, via="jump"):
    """What may make flashing fail, or surprise after it: a sentence each, without full stop."""
    facts = tables(chip)
    about = pcrop(facts)
    by_bits = about and facts.PCROP[0] not in (None, -1)  # they say 1 of sectors under PCROP
    found = _sectors(chip, 1 if by_bits else facts.PROTECTED[0])
    if by_bits:
        about += ": " + found
    elif found:
        yield "write-protected: %s; the ROM silently drops writes" % found
    if about:
        yield about
    if chip.rdp_level() == 1:
        yield "protection level 1: first of all an unprotect, which erases the flash"
    for number in facts.DIES[chip.number][3]:
        register, mask, value, about = facts.OPTIONS[number]
        if mem32[register] & mask == value:
            yield about
    if via == "jump" and chip.watchdog_runs():
        yield "the independent watchdog runs: the ROM refreshes it"


class Info:
    """Facts read from the chip.

    name, dev_id, rev_id; flash_kib, KiB; uid, 12 bytes; rom, its address; id, the bootloader ID
    byte (AN2606 4.2); known, the ID that AN2606 lists whose facts these are: the same, or the
    nearest of its kind, or None; interfaces, where the ROM listens; notes on it; rdp, 0 to 2;
    pcrop, True if on; warnings, sentences; dual_core, True, False, or None if the chip does not
    tell.
    """

    def __init__(self):
        self.chip = found = find()
        facts = tables(found)
        self.name, rom_id, versions, _, _ = facts.DIES[found.number]
        self.dev_id = found.idcode & 0xFFF
        self.rev_id = found.idcode >> 16 & 0xFFFF
        self.flash_kib = mem16[found.family.FLASH[1]]
        self.uid = bytes(mem8[at + i] for at in facts.UNIQUE_ID for i in range(4))
        self.rom = found.family.ROM[0]
        self.id = mem8[rom_id]
        nearest = 16, None, b"", b""
        for ids, interfaces, notes in versions:
            for known in ids:
                off = abs(known - self.id)
                if known >> 4 == self.id >> 4 and off < nearest[0]:
                    nearest = off, known, interfaces, notes
        _, self.known, interfaces, notes = nearest
        self.interfaces = [facts.INTERFACES[number] for number in interfaces]
        self.notes = [facts.NOTES[number] for number in notes]
        self.rdp = found.rdp_level()
        self.pcrop = bool(pcrop(facts))
        self.warnings = list(warnings(found))
        self.dual_core, self._cores = cores(found)

    def _lines(self):
        yield "chip", "%s, DEV_ID 0x%03X, REV_ID 0x%04X" % (self.name, self.dev_id, self.rev_id)
        if self._cores:
            yield "cores", self._cores
        yield "flash", "%d KiB" % self.flash_kib
        yield "unique ID", hexlify(self.uid).decode()
        start = mem32[self.rom + 4] & 0xFFFFFFFF
        yield "ROM", "0x%08X, starts at 0x%08X" % (self.rom, start)
        yield "ROM ID", "0x%02X, version %d.%d" % (self.id, self.id >> 4, self.id & 15)
        if self.known != self.id:
            yield "", "not in AN2606; " + self._like()
        yield "protection", "level %d" % self.rdp
        label = "listens on"
        for interface in self.interfaces:
            yield label, interface
            label = ""
        if self.interfaces:
            yield "keep quiet", " ".join(_quiet(self.interfaces))
            yield "", "a signal or floating level there makes it deaf elsewhere, on USB too"
        for note in self.notes:
            yield "note", note
        for warning in self.warnings:
            yield "WARNING", warning

    def _like(self):
        # What is known of a ROM that AN2606 does not list.
        if self.known:
            return "this is of 0x%02X:" % self.known
        found = _BY_DIGIT[self.id >> 4]
        kinds = [_KINDS[i] for i in range(6) if found >> i & 1]
        return ", ".join(kinds) + " by its first digit, pins unknown"

    def table(self):
        """The facts, a line each."""
        return "\n".join(["%-11s %s" % line for line in self._lines()])

    def __repr__(self):
        return "<%s, ROM 0x%08X, ID 0x%02X>" % (self.name, self.rom, self.id)


def _quiet(interfaces):
    # The pins where a change of level is taken for a host: RX of USART and CAN, all of SPI
    # (AN2606 4.3).
    for interface in interfaces:
        name, places = interface.split(" ", 1)
        for place in places.split(" (")[0].split(" or "):
            if name[:3] == "SPI":
                yield place
            elif "A" in name:  # USART, CAN, FDCAN
                yield place.split("/")[1]
