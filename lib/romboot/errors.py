"""What can stand between a prompt and the factory bootloader, each with what it says.

Loaded only when one is needed: from a .mpy file this takes 3.4 KB of heap.
"""

from . import RomBootError


class ArgumentError(RomBootError):
    """A keyword has a value that romboot does not know."""

    def __init__(self, name, value, allowed):
        super().__init__("%s=%r: it must be %s" % (name, value, allowed))


class NotSTM32Error(RomBootError):
    """This is not MicroPython's stm32 port, or not a Cortex-M that it runs on."""

    def __init__(self, platform):
        super().__init__(
            "sys.platform is '%s'; romboot needs MicroPython's stm32 port ('pyboard')" % platform
        )


class UnknownChipError(RomBootError):
    """DBGMCU_IDCODE holds a DEV_ID that romboot has no facts for."""

    def __init__(self, core, dev_id):
        super().__init__(
            "core 0x%03X, DEV_ID 0x%03X: romboot has no facts about this chip and does not guess. "
            "Enter its bootloader with the BOOT0 pin" % (core, dev_id)
        )


class BadRomError(RomBootError):
    """System memory does not start with a plausible vector table."""

    def __init__(self, table, stack, start, ram, ram_end):
        super().__init__(
            "system memory at 0x%08X starts with 0x%08X, 0x%08X: not a stack pointer in SRAM "
            "(0x%08X to 0x%08X) and a Thumb address in the ROM, so there is no bootloader to "
            "enter. Program with SWD instead" % (table, stack, start, ram, ram_end)
        )


class ProtectedError(RomBootError):
    """Option bytes (readout protection) make the bootloader useless."""

    def __init__(self):
        super().__init__(
            "readout protection is at level 2: the bootloader would start but refuse to read, "
            "write or erase, for ever. force=True enters all the same"
        )


class StackError(RomBootError):
    """There is no executable internal SRAM below the main stack to run the last steps from."""

    def __init__(self, msp, size, ram, ram_end):
        super().__init__(
            "MSP is 0x%08X: the last steps need %d bytes of free internal SRAM below the main "
            "stack (0x%08X to 0x%08X). Call romboot with less on the stack, or from the main "
            "thread" % (msp, size, ram, ram_end)
        )


class HandlerError(RomBootError):
    """go() was called from an interrupt handler of an ARMv6-M core."""

    def __init__(self):
        super().__init__(
            "go() was called from an interrupt handler: this core (ARMv6-M) does not tell which "
            "others it has interrupted, so they cannot be left. Use enter_bootloader(after_ms=1), "
            "micropython.schedule() or via='reset'"
        )


class PrivilegeError(RomBootError):
    """The CPU runs unprivileged: it may not touch the System Control Space."""

    def __init__(self):
        super().__init__(
            "the CPU runs unprivileged (CONTROL.nPRIV): romboot may not touch the system "
            "registers. Call it from privileged code"
        )


class HookError(RomBootError):
    """This build has no early-boot hook that a reset could go through, or none that is known."""

    def __init__(self, missing):
        super().__init__("via='reset': %s. Use via='jump'" % missing)


class CodeError(RomBootError):
    """romboot's machine code lies in SDRAM or CCM, where it cannot be executed."""

    def __init__(self, address, memory):
        super().__init__(
            "romboot's machine code is at 0x%08X, in %s, where this chip executes nothing. "
            "Freeze romboot into a firmware with the inline assembler" % (address, memory)
        )
