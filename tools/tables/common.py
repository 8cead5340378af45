"""What several families say of their option bytes and states in the same words."""

from __future__ import annotations

from .family import Check, Note, Option, State, is_set
from .language import Register

PCROP_AREAS = (
    "PCROP is on: the ROM cannot read, write or erase what is under it. Only protection level 1, "
    "then 0, lifts it, and erases the flash"
)


def jitter(percent: int) -> Note:
    """Of a ROM that measures the baud rate by software, with so large an error (AN2606 rev 70 4.5,
    table 6). 4 % and less, as of the F0, G0, L0 and L1, an adapter takes."""
    return Note(
        f"it may measure 115,200 baud up to {percent} % wrong: use 57,600, or reset and try again"
    )


HUB = "USB DFU fails behind some high-speed host controllers; a USB hub in between helps"


def watchdog(register: Register, bit: int, name: str) -> Option:
    """The independent watchdog is started by hardware. name: of the option that is 0 then."""
    return Option(
        register, bit, 0,
        f"the watchdog starts with every reset ({name} is 0): new firmware must refresh it, as "
        "the ROM does",
    )  # fmt: skip


def boot_from_option(optr: Register) -> Option:
    """nSWBOOT0 in bit 26 and nBOOT0 in bit 27 of OPTR (AN2606 Table 2, patterns 6, 7, 13, 16)."""
    return Option(
        optr, 26, 0,
        "nSWBOOT0 and nBOOT0 are 0: no reset starts the flash, but the ROM (SRAM, if nBOOT1 is "
        "0), until nBOOT0 is 1 again",
        bits=2,
    )  # fmt: skip


def dual_boot(register: Register, bit: int, name: str = "BFB2", level: int = 1) -> Option:
    """The ROM chooses a bank at each reset (AN2606, figures of the dual bank boot)."""
    return Option(
        register, bit, level,
        f"{name} is {level}: a reset starts bank 2 if it holds an application, else bank 1; new "
        "firmware in bank 1 (0x08000000) may not be what starts",
    )  # fmt: skip


def bank_2_runs(register: Register, bit: int) -> Option:
    """The bit of SYSCFG that shows bank 2 first (FB_MODE, UFB). Without a clock SYSCFG reads 0."""
    return Option(register, bit, 1, "bank 2 runs, at 0x08000000; in the ROM bank 1 is there again")


def empty(register: Register, bit: int, name: str) -> Option:
    """The flag of the empty check."""
    return Option(
        register, bit, 1,
        f"the flash was empty at the last power-on ({name} is 1): a reset starts the ROM, not new "
        "firmware, until a power-on",
    )  # fmt: skip


def erased_by_reset(optr: Register, bit: int, name: str, what: str) -> Option:
    """what: the SRAM in which builds of MicroPython start their stack, or have their heap."""
    return Option(
        optr, bit, 0,
        f"a reset erases {what} ({name} is 0): through one the application is back",
    )  # fmt: skip


def window_watchdog(optr: Register, bit: int = 19) -> State:
    """The window watchdog is started by hardware: WWDG_SW is 0."""
    return State(
        "the window watchdog starts with every reset (WWDG_SW is 0), and AN2606 names nothing "
        "that refreshes it in the ROM",
        (Check(optr.address, 1 << bit, 0),),
        lasting=True,
    )


def half_a_double_word(sr: Register, busy: int) -> State:
    """By report a word that is stored alone in the flash, or at 0 (a null pointer), even while the
    flash is locked, sets CFGBSY until a reset (ST community, td-p/209886 and td-p/57617). busy:
    all busy flags, of which CFGBSY is bit 18: while another is set an erase is under way."""
    return State(
        "a single word was stored in the flash (FLASH_SR.CFGBSY)",
        (Check(sr.address, busy, 1 << 18),),
    )


def window_watchdog_clock(register: Register) -> State:
    """WWDGEN, bit 11: only a reset clears it."""
    name = register.name.partition(".")[2]
    return State(f"the window watchdog has its clock ({name}.WWDGEN)", (is_set(register, 11),))


def clock_security(cr: Register) -> State:
    """CSSON of RCC_CR, bit 19: only a reset clears it."""
    return State("clock security of HSE is on (RCC_CR.CSSON)", (is_set(cr, 19),))
