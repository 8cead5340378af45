"""What may keep romboot from entering the bootloader. The text of each says what was seen, what it
means and what to do."""

from . import RomBootError

class ArgumentError(RomBootError):
    """A keyword has a value that romboot does not know."""

class NotSTM32Error(RomBootError):
    """This is not MicroPython's stm32 port."""

class UnknownChipError(RomBootError):
    """DBGMCU_IDCODE holds a DEV_ID that romboot has no facts for, or the core is unknown."""

class MissingModuleError(RomBootError):
    """The chip is known, but this is an edition of the library for others, or a part of it."""

class BadRomError(RomBootError):
    """System memory does not start with a plausible vector table."""

class ClosedRomError(RomBootError):
    """This version of the ROM cannot be entered by a jump."""

class ProtectedError(RomBootError):
    """Option bytes (readout protection) make the bootloader useless."""

class SyncError(RomBootError):
    """A block device of a file system failed when it was told to write what it holds back."""

class StateError(RomBootError):
    """Something is set that only a reset clears, and this build has no way through a reset."""

class LastingError(RomBootError):
    """Something is set that not even a reset clears."""

class StackError(RomBootError):
    """There is no executable internal SRAM below the main stack to run the last steps from."""

class HandlerError(RomBootError):
    """go() was called from an interrupt handler of an ARMv6-M core."""

class PrivilegeError(RomBootError):
    """The CPU runs unprivileged: it may not touch the System Control Space."""

class HookError(RomBootError):
    """This build has no early-boot hook that a reset could go through, or none that is known."""

class CodeError(RomBootError):
    """romboot's machine code lies in SDRAM or CCM, where it cannot be executed."""
