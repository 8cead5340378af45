# info() and plan(): what the chip and its ROM are, in words; what may make flashing fail; every
# step that enter_bootloader() would take.

import gc
from array import array

from machine import mem8, mem16, mem32
from micropython import const

from .chip import find, module
from .entry import Entry, external_code, watchdog_runs

# What a family's FACTS are about, in this order; see family_facts() of tools/tables/facts.py.
_PAIRS = const(0)
_UNIQUE_ID = const(1)
_PCROP = const(2)
_DUAL_CORE = const(3)
_REGISTERS = const(4)
_INTERFACES = const(5)
_NOTES = const(6)
_OPTIONS = const(7)
_PROTECTED = const(8)
_DIES = const(9)
_TUPLE = const(0xFC)  # how values are encoded there: see encoded() of the same file
_TEXT = const(0xFD)
_WORD = const(0xFF)
_PAIR = const(0x80)  # see tools/tables/pairs.py
_AREA = const(32)  # and above, in place of the bit of PCROP: it has areas
_BY_AREAS = const(2)  # in place of the level of a bit: write protection has areas

# Kinds of lines of a script, see chip.py, and the words that each has.
_WRITE = const(0)
_FILL = const(1)
_CHANGE = const(2)
_WAIT = const(3)
_WORDS = const(b"\x02\x03\x03\x04")
_HEADER = const(5)  # words of the image before them
_ROOM = const(8)  # bytes of text of plan() for each byte of the image, at the most

# Kinds of interfaces by the first digit of the bootloader ID, a bit each (AN2606 4.2).
_KINDS = const(("USART", "CAN", "DFU", "I2C", "SPI", "I3C"))
_BY_DIGIT = const(b"\x00\x01\x01\x07\x05\x09\x08\x0f\x18\x1f\x0d\x19\x11\x1d\x3f\x2d")

# Registers of the core, as rows of _REGISTERS (ARM DDI 0403E B3.2; MAIR: DDI 0553B D1.2).
_CORE = const(
    "E000EF50 CACHE ICIALLU\n"
    "E000EF34 FPU FPCCR FPCAR\n"
    "E000ED94 MPU CTRL RNR RBAR RASR        MAIR0\n"
    "E000ED88 SCB CPACR\n"
    "E000ED04 SCB ICSR VTOR AIRCR SCR CCR SHPR1 SHPR2   CFSR\n"
    "E000E400 NVIC IPR0\n"
    "E000E280 NVIC ICPR0\n"
    "E000E180 NVIC ICER0\n"
    "E000E010 SYST CTRL\n"
    "E000E008 SCS ACTLR"
)


def _text(data, pairs):
    # Its bytes come in reverse order; one from _PAIR on stands for two others.
    rest = list(data)
    found = bytearray()
    while rest:
        byte = rest.pop()
        if byte < _PAIR:
            found.append(byte)
        else:
            at = 2 * (byte - _PAIR)
            rest += pairs[at : at + 2]
    return found.decode()


def _values(data, pairs):
    found = []
    at = 0
    while at < len(data):
        value = kind = data[at]
        at += 1
        if kind >= _TUPLE:
            size = 4
            if kind != _WORD:
                size = data[at]
                at += 1
            if kind == _TUPLE:
                size = size << 8 | data[at]
                at += 1
            value = data[at : at + size]
            at += size
            if kind == _WORD:
                value = int.from_bytes(value, "big")
            elif kind == _TUPLE:
                value = _values(value, pairs)
            elif kind == _TEXT:
                value = _text(value, pairs)
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


def about(chip, *places):
    """What the family's table says at one of the places above, or at a place within that."""
    data = facts = module(chip.family.__name__ + "_facts").FACTS
    for place in places:
        data = _entry(data, place)
    return _values(data, _entry(facts, _PAIRS))


