"""Fault status registers, and a sentence for each fault (DDI 0403E B1.5.14, B3.2.15 to
B3.2.18)."""

from __future__ import annotations

from dataclasses import dataclass

# CFSR: MMFSR in bits 7:0, BFSR in 15:8, UFSR in 31:16.
IACCVIOL, DACCVIOL, MUNSTKERR, MSTKERR, MMARVALID = (1 << n for n in (0, 1, 3, 4, 7))
IBUSERR, PRECISERR, UNSTKERR, STKERR, BFARVALID = (1 << n for n in (8, 9, 11, 12, 15))
UNDEFINSTR, INVSTATE, INVPC, NOCP, STKOF, UNALIGNED, DIVBYZERO = (
    1 << n for n in (16, 17, 18, 19, 20, 24, 25)
)
CFSR_MASK = 0x030FBFBB  # every flag an ARMv7-M core with FPU has
DFSR_BKPT = 1 << 1
HFSR_VECTTBL, HFSR_FORCED, HFSR_DEBUGEVT = 1 << 1, 1 << 30, 1 << 31

WORDS = {
    IACCVIOL: "fetched from memory that may not be executed",
    DACCVIOL: "made an access that the MPU forbids",
    MUNSTKERR: "could not unstack a frame (MPU)",
    MSTKERR: "could not stack a frame (MPU)",
    IBUSERR: "fetched from where nothing is",
    PRECISERR: "accessed an address where nothing is",
    UNSTKERR: "could not unstack a frame (bus)",
    STKERR: "could not stack a frame (bus)",
    UNDEFINSTR: "met an undefined instruction",
    INVSTATE: "left Thumb state (branch to an even address)",
    INVPC: "returned from an exception with an EXC_RETURN that does not fit",
    NOCP: "used the FPU while CPACR has it off",
    STKOF: "let its stack pointer go below MSPLIM or PSPLIM",
    UNALIGNED: "made an unaligned access that traps",
    DIVBYZERO: "divided by zero",
}


@dataclass
class FaultStatus:
    """The registers; a clear keeps the addresses, as on the chip."""

    cfsr: int = 0
    hfsr: int = 0
    dfsr: int = 0
    mmfar: int = 0
    bfar: int = 0

    def record(self, flag: int, address: int | None = None) -> None:
        """Note a fault; `address` where its kind has a valid one."""
        self.cfsr |= flag
        if address is None:
            return
        if flag <= MMARVALID:
            self.mmfar = address
            self.cfsr |= MMARVALID
        elif flag <= BFARVALID:
            self.bfar = address
            self.cfsr |= BFARVALID


def sentence(flag: int, pc: int, address: int | None) -> str:
    """One line for `Core.faults`."""
    where = f" at {address:#010x}" if address is not None else ""
    return f"the code at {pc:#010x} {WORDS.get(flag, 'faulted')}{where}"
