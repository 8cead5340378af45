# From the call to the point of no return: which chip is it, may it be entered, what must be
# written. Then jump.py does it, by itself.
#
# What is rarely needed is imported where it is needed: a module costs heap.

import os
import time

from machine import mem32
from micropython import const

from . import chip, script

try:
    from . import jump
except (SyntaxError, ValueError, ImportError):  # a build without the inline assembler
    from . import jump_bytes as jump

_NPRIV = const(1)  # CONTROL: thread mode is unprivileged
_ICSR = const(0xE000ED04)  # ARM DDI 0403E B3.2.4
_VECTACTIVE = const(0x1FF)
_DRAIN_MS = const(100)  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = const(20)  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it
_TC = const(0x40)  # of a USART, any kind: the last bit of the last character is out

_timer = None  # keeps the one-shot of after_ms alive


class Entry:
    """Everything decided, nothing written. go() allocates nothing: call it from any context.

    via: "jump", straight into system memory, or "reset", see reset.py; why: the reason for it.
    reasons: the exceptions that stand in the way.
    """

    def __init__(self, force=False, via=None):
        if via not in (None, "jump", "reset"):
            from .errors import ArgumentError

            raise ArgumentError("via", via, "None, 'jump' or 'reset'")
        code = jump.code_address()
        if code >> 28 == 1 or code >> 29 > 4:  # CCM, SDRAM: it may not be executable
            from .external import check

            check(code, jump.MPU_CTRL)
        if jump.helper(0, jump.CONTROL) & _NPRIV:
            from .errors import PrivilegeError

            raise PrivilegeError()
        self.chip = found = chip.find()
        family = found.family
        before, after = family.SCRIPT
        own = family.DIES[found.number][1]
        self.image = script.image(before, own, after, found.ram(), family.MPU)
        self.via, self.why, blocked = self._choose(via)
        self.reasons = []
        for reason in found.no_rom(), blocked, not force and found.useless_rom():
            if reason:
                self.reasons.append(reason)

    def _choose(self, via):
        # (via, why, what stands in its way). The jump needs nothing of the firmware, so it comes
        # first; but only a reset stops a watchdog.
        if via is None and not self.chip.watchdog_runs():
            return "jump", "it needs nothing of this build", self._helper(jump.LOOK)
        if via == "jump":
            return via, "as asked", self._helper(jump.LOOK)
        from . import reset

        state, missing = reset.hook(*self.chip.family.FLASH)
        if state:
            self._reset = reset.Reset(jump, self.image, state)
            missing = self._reset.missing
        if not missing:
            return "reset", "as asked" if via else "it stops the independent watchdog", None
        if via is None:
            return "jump", "the watchdog goes on, as " + missing, self._helper(jump.LOOK)
        from .errors import HookError

        return via, "as asked", HookError(missing)

    def _helper(self, task):
        # It LOOKs, or GOes and does not return: unless the last steps have no room below the main
        # stack. Then this is the exception to raise.
        msp = jump.helper(self.image, task)
        if msp:
            from .errors import StackError

            return StackError(msp & 0xFFFFFFFF, len(self.image), *self.chip.ram())

    def check(self):
        """Raise the first reason not to go."""
        if self.reasons:
            raise self.reasons[0]

    def go(self, _=None):
        """Go now. Does not return.

        StackError: the stack has meanwhile grown too deep. HandlerError: called from an interrupt
        handler of a core that does not tell which other handlers are under way.
        """
        if self.via == "reset":
            self._reset.go()
        if self.chip.family.ARMV6M and mem32[_ICSR] & _VECTACTIVE:
            from .errors import HandlerError

            raise HandlerError()
        reason = self._helper(jump.GO)
        if reason:
            raise reason


def enter(after_ms, force, via):
    """See romboot.enter_bootloader()."""
    global _timer
    if after_ms is not None and not (isinstance(after_ms, int) and 0 <= after_ms <= 3600000):
        from .errors import ArgumentError

        raise ArgumentError("after_ms", after_ms, "None, or 0 to 3600000 milliseconds")
    entry = Entry(force, via)
    entry.check()
    if after_ms is None:
        leave(entry)
    from machine import Timer

    _timer = Timer(-1)
    _timer.init(mode=Timer.ONE_SHOT, period=after_ms or 1, callback=lambda _: leave(entry))


def leave(entry):
    """Part with the file systems and the host in good order, then go."""
    if hasattr(os, "sync"):
        os.sync()
    family = entry.chip.family
    _drain(*family.USARTS)
    ports = _attached(family.USB)
    try:
        if ports:
            # Without a visible disconnect the host goes on talking to a device that is gone.
            time.sleep_ms(_DETACH_MS)  # what the console has written is on its way
            _attach(ports, False)
            time.sleep_ms(_DETACH_MS)
        entry.go()
    finally:
        _attach(ports, True)


def _drain(status, control, enabled, buses):
    # The last character of each USART that transmits must be out before its clock goes. Bit n of
    # `clocks` is the clock of the USART at bus + n KiB.
    start = time.ticks_ms()
    for bus, clocks, bits in buses:
        running = mem32[clocks]
        for bit in bits:
            if running >> bit & 1:
                usart = bus + 1024 * bit
                if mem32[usart + control] & enabled == enabled:
                    while not mem32[usart + status] & _TC:
                        if time.ticks_diff(time.ticks_ms(), start) > _DRAIN_MS:
                            return


def _attached(ports):
    # Of (clocks, bit, register, mask, attached): each USB device that has a clock and is attached.
    found = []
    for port in ports:
        if mem32[port[0]] >> port[1] & 1 and mem32[port[2]] & port[3] == port[4]:
            found.append(port)
    return found


def _attach(ports, on):
    for _, _, register, mask, attached in ports:
        mem32[register] = mem32[register] & ~mask | (attached if on else attached ^ mask)