def die(chip):
    """Its name, the address of the bootloader ID, its versions, its options, and what its write
    protection has; see family_facts() of tools/tables/facts.py."""
    return about(chip, _DIES, chip.number)


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
    dual, cores, line = None, "one or two", "0x%08X, no name" % word
    if word >> 16 == value >> 16:
        dual = word & mask == value
        cores = "two" if dual else "one"
        line = "STM32" + word.to_bytes(4, "big").decode()
    return dual, "%s, by the line identifier %s" % (cores, line)


def warnings(chip, via):
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
        elif "%" in said and found not in value:  # these are the values with nothing to say
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
        external_code()  # for its refusals
        self.chip = found = find()
        self.name, rom_id, versions, _, _ = die(found)
        self.dev_id = found.idcode & 0xFFF
        self.rev_id = found.idcode >> 16 & 0xFFFF
        self.flash_kib = mem16[found.family.FLASH_SIZE]
        words = [mem32[at] & 0xFFFFFFFF for at in about(found, _UNIQUE_ID)]
        self.uid = bytes(array("I", words))
        self.rom = found.family.ROM
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
        self.pcrop = pcrop(found) != ""
        self.warnings = list(warnings(found, "jump"))
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
    words = array("I", image)
    end = _HEADER
    while True:
        at = end
        kind = words[at] & 3
        address = words[at] - kind
        value = words[at + 1]
        end += _WORDS[kind]
        rest = tuple(words[at + 2 : end])
        if kind == _FILL and rest[0] == 0:
            for i in range(31):
                if value >> i & 1:
                    yield _WRITE, address, words[end], rest[1:]
                    if value >> 31:
                        yield _WRITE, address, 0, rest[1:]
                    end += 1
                address += 4
        else:
            yield kind, address, value, rest
        if address == 0:
            return


def _name(rows, address):
    # rows: the highest first.
    for first, block, names in rows:
        if address >= first:
            return block + "." + names[(address - first) // 4]


class Plan(Entry):
    """A way into the bootloader that has not been taken. why: the reason for `via`."""

    def __init__(self, force, via):
        Entry.__init__(self, force, via)
        grave, _, harmless = self.chip.states()
        states = grave or harmless
        stays = "this stays: " + states if states else "the watchdog goes on"
        if via:
            why = "the caller chose it"
            if states and via == "jump":
                why += "; " + stays
        elif self.missing:
            why = stays + ", as " + self.missing
        elif self.via == "jump":
            why = "it needs nothing of this build"
        elif states:
            why = "it clears this: " + states
        else:
            why = "it stops a watchdog that runs"
        self.why = why

    def __bool__(self):
        return not self.reasons

    def steps(self):
        """Each step as (kind, address, value, further values)."""
        return steps(self.image)

    def _lines(self):
        rows = []
        for row in _CORE.split("\n") + about(self.chip, _REGISTERS):
            first, block, *names = row.split(" ")
            rows.append((int(first, 16), block, names))
        yield "address     register          now         then"
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
            yield "0x%08X  %-16s  %08X -> %s" % (address, _name(rows, address), now, then)

    def _verdict(self):
        for reason in self.reasons:
            yield "NO: " + str(reason)
        if not self.reasons:
            yield "The way is free: %s, ROM at 0x%08X, by %s: %s." % (
                die(self.chip)[0],
                self.chip.family.ROM,
                self.via,
                self.why,
            )
        for warning in warnings(self.chip, self.via):
            yield "WARNING: " + warning + "."

    def __repr__(self):
        # The lines scatter over a small heap (NUCLEO_F401RE with the library as .mpy files), so
        # the place for all of them is kept free until they are there.
        said = []
        size = _ROOM * len(self.image)
        gc.collect()  # as in entry.py
        try:
            said += self._verdict()
            gc.collect()
            room = bytearray(size)
            lines = list(self._lines()) + said
            del room
            return "\n".join(lines)
        except MemoryError:
            room = None  # noqa: F841  the sentence needs some of it
            said.append("(the table needs %d bytes of heap)" % size)
        return "\n".join(said)
