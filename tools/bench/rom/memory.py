"""What the bootloader needs of a chip: memory and option bytes."""

from __future__ import annotations

from typing import Protocol

RDP_LEVEL_0 = 0xAA  # RM0090 3.7.3: any other value but 0xCC is level 1
RDP_LEVEL_2 = 0xCC


class BusFault(Exception):
    """There is nothing at that address. The real ROM ends in its HardFault handler."""


class OptionBytes(Protocol):
    """The option bytes in flash."""

    rdp: int
    """The RDP byte."""
    user: int
    """The user byte of an F4: nRST_STDBY, nRST_STOP, WDG_SW, BFB2, BOR_LEV."""
    nwrp: int
    """Bit n is 1 if part n of the flash is not write-protected (see `RomFacts.part_of`)."""

    @property
    def writable(self) -> int:
        """Bit n is 1 if part n of the flash can be erased and programmed: PCROP counts too."""
        ...


class RomMemory(Protocol):
    """Access to the memories without rules, as a debugger has it.

    The bootloader applies the rules (bits go from 1 to 0 only, protected sectors, read
        protection).
    """

    @property
    def options(self) -> OptionBytes: ...

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes. The start may be anywhere that AN2606 lets the host read, but the end
        may be beyond: clients fetch the unique id and the flash size of an F4 in one block that
        starts in the OTP area. Raise `BusFault` where the bus has nothing."""
        ...

    def write(self, address: int, data: bytes) -> None:
        """Store `data` in RAM, flash or OTP, unchanged. Raise `BusFault` as `read` does."""
        ...

    def clear_ram(self) -> None:
        """All SRAM and backup SRAM to zero: what leaving read protection does."""
        ...


def rdp_level(options: OptionBytes) -> int:
    """Read protection level: 0, 1 or 2 (RM0090 3.7.3)."""
    return {RDP_LEVEL_0: 0, RDP_LEVEL_2: 2}.get(options.rdp, 1)
