"""From a MicroPython prompt on an STM32 to the factory bootloader in its system memory.

    from romboot import enter_bootloader
    enter_bootloader()

The bootloader is the one that ST programs into every chip (AN2606). No BOOT0 pin, button or
probe is needed. It finds the chip as a reset would have left it, or it is not entered at all:
then a RomBootError says why, and nothing has changed.
"""

import gc

__version__ = "0.1.0"


class RomBootError(Exception):
    """romboot did not go, and every register is as it was. The text says why and what to do.

    Its subclasses are in romboot.errors, which is loaded when one is needed.
    """


def error(name, *values):
    """The exception with this name of romboot.errors, which is loaded only if there is one."""
    from . import errors

    return getattr(errors, name)(*values)


# Made beforehand, as there is no room to make it then.
NO_MEMORY = RomBootError(
    "romboot needs 6 KB of free heap (compiled 18 KB, .py 60 KB), 1.5 KB of it in one piece, not "
    "locked"
)
# Of a module that is not there, not whole, or a .mpy file of another version.
IMPORT_ERRORS = (ImportError, SyntaxError, ValueError)

try:
    from . import entry
except MemoryError:
    raise NO_MEMORY from None
except IMPORT_ERRORS as problem:
    raise RomBootError("romboot is not complete here (%s): install it again" % problem) from None


def _memory_error():
    return entry.IN_HANDLER if entry.in_handler() else NO_MEMORY


def _facts():
    bytearray(16)  # MemoryError in an interrupt handler, which may have interrupted a collection
    gc.collect()  # as in entry.py
    return entry.chip.module("romboot.facts")


def enter_bootloader(*, after_ms=None, force=False, via=None):
    """Leave the application and start the ROM bootloader.

    Without after_ms this never returns, so an mpremote script needs --no-follow. With it (0 to
    3600000 milliseconds) it returns at once and the jump follows from MicroPython's scheduler,
    whatever has become of the heap; if the scheduler's queue is full, up to a second later. Until
    then cancel() and a soft reset (Ctrl-D) call it off, and another call takes its place.

    force=True enters although readout protection is at level 2, a file system cannot be synced,
    this ROM is known to start the application again, or what is in the way outlives each reset.
    via: "jump" goes straight into system memory, "reset" through a system reset and MicroPython's
    early-boot hook. None jumps, unless a watchdog runs that a jump cannot stop, or something is
    set that only a reset clears.

    Before it goes it syncs the file systems, waits for the console's last byte and detaches USB.
    Raises RomBootError (see romboot.errors); then every register is as before. The arguments have
    names: enter_bootloader(100) is a TypeError.

    In boot.py or main.py it would be called again at every start. Let something call it that is
    gone at the next start, such as a button that is held, or a file that is removed first.
    """
    try:
        if after_ms is not None and not (isinstance(after_ms, int) and 0 <= after_ms <= 3600000):
            raise error(
                "ArgumentError", "after_ms", after_ms, "None, or 0 to 3600000 milliseconds"
            )
        way = entry.Entry(force, via)
        if way.reasons:
            raise way.reasons[0]
        entry.chip.leave(way.chip.family, way.go, force, after_ms)
    except MemoryError:
        raise _memory_error() from None


def cancel():
    """Call off what enter_bootloader(after_ms=...) has announced, if anything."""
    entry.chip.cancel()


def plan(*, force=False, via=None):
    """What enter_bootloader() would do: a Plan. Writes nothing.

    Its repr is a table of every register write in order, with address, value now and value then,
    and the verdict. Its go() enters the bootloader; it allocates nothing, so that it may be called
    from a hard interrupt handler. bool(plan) is True if nothing prevents entry.
    """
    try:
        return _facts().Plan(force, via)
    except MemoryError:
        raise _memory_error() from None


def info():
    """Print and return what this chip is, where its ROM is and where that ROM listens."""
    try:
        facts = _facts().Info()
        print(facts.table())
        return facts
    except MemoryError:
        raise _memory_error() from None
