"""The small edition: enter_bootloader(), for a firmware that has less than 8 KB of flash left.

It has the tables, the checks and the machine code of the whole library, but neither info(), plan()
and via="reset" nor the sentences of its errors.
"""

import os
import time

from machine import mem8, mem32
from micropython import const

from . import chip, script

try:
    from . import jump
except (SyntaxError, ValueError, ImportError):  # a build without the inline assembler
    from . import jump_bytes as jump

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_ICSR = const(_SCS + 0xD04)  # ARM DDI 0403E B3.2.4
_VECTACTIVE = const(0x1FF)
_WAIT_MS = const(100)  # the longest wait for a console; one character takes 1 ms at 9600 baud
_DETACH_MS = const(20)  # a hub sees a disconnect after 2.5 us (USB 2.0 7.1.7.3) and latches it
_TC = const(0x40)  # of a USART, any kind: the last bit of the last character is out
_LOOK = const(0)  # tasks of jump.helper()
_GO = const(1)
_CONTROL = const(3)
_NPRIV = const(1)


class RomBootError(Exception):
    """romboot did not go, and every register is as it was. The text says why."""


_timer = None  # keeps the timer of after_ms alive


def enter_bootloader(*, after_ms=None, force=False):
    """Leave the application and start the ROM bootloader, as the whole library does by a jump.

    after_ms: return first, leave after so many milliseconds. force=True enters although readout
    protection is at level 2. An independent watchdog goes on; the ROM refreshes it (AN2606 4.1).
    Raises RomBootError.
    """
    global _timer
    if jump.helper(0, _CONTROL) & _NPRIV:
        raise RomBootError("PrivilegeError")
    found = chip.find()
    family = found.family
    before, after = family.SCRIPT
    own = family.DIES[found.number][1]
    image = script.image(before, own, after, found.ram(), family.MPU)
    reason = found.no_rom() or (not force and found.useless_rom()) or _blocked(image)
    states = found.states(False)
    if states:
        reason = RomBootError("StateError", states)
    if reason:
        raise reason
    if hasattr(os, "sync"):
        os.sync()
    if after_ms is None:
        _leave(family, image)
    from machine import Timer

    # Periodic, as MicroPython drops a callback if the queue of its scheduler is full.
    _timer = Timer(-1)
    _timer.init(
        mode=Timer.PERIODIC, period=after_ms or 1, callback=lambda _: _leave(family, image)
    )


def _blocked(image):
    # The exception that says why the last steps cannot run, or None.
    code = jump.code_address()
    if code >> 28 == 1 or code >> 29 > 4:  # CCM, SDRAM: it may not be executable
        return RomBootError("CodeError", code)
    if mem32[_ICSR] & _VECTACTIVE:
        return RomBootError("HandlerError")
    msp = jump.helper(image, _LOOK)
    if msp:
        return RomBootError("StackError", msp)


def _leave(family, image):
    if _timer:
        _timer.deinit()
    reason = _blocked(image)
    if reason:
        raise reason
    _drain(*family.USARTS)
    for clocks, bit, register, mask, attached in family.USB:
        if mem8[clocks] >> bit & 1 and mem32[register] & mask == attached:
            time.sleep_ms(_DETACH_MS)  # what the console has written is on its way
            mem32[register] ^= mask
            time.sleep_ms(_DETACH_MS)
    jump.helper(image, _GO)


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
                        if time.ticks_diff(time.ticks_ms(), start) > _WAIT_MS:
                            return
