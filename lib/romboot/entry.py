# From the call to the point of no return: who, where, may I, what; then jump.helper().
#
# What is rarely needed is imported where it is needed: a module costs heap.

import os
import time

from machine import mem32
from micropython import const

from . import checks, chip, script

try:
    from . import jump
except (SyntaxError, ValueError, ImportError):  # a build without the inline assembler
    from . import jump_bytes as jump

_NPRIV = const(1)  # CONTROL: thread mode is unprivileged
_CPUID = const(0xE000ED00)  # ARM DDI 0403E B3.2.3; ARCHITECTURE in bits 19:16, 12 for ARMv6-M
_ICSR = const(0xE000ED04)
_VECTACTIVE = const(0x1FF)
_DRAIN_MS = const(100)  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = const(20)  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it

_timer = None  # keeps the one-shot of after_ms alive


class Way:
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
        self._armv6m = mem32[_CPUID] >> 16 & 15 == 12
        self.chip = chip.find()
        family = self.chip.family
        self.image = script.image(
            family.script(self.chip.die), family.VECTORS, self.chip.ram, self.chip.ram_end
        )
        self.via, self.why, blocked = self._choose(via)
        self.reasons = []
        for reason in (
            checks.rom(self.chip),
            blocked,
            None if force else checks.protection(self.chip),
        ):
            if reason:
                self.reasons.append(reason)

    def _choose(self, via):
        # (via, why, what stands in its way). The jump needs nothing of the firmware, so it comes
        # first; but only a reset stops a watchdog.
        if via is None and not checks.watchdog_runs(self.chip):
            return "jump", "it needs nothing of this build", self._no_room()
        if via == "jump":
            return via, "as asked", self._no_room()
        from . import reset

        state, missing = reset.hook(self.chip.family)
        if state:
            self._reset = reset.Reset(jump, self.image, state)
            missing = self._reset.missing
        if not missing:
            return "reset", "as asked" if via else "it stops the independent watchdog", None
        if via is None:
            return "jump", "the watchdog goes on, as " + missing, self._no_room()
        from .errors import HookError

        return via, "as asked", HookError(missing)

    def _no_room(self):
        # The exception to raise, if the last steps have no room below the main stack.
        msp = jump.helper(self.image, jump.LOOK)
        return self._stack_error(msp) if msp else None

    def _stack_error(self, msp):
        from .errors import StackError

        return StackError(msp & 0xFFFFFFFF, len(self.image), self.chip.ram, self.chip.ram_end)

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
        if self._armv6m and mem32[_ICSR] & _VECTACTIVE:
            from .errors import HandlerError

            raise HandlerError()
        raise self._stack_error(jump.helper(self.image, jump.GO))


def enter(after_ms, force, via):
    """See romboot.enter_bootloader()."""
    if after_ms is not None and not (isinstance(after_ms, int) and 0 <= after_ms <= 3600000):
        from .errors import ArgumentError

        raise ArgumentError("after_ms", after_ms, "None, or 0 to 3600000 milliseconds")
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
    ports = way.chip.family.usb_ports()
    try:
        _detach(ports)
        way.go()
    finally:
        _attach(ports)


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


def _detach(ports):
    # Without a visible disconnect the host goes on talking to a device that is no longer there.
    if ports:
        time.sleep_ms(_DETACH_MS)  # what the console has written is on its way
        for device in ports:
            mem32[device + 4] |= 2  # OTG DCTL.SDIS
        time.sleep_ms(_DETACH_MS)


def _attach(ports):
    for device in ports:
        mem32[device + 4] &= ~2
