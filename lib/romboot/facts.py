# info() and plan(): what the chip and its ROM are, in words; what may make flashing fail; every
# step that enter_bootloader() would take.

import gc
import struct

from machine import mem8, mem16, mem32
from micropython import const

from .chip import check_port, find, module
from .entry import Entry, outside, watchdog_runs

# What a family's FACTS are about, in this order; see family_facts() of tools/tables/facts.py.
_UNIQUE_ID = const(0)
_PCROP = const(1)
_DUAL_CORE = const(2)
_BLOCKS = const(3)
_INTERFACES = const(4)
_NOTES = const(5)
_OPTIONS = const(6)
_PROTECTED = const(7)
_DIES = const(8)
_TUPLE = const(0xFC)  # how values are encoded there: see encoded() of the same file
_TEXT = const(0xFD)
_WORD = const(0xFF)
_AREA = const(32)  # and above, in place of the bit of PCROP: it has areas
_BY_AREAS = const(2)  # in place of the level of a bit: write protection has areas

# Kinds of lines of a script, see chip.py, and the words that each has.
_WRITE = const(0)
_FILL = const(1)
_CHANGE = const(2)
_WAIT = const(3)
_HEADER = const(20)  # bytes of the image before them
_LAYOUTS = ("<2I", "<3I", "<3I", "<4I")
_ROOM = const(5200)  # bytes of text of plan() for the largest die

# Kinds of interfaces by the first digit of the bootloader ID, a bit each (AN2606 4.2).
_KINDS = ("USART", "CAN", "DFU", "I2C", "SPI", "I3C")
_BY_DIGIT = b"\x00\x01\x01\x07\x05\x09\x08\x0f\x18\x1f\x0d\x19\x11\x1d\x3f\x2d"


def _values(data):
    found = []
    at = 0
    while at < len(data):
        value = kind = data[at]
        at += 1
        if kind == _WORD:
            (value,) = struct.unpack_from(">I", data, at)
            at += 4
        elif kind >= _TUPLE:
            size = data[at]
            at += 1
            if kind == _TUPLE:
                size = size << 8 | data[at]
                at += 1
            value = data[at : at + size]
            at += size
            if kind == _TUPLE:
                value = _values(value)
            elif kind == _TEXT:
                value = value.decode()
        found.append(value)
    return found


def _entry(data, number):
    # What is in the tuple of this number in data, still encoded: the others are left alone.
    at = 0
    while True:
        size = data[at + 1] << 8 | data[at + 2]
        at += 3
        if not number:
            return data[at : at + size]
        at += size
        number -= 1


def _facts(chip):
    return module(chip.family.__name__ + "_facts").FACTS


def about(chip, place):
    """What the family's table says, at one of the places above."""
    return _values(_entry(_facts(chip), place))


def die(chip):
    """Its name, the address of the bootloader ID, its versions, its options, and what its write
    protection has; see family_facts() of tools/tables/facts.py."""
    return _values(_entry(_entry(_facts(chip), _DIES), chip.number))


def blocks(chip):
    """The peripherals of its script: (address, name), highest first."""
    return about(chip, _BLOCKS)


def _protection(chip):
    # Its registers are by sectors or by areas; see those modules.
    by_areas = about(chip, _PROTECTED)[0] == _BY_AREAS
    return module("romboot.areas" if by_areas else "romboot.sectors")


def pcrop(chip):
    """What to say of proprietary code readout protection, "" if it is off."""
    bit, registers, said = about(chip, _PCROP)
    return said if _protection(chip).pcrop(bit, registers, die(chip)[4]) else ""


def cores(chip):
    """(are there two, how that is known), (False, "") if no chip of the family has."""
    check = about(chip, _DUAL_CORE)
    if not check:
        return False, ""
    address, mask, value = check
    word = mem32[address] & 0xFFFFFFFF
    if word >> 16 != value >> 16:
        return None, "one or two: the line identifier is 0x%08X, no name" % word
    dual = word & mask == value
    line = word.to_bytes(4, "big").decode()
    return dual, "%s, by the line identifier STM32%s" % ("two" if dual else "one", line)


