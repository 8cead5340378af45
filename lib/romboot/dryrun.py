# plan(): everything that enter_bootloader() does, up to the point of no return.

import struct

from machine import mem32
from micropython import const

from .entry import Entry
from .facts import tables, warnings
from .script import HEADER

WRITE, FILL, CHANGE, WAIT = range(4)  # see script.py
_ROOM = const(5120)  # bytes of text of the largest die
_NONE = struct.unpack("", b"")
_REST = ("", ">I", ">I", ">2I")  # the words that follow address and value


def steps(buffer):
    """Each line of the script as (kind, address, first value, further values), rows register by
    register."""
    at = HEADER
    while True:
        address, value = struct.unpack_from(">2I", buffer, at)
        kind = address & 3
        rest = struct.unpack_from(_REST[kind], buffer, at + 8)
        at += 8 + 4 * len(rest)
        if kind == FILL and rest[0] == 0:
            yield from _row(buffer, at, address - kind, value)
            at += 4 * sum(value >> i & 1 for i in range(31))
        else:
            yield kind, address - kind, value, rest
        if address == CHANGE:
            return


def _row(buffer, at, address, bits):
    for i in range(31):
        if bits >> i & 1:
            value = struct.unpack_from(">I", buffer, at)[0]
            at += 4
            yield WRITE, address + 4 * i, value, _NONE
            if bits >> 31:
                yield WRITE, address + 4 * i, 0, _NONE


class Plan(Entry):
    """A way into the bootloader that has not been taken."""

    def __bool__(self):
        return not self.reasons

    def steps(self):
        """Each step as (kind, address, value, further values); kinds as above."""
        return steps(self.image)

    def _name(self, address):
        # Block and offset; the host knows registers by name (romboot plan).
        for base, name in tables(self.chip).BLOCKS:
            if address >= base:
                return "%s+%02X" % (name, address - base)

    def _lines(self):
        yield "%-10s  %-10s  %-8s    %s" % ("address", "register", "now", "then")
        for kind, address, value, rest in self.steps():
            if address == 0:
                yield "MSP, PC from the vector table at 0x%08X" % value
                return
            now = mem32[address] & 0xFFFFFFFF
            if kind == WAIT:
                then = "wait until & %08X = %08X" % (value, rest[0])
            elif kind == CHANGE:
                then = "%08X" % (now & ~value | rest[0])
            elif kind == FILL:
                then = "%08X x %d words" % (value, rest[0])
            else:
                then = "%08X" % value
            yield "0x%08X  %-10s  %08X -> %s" % (address, self._name(address), now, then)

    def _verdict(self):
        for reason in self.reasons:
            yield "NO: " + str(reason)
        if not self.reasons:
            yield "The way is free: %s, ROM at 0x%08X, by %s: %s." % (
                tables(self.chip).DIES[self.chip.number][0],
                self.chip.family.ROM[0],
                self.via,
                self.why,
            )
        for warning in warnings(self.chip, self.via):
            yield "WARNING: " + warning + "."

    def __repr__(self):
        # The lines scatter over a small heap (NUCLEO_F401RE with the library as .mpy files), so
        # the place for all of them is kept free until they are there.
        room = bytearray(_ROOM)
        lines = list(self._lines()) + list(self._verdict())
        del room
        return "\n".join(lines)
