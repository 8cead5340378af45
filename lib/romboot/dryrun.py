# plan(): the same way, stopped before the point of no return.

import struct

from machine import mem32
from micropython import const

from . import checks
from .entry import Way
from .script import HEADER

WRITE, FILL, CHANGE, WAIT = range(4)  # see script.py
_ROOM = const(5120)  # bytes of text of the largest die
_NONE = struct.unpack("", b"")
_REST = ("", ">I", ">I", ">2I")  # the words that follow address and value

# Where an address belongs: base of each block, highest first. RM0090 table 1, ARM DDI 0403E B3.
_BLOCKS = (
    (0xE000EF34, "FPU"),
    (0xE000ED90, "MPU"),
    (0xE000ED00, "SCB"),
    (0xE000E100, "NVIC"),
    (0xE000E010, "SYST"),
    (0xE000E000, "SCS"),
    (0x40023C00, "FLASH"),
    (0x40023800, "RCC"),
    (0x40013C00, "EXTI"),
    (0x40013800, "SYSCFG"),
)


def _name(address):
    for base, name in _BLOCKS:
        if address >= base:
            return "%s+%02X" % (name, address - base)
    return "?"


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


class Plan(Way):
    """A way into the bootloader that has not been taken."""

    def __bool__(self):
        return not self.reasons

    def steps(self):
        """Each step as (kind, address, value, further values); kinds as above."""
        return steps(self.image)

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
            yield "0x%08X  %-10s  %08X -> %s" % (address, _name(address), now, then)

    def _verdict(self):
        for reason in self.reasons:
            yield "NO: " + str(reason)
        if not self.reasons:
            yield "The way is free: %s, ROM at 0x%08X, by %s: %s." % (
                self.chip.family.facts().DIES[self.chip.dev_id][0],
                self.chip.family.VECTORS,
                self.via,
                self.why,
            )
        if checks.rdp_level(self.chip) == 1:
            yield (
                "Readout protection is at level 1: the ROM will answer, but read, write or go "
                "only after a readout unprotect, which erases the flash."
            )
        if checks.pcrop(self.chip):
            from .facts import PCROP

            yield PCROP + "."
        if self.via == "jump" and checks.watchdog_runs(self.chip):
            yield (
                "The independent watchdog runs and cannot be stopped: the ROM sets it to its "
                "longest period and refreshes it (AN2606 4.1)."
            )

    def __repr__(self):
        # The lines scatter over a small heap (NUCLEO_F401RE with the library as .mpy files), so
        # the place for all of them is kept free until they are there.
        room = bytearray(_ROOM)
        lines = list(self._lines()) + list(self._verdict())
        del room
        return "\n".join(lines)
