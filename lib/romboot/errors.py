"""What can stand between a prompt and the factory bootloader, each with what it says.

Loaded only when one is needed. `text` is completed with the arguments of the exception.
"""

from . import RomBootError


class _WithText(RomBootError):
    text = ""

    def __init__(self, *args):
        super().__init__(self.text % args)


class ArgumentError(_WithText):
    """A keyword has a value that romboot does not know."""

    text = "%s=%r: it must be %s"


class NotSTM32Error(_WithText):
    """This is not MicroPython's stm32 port."""

    text = "sys.platform is '%s'; romboot needs MicroPython's stm32 port ('pyboard')"


class UnknownChipError(_WithText):
    """DBGMCU_IDCODE holds a DEV_ID that romboot has no facts for, or the core is unknown."""

    text = (
        "core 0x%03X, %s: romboot does not know this chip. Enter its bootloader with the BOOT0 pin"
    )


class MissingModuleError(_WithText):
    """The chip is known, but this is an edition of the library for others, or a part of it."""

    text = "romboot.%s is not installed here. Install romboot with it"


class BadRomError(_WithText):
    """System memory does not start with a plausible vector table."""

    text = (
        "system memory at 0x%08X starts with 0x%08X, 0x%08X: not a stack pointer in SRAM (0x%08X "
        "to 0x%08X) and a Thumb address in the ROM: there is no bootloader. Program with SWD"
    )


class ClosedRomError(_WithText):
    """This version of the ROM cannot be entered by a jump."""

    text = (
        "a ROM with ID 0x%02X starts the application again unless BOOT0 is high. Use the BOOT0 "
        "pin; force=True tries all the same"
    )


class ProtectedError(_WithText):
    """Option bytes (readout protection) make the bootloader useless."""

    text = (
        "readout protection is at level 2: the bootloader would not read, write or erase. "
        "force=True enters all the same"
    )


class SyncError(_WithText):
    """A block device of a file system failed when it was told to write what it holds back."""

    text = (
        "syncing the file systems raised %r, so what was written last may be lost. Mend that "
        "block device or os.umount() it; force=True goes all the same"
    )


class StateError(_WithText):
    """Something is set that only a reset clears, and this build has no way through a reset."""

    text = (
        "%s: only a reset clears that, and a reset would not end in the ROM: %s. Press reset, or "
        "use the BOOT0 pin; via='jump' leaves it set"
    )


class LastingError(_WithText):
    """Something is set that not even a reset clears."""

    text = "%s. Clear it, or use the BOOT0 pin; force=True goes all the same"


class StackError(_WithText):
    """There is no executable internal SRAM below the main stack to run the last steps from."""

    text = (
        "MSP is 0x%08X: the last steps need %d bytes of internal SRAM below the main stack "
        "(0x%08X to 0x%08X). Call romboot with less on the stack, or from the main thread"
    )


class HandlerError(_WithText):
    """go() was called from an interrupt handler of an ARMv6-M core."""

    text = (
        "go() was called from an interrupt handler, which cannot be left on this core (ARMv6-M). "
        "Use enter_bootloader(after_ms=1), micropython.schedule() or via='reset'"
    )


class PrivilegeError(_WithText):
    """The CPU runs unprivileged: it may not touch the System Control Space."""

    text = "the CPU runs unprivileged (CONTROL.nPRIV). Call romboot from privileged code"


class HookError(_WithText):
    """This build has no early-boot hook that a reset could go through, or none that is known."""

    text = "via='reset': %s. Use via='jump'"


class CodeError(_WithText):
    """romboot's machine code lies in SDRAM or CCM, where it cannot be executed."""

    text = (
        "romboot's machine code is at 0x%08X, in %s, where it cannot run. Freeze romboot into a "
        "firmware with the inline assembler"
    )
