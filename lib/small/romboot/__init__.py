"""The small edition: enter_bootloader(), for a firmware that has less than 8 KB of flash left.

It has the tables, the checks and the machine code of the whole library, but neither info(), plan()
and via="reset" nor the sentences of its errors.
"""

from machine import mem32
from micropython import const

_ICSR = const(-0x1FFF12FC)  # 0xE000ED04, as a small integer; ARM DDI 0403E B3.2.4
_VECTACTIVE = const(0x1FF)
_LOOK = const(0)  # tasks of jump.helper()
_GO = const(1)
_CONTROL = const(3)
_NPRIV = const(1)  # CONTROL: thread mode is unprivileged


class RomBootError(Exception):
    """romboot did not go, and every register is as it was. The text says why."""


error = RomBootError  # the whole library has classes with sentences here; this, their names
_NO_MEMORY = error("MemoryError")  # made while there is room for it

# Of a module that is not there, not whole, or a .mpy file of another version.
IMPORT_ERRORS = (ImportError, SyntaxError, ValueError)

from . import chip  # noqa: E402, it needs these

try:
    from . import jump
except IMPORT_ERRORS:  # a build without the inline assembler
    from . import jump_bytes as jump


_image = None  # see chip.image()


def _helper(task=_GO):
    msp = jump.helper(_image, task)
    if msp:
        raise RomBootError("StackError", msp)


def enter_bootloader(*, after_ms=None, force=False):
    """Leave the application and start the ROM bootloader, as the whole library does by a jump.

    after_ms: return first, leave after so many milliseconds; another call takes its place.
    force=True enters although readout protection is at level 2, or file systems cannot be synced.
    An independent watchdog goes on; the ROM refreshes it (AN2606 4.1). Raises RomBootError.
    """
    global _image
    try:
        chip.check_port()
        code = jump.code_address()
        if code >> 28 == 1 or code >> 29 & 7 > 4:  # CCM, SDRAM: it may not be executable
            raise RomBootError("CodeError", code)
        if jump.helper(0, _CONTROL) & _NPRIV:
            raise RomBootError("PrivilegeError")
        if mem32[_ICSR] & _VECTACTIVE:
            raise RomBootError("HandlerError")
        found = chip.find()
        grave, lasting, _ = found.states()
        if grave:
            raise RomBootError("StateError", grave)
        reason = found.no_rom() or (not force and found.useless_rom(lasting))
        if reason:
            raise reason
        _image = chip.image(found)
        _helper(_LOOK)
        chip.leave(found.family, _helper, force, after_ms)
    except MemoryError:
        raise _NO_MEMORY from None
