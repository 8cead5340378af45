# From the call to the point of no return: which chip is it, may it be entered, what must be
# written. Then jump.py does it, by itself.
#
# What is rarely needed is imported where it is needed: a module costs heap.

import os
import sys
import time

from machine import mem8, mem32
from micropython import const

from . import IN_HANDLER, chip, script

try:
    from . import jump
except (SyntaxError, ValueError, ImportError):  # a build without the inline assembler
    from . import jump_bytes as jump

_LOOK = const(0)  # tasks of jump.helper()
_GO = const(1)
_CONTROL = const(3)
_NPRIV = const(1)  # CONTROL: thread mode is unprivileged
_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_ICSR = const(_SCS + 0xD04)  # ARM DDI 0403E B3.2.4
_VECTACTIVE = const(0x1FF)
_DRAIN_MS = const(100)  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = const(20)  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it
_TC = const(0x40)  # of a USART, any kind: the last bit of the last character is out

_PERIOD_MS = const(1000)  # the longest time from one try of after_ms to the next

_timer = None  # of the after_ms that is under way; kept alive by this


class Entry:
    """Everything decided, nothing written. go() allocates nothing: call it from any context.

    via: "jump", straight into system memory, or "reset", see reset.py; why: the reason for it.
    reasons: the exceptions that stand in the way.
    """

    def __init__(self, force=False, via=None):
        chip.check_port()
        if force not in (True, False):
            from .errors import ArgumentError

            raise ArgumentError("force", force, "True or False")
        if via not in (None, "jump", "reset"):
            from .errors import ArgumentError

            raise ArgumentError("via", via, "None, 'jump' or 'reset'")
        code = jump.code_address()
        if code >> 28 == 1 or code >> 29 > 4:  # CCM, SDRAM: it may not be executable
            from .external import check

            check(code, jump.MPU_CTRL)
        if jump.helper(0, _CONTROL) & _NPRIV:
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
        # first; but only a reset stops a watchdog, and clears some states.
        grave = self.chip.states(False)
        states = grave or self.chip.states(2)
        if via is None and not states and not self.chip.watchdog_runs():
            return "jump", "it needs nothing of this build", self._helper(_LOOK)
        if via == "jump":
            why = "as asked, though this stays: " + states if states else "as asked"
            return via, why, self._helper(_LOOK)
        from . import reset

        state, missing = reset.hook(*self.chip.family.FLASH)
        if state:
            self._reset = reset.Reset(jump, self.image, state)
            missing = self._reset.missing
        if not missing:
            why = "it clears this: " + states if states else "it stops the independent watchdog"
            return "reset", "as asked" if via else why, None
        if via is None and grave:
            from .errors import StateError

            return "reset", "only a reset clears it", StateError(grave, missing)
        if via is None:
            why = "this stays: " + states if states else "the watchdog goes on"
            return "jump", why + ", as " + missing, self._helper(_LOOK)
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
        try:
            if self.chip.family.ARMV6M and in_handler():
                from .errors import HandlerError

                raise HandlerError()
            reason = self._helper(_GO)
            if reason:
                raise reason
        except MemoryError:  # an interrupt handler must not allocate an exception
            raise IN_HANDLER from None

    def prepare(self):
        """For sync() and leave(), which allocate nothing: the heap may be full or locked then."""
        self._sync = _syncing()
        self._consoles = _transmitting(*self.chip.family.USARTS)

    def sync(self, force):
        """SyncError if a block device fails, unless forced."""
        try:
            if self._sync:
                self._sync()
        except Exception as error:
            if not force:
                from .errors import SyncError

                raise SyncError(error) from None
            print("romboot: not synced; what was written last may be lost")

    def arm(self, after_ms):
        """Leave in that time."""
        global _timer
        from machine import Timer

        # The callback goes through MicroPython's scheduler, which drops it if its queue is full:
        # the timer is periodic, to try again. hard=True (1.27 and newer) is no way round, as that
        # would leave in the middle of a write to a file.
        period = after_ms // (after_ms // _PERIOD_MS + 1) + 1
        timer = Timer(-1)
        cancel()
        self._due = time.ticks_add(time.ticks_ms(), after_ms)
        _timer = timer
        timer.init(mode=Timer.PERIODIC, period=period, callback=self._tick)

    def _tick(self, timer):
        # A callback may have been in the queue when its timer was cancelled.
        if timer is _timer and time.ticks_diff(time.ticks_ms(), self._due) >= 0:
            cancel()
            self.sync(True)
            self.leave()

    def leave(self):
        """Part with the console and the host in good order, then go. Does not return."""
        _drain(self._consoles)
        ports = self.chip.family.USB
        attached = _attached(ports)
        try:
            if attached:
                # Without a visible disconnect the host goes on talking to a device that is gone.
                time.sleep_ms(_DETACH_MS)  # what the console has written is on its way
                _attach(ports, attached, False)
                time.sleep_ms(_DETACH_MS)
            self.go()
        finally:
            _attach(ports, attached, True)


def in_handler():
    return mem32[_ICSR] & _VECTACTIVE


def enter(after_ms, force, via):
    """See romboot.enter_bootloader()."""
    if after_ms is not None and not (isinstance(after_ms, int) and 0 <= after_ms <= 3600000):
        from .errors import ArgumentError

        raise ArgumentError("after_ms", after_ms, "None, or 0 to 3600000 milliseconds")
    entry = Entry(force, via)
    entry.check()
    entry.prepare()
    entry.sync(force)
    if after_ms is None:
        entry.leave()
    entry.arm(after_ms)


def cancel():
    """See romboot.cancel()."""
    global _timer
    if _timer:
        _timer.deinit()
        _timer = None


def _syncing():
    # What syncs the file systems, or None. Before 1.23 os.sync() takes every mounted object for a
    # file system on a block device and crashes on others, such as that of `mpremote mount`. What
    # it does there is left to the internal storage: whatever else is mounted is synced when a file
    # is closed.
    if sys.implementation.version >= (1, 23):
        return getattr(os, "sync", None)
    try:
        from pyb import Flash
    except ImportError:
        return None
    ioctl = Flash().ioctl
    return lambda: ioctl(3, 0)  # SYNC


def _transmitting(status, control, enabled, buses):
    # The status register of each USART that transmits. Bit n of `clocks` is the clock of the USART
    # at bus + n KiB.
    found = []
    for bus, clocks, bits in buses:
        running = mem32[clocks]
        for bit in bits:
            if running >> bit & 1:
                usart = bus + 1024 * bit
                if mem32[usart + control] & enabled == enabled:
                    found.append(usart + status)
    return found


def _drain(consoles):
    # The last character must be out before the clock goes.
    start = time.ticks_ms()
    for status in consoles:
        while not mem32[status] & _TC:
            if time.ticks_diff(time.ticks_ms(), start) > _DRAIN_MS:
                return


def _attached(ports):
    # Of (byte with the clock, its bit, register, mask, attached): bit n if the n-th USB device has
    # a clock and is attached.
    found = 0
    bit = 1
    for clocks, number, register, mask, attached in ports:
        if mem8[clocks] >> number & 1 and mem32[register] & mask == attached:
            found |= bit
        bit <<= 1
    return found


def _attach(ports, which, on):
    for _, _, register, mask, attached in ports:
        if which & 1:
            mem32[register] = mem32[register] & ~mask | (attached if on else attached ^ mask)
        which >>= 1
