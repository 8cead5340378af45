# What each exception says: its name, and a sentence that its arguments complete.
#
# Loaded only when one is needed, and a class is made only then: all of them would take more heap
# than their sentences. errors.pyi has them as classes.

from . import RomBootError

_SENTENCES = (
    "\nArgumentError %s=%r: it must be %s"
    "\nNotSTM32Error sys.platform is '%s': romboot needs MicroPython's stm32 port ('pyboard')"
    "\nUnknownChipError core 0x%03X, DEV_ID 0x%03X (0: none could be read): romboot does not know "
    "this chip, or is installed for another. Use the BOOT0 pin"
    "\nMissingModuleError %s is not installed here. Install romboot with it"
    "\nBadRomError system memory at 0x%08X starts with 0x%08X, 0x%08X: not a stack pointer in "
    "SRAM (0x%08X to 0x%08X) and a Thumb address in the ROM. There is no bootloader: use SWD"
    "\nClosedRomError a ROM with ID 0x%02X starts the application again unless BOOT0 is high. "
    "Use the BOOT0 pin; force=True tries it"
    "\nProtectedError readout protection is at level 2: the bootloader would not read, write or "
    "erase. force=True enters it"
    "\nSyncError syncing the file systems raised %r: what was written last may be lost. Repair "
    "that block device or os.umount() it; force=True ignores this"
    "\nStateError %s: only a reset clears that, and a reset would not end in the ROM: %s. Press "
    "reset, or use the BOOT0 pin; via='jump' leaves it set"
    "\nLastingError %s. Clear it, or use the BOOT0 pin; force=True ignores this"
    "\nStackError MSP is 0x%08X: the last steps need %d bytes of internal SRAM below the main "
    "stack (0x%08X to 0x%08X). Call romboot with less on the stack, or from the main thread"
    "\nHandlerError go() was called from an interrupt handler, which this core (ARMv6-M) cannot "
    "leave. Use enter_bootloader(after_ms=1), micropython.schedule() or via='reset'"
    "\nPrivilegeError the CPU runs unprivileged (CONTROL.nPRIV). Use privileged code"
    "\nHookError via='reset': %s. Use via='jump'"
    "\nCodeError romboot's machine code is at 0x%08X, in %s, where it cannot run. Use `romboot "
    "enter`, or freeze romboot into a firmware with the inline assembler\n"
)


class _WithSentence(RomBootError):
    sentence = ""

    def __init__(self, *values):
        super().__init__(self.sentence % values)


def __getattr__(name):
    start = _SENTENCES.find("\n%s " % name)
    if start < 0:
        raise AttributeError(name)
    start += len(name) + 2
    sentence = _SENTENCES[start : _SENTENCES.find("\n", start)]
    found = globals()[name] = type(name, (_WithSentence,), {"sentence": sentence})
    return found
