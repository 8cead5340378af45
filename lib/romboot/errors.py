"""What can stand between a prompt and the factory bootloader."""

from . import RomBootError


class ArgumentError(RomBootError):
    """A keyword has a value that romboot does not know."""


class NotSTM32Error(RomBootError):
    """This is not MicroPython's stm32 port, or not a Cortex-M that it runs on."""


class UnknownChipError(RomBootError):
    """DBGMCU_IDCODE holds a DEV_ID that romboot has no facts for."""


class BadRomError(RomBootError):
    """System memory does not start with a plausible vector table."""


class ProtectedError(RomBootError):
    """Option bytes (readout protection) make the bootloader useless."""


class StackError(RomBootError):
    """There is no executable internal SRAM below the main stack to run the last steps from."""


class PrivilegeError(RomBootError):
    """The CPU runs unprivileged: it may not touch the System Control Space."""


class HookError(RomBootError):
    """This build has no early-boot hook that a reset could go through, or none that is known."""
