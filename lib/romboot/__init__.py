"""From a MicroPython prompt on an STM32 to the factory bootloader in its system memory.

    from romboot import enter_bootloader
    enter_bootloader()

The bootloader is the one that ST programs into every chip (AN2606). No BOOT0 pin, button or
probe is needed. It finds the chip as a reset would have left it, or it is not entered at all:
then a RomBootError says why, and nothing has changed.
"""

from . import entry

__version__ = "0.1.0"


class RomBootError(Exception):
    """romboot did not go, and every register is as it was. The text says why and what to do.

    Its subclasses are in romboot.errors, which is loaded when one is needed.
    """


def enter_bootloader(*, after_ms=None, force=False, via=None):
    """Leave the application and start the ROM bootloader.

    Without after_ms this never returns, so an mpremote script needs --no-follow. With it (0 to
    3600000 milliseconds) it returns at once and the jump follows from a one-shot timer.

    force=True enters although readout protection is at level 2.
    via: "jump" goes straight into system memory, "reset" through a system reset and MicroPython's
    early-boot hook. None jumps, unless a watchdog runs that only a reset can stop.

    Before it goes it syncs the file systems, waits for the console's last byte and detaches USB.
    Raises RomBootError (see romboot.errors); then every register is as before.
    """
    entry.enter(after_ms, force, via)


def plan(*, force=False, via=None):
    """What enter_bootloader() would do: a Plan. Writes nothing.

    Its repr is a table of every register write in order, with address, value now and value then,
    and the verdict. Its go() enters the bootloader; it allocates nothing, so that it may be called
    from a hard interrupt handler. bool(plan) is True if nothing stands in the way.
    """
    return entry.chip.module("dryrun").Plan(force, via)


def info():
    """Print and return what this chip is, where its ROM is and where that ROM listens."""
    facts = entry.chip.module("facts").Info()
    print(facts.table())
    return facts
