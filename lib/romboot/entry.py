# From the call to the point of no return: which chip is it, may it be entered, what must be
# written. Then jump.py does it, by itself.
#
# What is rarely needed is imported where it is needed: a module costs heap.

import gc

from machine import mem32
from micropython import const

# What compiling a .py file has left would scatter the next one over a small heap.
gc.collect()
from . import IMPORT_ERRORS, RomBootError, chip, error  # noqa: E402

gc.collect()
try:
    from . import jump
except IMPORT_ERRORS:  # a build without the inline assembler
    from . import jump_bytes as jump

_LOOK = const(0)  # tasks of jump.helper()
_GO = const(1)
_CONTROL = const(3)
_NPRIV = const(1)  # CONTROL: thread mode is unprivileged
_LAST_STEPS = const(240)  # bytes that jump.helper() needs below the main stack, beside the image
_ICSR = const(-0x1FFF12FC)  # 0xE000ED04, as a small integer; ARM DDI 0403E B3.2.4
_VECTACTIVE = const(0x1FF)

# Made beforehand, as an interrupt handler must not allocate it.
IN_HANDLER = RomBootError(
    "not from this interrupt handler. Prepare go = romboot.plan().go outside and call go() in it; "
    "that fails only on ARMv6-M, or without room on the main stack"
)


def external_code():
    """The address of the machine code, if it is in CCM or SDRAM, where it may not be executable:
    then nothing of it can be called. Else PrivilegeError in unprivileged code, where it is a fault
    to read the core's registers. NotSTM32Error as of chip.check_port()."""
    chip.check_port()
    code = jump.code_address()
    if code >> 28 == 1 or code >> 29 & 7 > 4:
        return code
    if jump.helper(0, _CONTROL) & _NPRIV:
        raise error("PrivilegeError")


class Entry:
    """Everything decided, nothing written. go() allocates nothing: call it from any context.

    via: "jump", straight into system memory, or "reset", see reset.py; reasons: the exceptions
    that prevent entry.
    """

    missing = ""  # why no reset leads to the ROM, if one was wanted

    def __init__(self, force=False, via=None):
        if force is not False and force is not True:
            raise error("ArgumentError", "force", force, "True or False")
        if via is not None and via not in ("jump", "reset"):
            raise error("ArgumentError", "via", via, "None, 'jump' or 'reset'")
        code = external_code()
        if code:
            chip.module("romboot.external").check(code)
        self.chip = found = chip.find()
        self.image = chip.image(found)
        grave, lasting, harmless = found.states()
        blocked = self._choose(via, grave, harmless)
        self.reasons = reasons = []
        for reason in found.no_rom(), blocked, not force and found.useless_rom(lasting):
            if reason:
                reasons.append(reason)

    def _choose(self, via, grave, harmless):
        # Sets via; the exception that prevents this way, or None. The jump needs nothing of the
        # firmware, so it comes first; but only a reset stops a watchdog, and clears states.
        by_reset = via == "reset"
        if not via:
            by_reset = grave or harmless or watchdog_runs(self.chip.family)
        self.via = "reset" if by_reset else "jump"
        if by_reset:
            self.missing = missing = self._prepare_reset()
            if not missing:
                return None
            if via:
                return error("HookError", missing)
            if grave:
                return error("StateError", grave, missing)
            self.via = "jump"
        msp = jump.helper(self.image, _LOOK)
        return self._stack_error(msp) if msp else None

    def _prepare_reset(self):
        # Why no reset leads to the ROM, or "".
        from . import reset

        state, missing = reset.hook(self.chip.family)
        if state:
            self._reset = reset.Reset(jump, self.image, state)
            missing = self._reset.missing
        return missing

    def _stack_error(self, msp):
        # The last steps have no room below the main stack.
        needed = len(self.image) + _LAST_STEPS
        return error("StackError", msp & 0xFFFFFFFF, needed, *self.chip.ram)

    def go(self, _=None):
        """Go now. Does not return. (A timer or the scheduler may call it: then with an argument.)

        StackError: the stack has meanwhile grown too deep. HandlerError: called from an interrupt
        handler of a core that does not tell which other handlers are under way.
        """
        if self.via == "reset":
            self._reset.go()
        try:
            if self.chip.family.ARMV6M and in_handler():
                raise error("HandlerError")
            raise self._stack_error(jump.helper(self.image, _GO))
        except MemoryError:
            raise IN_HANDLER from None


def watchdog_runs(family):
    """True if the independent watchdog runs: it keeps LSI on although LSION is 0.

    If LSION is 1 (an RTC without a crystal), a prescaler or reload value that is not that after a
    reset counts as a sign.
    """
    register, bit, iwdg = family.WATCHDOG
    lsi = mem32[register] >> bit & 3  # LSION, LSIRDY
    return lsi == 2 or (lsi == 3 and mem32[iwdg + 4] | mem32[iwdg + 8] ^ 0xFFF != 0)  # PR, RLR


def in_handler():
    """Whether an interrupt handler or another exception is under way."""
    return mem32[_ICSR] & _VECTACTIVE
