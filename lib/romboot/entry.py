# From the call to the line: who, where, may I, what; then jump.branch().

import os
import time

from machine import mem32

from . import checks, chip, script
from .errors import ArgumentError, PrivilegeError, StackError

_DRAIN_MS = 100  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = 20  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it

_timer = None  # keeps the one-shot of after_ms alive


class Way:
    """Everything decided, nothing written. go() allocates nothing: call it from any context."""

    def __init__(self, force=False, via=None):
        if via not in (None, "jump"):
            raise ArgumentError("via=%r: romboot knows None and 'jump'" % (via,))
        from .jump import branch

        self._branch = branch
        if branch(0, 0) & 1:
            raise PrivilegeError(
                "the CPU runs unprivileged (CONTROL.nPRIV): romboot may not touch the system "
                "registers. Call it from privileged code"
            )
        self.chip = chip.find()
        self.image = script.image(
            self.chip.family.script(self.chip.die),
            self.chip.family.VECTORS,
            self.chip.ram,
            self.chip.ram_end,
        )
        found = (
            checks.rom(self.chip),
            self._stack(),
            None if force else checks.protection(self.chip),
        )
        self.reasons = [reason for reason in found if reason]

    def _stack(self):
        msp = self._branch(self.image, 0) & 0xFFFFFFFF
        if msp:
            return StackError(
                "MSP is 0x%08X: the last steps need %d bytes of free internal SRAM below the "
                "main stack (0x%08X to 0x%08X). Call romboot with less on the stack, or from "
                "the main thread" % (msp, len(self.image), self.chip.ram, self.chip.ram_end)
            )

    def check(self):
        """Raise the first reason not to go."""
        if self.reasons:
            raise self.reasons[0]

    def go(self, _=None):
        """Go now. Does not return."""
        self._branch(self.image, 1)


def enter(after_ms, force, via):
    """See romboot.enter_bootloader()."""
    if after_ms is not None and not (isinstance(after_ms, int) and 0 <= after_ms <= 3600000):
        raise ArgumentError("after_ms=%r: milliseconds, 0 to 3600000, or None" % (after_ms,))
    way = Way(force, via)
    way.check()
    if after_ms is None:
        leave(way)
    else:
        _later(after_ms, way)


def leave(way):
    """Part with the file systems and the host in good order, then go."""
    if hasattr(os, "sync"):
        os.sync()
    _drain(way.chip.family)
    _detach(way.chip.family)
    way.go()


def _later(after_ms, way):
    global _timer
    from machine import Timer

    _timer = Timer(-1)
    _timer.init(mode=Timer.ONE_SHOT, period=after_ms or 1, callback=lambda _: leave(way))


def _drain(family):
    # The last byte must be out before its USART goes.
    start = time.ticks_ms()
    for usart in family.usarts():
        while not mem32[usart] & 0x40:  # SR.TC
            if time.ticks_diff(time.ticks_ms(), start) > _DRAIN_MS:
                return


def _detach(family):
    # Without a visible disconnect the host goes on talking to a device that is no longer there.
    ports = family.usb_ports()
    if ports:
        time.sleep_ms(_DETACH_MS)  # what the console has written is on its way
        for device in ports:
            mem32[device + 4] |= 2  # OTG DCTL.SDIS
        time.sleep_ms(_DETACH_MS)