def warnings(chip, via="jump"):
    """What may make flashing fail, or surprise after it: a sentence each, without full stop."""
    said = pcrop(chip)
    level, unit, banks = about(chip, _PROTECTED)
    by_bits = said and about(chip, _PCROP)[0] < _AREA
    if by_bits:
        level = 1  # it marks sectors under PCROP then
    found = ", ".join(_protection(chip).protected(chip, level, banks, die(chip)[4]))
    if found:
        found = unit + " " + found
        if by_bits:
            said += ": " + found
        else:
            yield "write-protected: %s; the ROM silently drops writes" % found
    if said:
        yield said
    if chip.rdp_level() == 1:
        yield "protection level 1: first of all an unprotect, which erases the flash"
    options = about(chip, _OPTIONS)
    for number in die(chip)[3]:
        register, mask, value, said = options[number]
        found = mem32[register] & mask
        if found == value:
            yield said
        elif not isinstance(value, int) and found not in value:
            yield said % (found // (mask & -mask))
    if via == "jump" and watchdog_runs(chip.family):
        yield "the IWDG runs: after a jump the ROM refreshes it"


class Info:
    """Facts read from the chip.

    name, dev_id, rev_id; flash_kib, KiB; uid, 12 bytes; rom, its address; id, the bootloader ID
    byte (AN2606 4.2); known, the ID that AN2606 lists whose facts these are: the same, or the
    nearest of its kind, or None; interfaces, where the ROM listens; notes on it; rdp, 0 to 2;
    pcrop, True if on; warnings, sentences; dual_core, True, False, or None if the chip does not
    tell.
    """

    def __init__(self):
        check_port()
        outside()
        self.chip = found = find()
        self.name, rom_id, versions, _, _ = die(found)
        self.dev_id = found.idcode & 0xFFF
        self.rev_id = found.idcode >> 16 & 0xFFFF
        self.flash_kib = mem16[found.family.FLASH[1]]
        self.uid = bytes(mem8[at + i] for at in about(found, _UNIQUE_ID) for i in range(4))
        self.rom = found.family.ROM[0]
        self.id = mem8[rom_id]
        nearest = 16, None, b"", b""
        for ids, interfaces, notes in versions:
            for known in ids:
                off = abs(known - self.id)
                if known >> 4 == self.id >> 4 and off < nearest[0]:
                    nearest = off, known, interfaces, notes
        _, self.known, interfaces, notes = nearest
        known = about(found, _INTERFACES)
        self.interfaces = [known[number] for number in interfaces]
        known = about(found, _NOTES)
        self.notes = [known[number] for number in notes]
        self.rdp = found.rdp_level()
        self.pcrop = bool(pcrop(found))
        self.warnings = list(warnings(found))
        self.dual_core, self._cores = cores(found)

    def _lines(self):
        yield "chip", "%s, DEV_ID 0x%03X, REV_ID 0x%04X" % (self.name, self.dev_id, self.rev_id)
        if self._cores:
            yield "cores", self._cores
        yield "flash", "%d KiB" % self.flash_kib
        yield "unique ID", "%02x" * 12 % tuple(self.uid)
        start = mem32[self.rom + 4] & 0xFFFFFFFF
        yield "ROM", "0x%08X, starts at 0x%08X" % (self.rom, start)
        yield "ROM ID", "0x%02X, version %d.%d" % (self.id, self.id >> 4, self.id & 15)
        if self.known != self.id:
            yield "", "not in AN2606; " + self._like()
        if self.chip.family.PROTECTION:
            yield "protection", "level %d" % self.rdp
        label = "listens on"
        for interface in self.interfaces:
            yield label, interface
            label = ""
        if self.interfaces:
            yield "keep quiet", " ".join(_quiet(self.interfaces))
            yield "", "with a signal or floating level there it ignores the others, USB too"
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


def steps(image):
    """Each line of the script as (kind, address, first value, further values), rows register by
    register."""
    at = _HEADER
    while True:
        kind = image[at] & 3
        address, value, *rest = words = struct.unpack_from(_LAYOUTS[kind], image, at)
        at += 4 * len(words)
        if kind == _FILL and rest[0] == 0:
            for i in range(31):
                if value >> i & 1:
                    register = address - kind + 4 * i
                    yield _WRITE, register, struct.unpack_from("<I", image, at)[0], words[3:]
                    if value >> 31:
                        yield _WRITE, register, 0, words[3:]
                    at += 4
        else:
            yield kind, address - kind, value, words[2:]
        if address == _CHANGE:
            return


def _name(found, address):
    # Block and offset; the host knows registers by name (romboot plan).
    for base, name in found:
        if address >= base:
            return "%s+%02X" % (name, address - base)


class Plan(Entry):
    """A way into the bootloader that has not been taken."""

    def __bool__(self):
        return not self.reasons

    def steps(self):
        """Each step as (kind, address, value, further values)."""
        return steps(self.image)

    def _lines(self):
        found = blocks(self.chip)
        yield "%-10s  %-10s  %-8s    %s" % ("address", "register", "now", "then")
        for kind, address, value, rest in self.steps():
            if address == 0:
                yield "MSP, PC from the vector table at 0x%08X" % value
                return
            now = mem32[address] & 0xFFFFFFFF
            if kind == _WAIT:
                then = "wait until & %08X = %08X" % (value, rest[0])
            elif kind == _CHANGE:
                then = "%08X" % (now & ~value | rest[0])
            elif kind == _FILL:
                then = "%08X x %d words" % (value, rest[0])
            else:
                then = "%08X" % value
            yield "0x%08X  %-10s  %08X -> %s" % (address, _name(found, address), now, then)

    def _verdict(self):
        for reason in self.reasons:
            yield "NO: " + str(reason)
        if not self.reasons:
            yield "The way is free: %s, ROM at 0x%08X, by %s: %s." % (
                die(self.chip)[0],
                self.chip.family.ROM[0],
                self.via,
                self.why,
            )
        for warning in warnings(self.chip, self.via):
            yield "WARNING: " + warning + "."

    def __repr__(self):
        # The lines scatter over a small heap (NUCLEO_F401RE with the library as .mpy files), so
        # the place for all of them is kept free until they are there.
        said = []
        gc.collect()  # as in entry.py
        try:
            for line in self._verdict():
                said.append(line)
            gc.collect()
            room = bytearray(_ROOM)
            lines = list(self._lines())
            del room
            said = lines + said
        except MemoryError:
            said.append("(the table needs %d bytes of heap)" % _ROOM)
        return "\n".join(said)
