"""Flash, OTP and option bytes as the ROM programs them, with the rules of the hardware."""

from __future__ import annotations

from collections.abc import Iterable

from .facts import Area, RomFacts
from .memory import OptionBytes, RomMemory

OTP_BLOCK = 32  # RM0090 3.8: 16 blocks of 32 bytes, lock byte 0x00 locks, 0xFF does not
OPTION_USER, OPTION_RDP, OPTION_NWRP = 0, 1, 8  # offsets, RM0090 3.7.1
NWRP_BITS = 12  # sectors a 16-byte option block covers
PARALLELISM = (0, 1, 1, 2, 3)  # voltage range (AN2606 table 4) -> index of x8 x16 x32 x64


class Flash:
    """The flash of one chip. Operations are done at once; the methods `*_ns` give their time."""

    def __init__(self, facts: RomFacts, memory: RomMemory) -> None:
        self._facts = facts
        self._memory = memory
        self.voltage_range = (
            0  # 1.8 to 2.1 V: byte by byte until the host writes a range (AN2606 4.4)
        )
        self._failed = False

    @property
    def _options(self) -> OptionBytes:
        return self._memory.options

    def is_protected(self, sector: int) -> bool:
        return not self._options.writable >> self._facts.part_of(sector) & 1

    # --- program -------------------------------------------------------------------------------

    def program(self, address: int, data: bytes) -> bool:
        """Program `data`; False if the hardware flags an error.

        An F4 flags no error for a cell that is not erased (RM0090 3.6.4), bits go from 1 to 0
        only: the result is old AND new. With error correction codes a unit that is not erased
        cannot be programmed (RM0367 3.3.4, RM0433 4.3.9). A protected sector does not change and
        that is no error (AN3155 3.6). One unaligned write makes every later one fail
        (AN2606 4.6).
        """
        if address % 4 or len(data) % 4:
            self._failed = True
        if self._failed or self._facts.sector_at(address + len(data) - 1) is None:
            return False
        if unit := self._facts.unit:
            return self._program_units(address, data, unit)
        old = self._memory.read(address, len(data))
        self._memory.write(address, self._programmed(address, old, data))
        return True

    def _program_units(self, address: int, data: bytes, unit: int) -> bool:
        """Bytes of the first and the last unit that are not given stay erased."""
        blank = bytes([self._facts.erased])
        start, end = address // unit * unit, -(-(address + len(data)) // unit) * unit
        whole = blank * (address - start) + data
        whole += blank * (end - start - len(whole))
        cells = self._memory.read(start, end - start)
        done = 0
        while cells[done : done + unit] == blank * unit:
            done += unit
        if done:
            self._memory.write(start, self._where_open(start, cells, whole)[:done])
        return done == end - start

    def _programmed(self, address: int, old: bytes, new: bytes) -> bytes:
        both = int.from_bytes(old, "little") & int.from_bytes(new, "little")
        return self._where_open(address, old, both.to_bytes(len(old), "little"))

    def _where_open(self, address: int, old: bytes, new: bytes) -> bytes:
        """`new` where no sector is protected, else `old`."""
        cells, writable = bytearray(old), self._options.writable
        first, last = (self._facts.sector_at(at) for at in (address, address + len(old) - 1))
        assert first is not None and last is not None
        for number in range(first, last + 1):
            if writable >> self._facts.part_of(number) & 1:
                sector = self._facts.sectors[number]
                where = slice(max(sector.base - address, 0), sector.end - address)
                cells[where] = new[where]
        return bytes(cells)

    def program_ns(self, length: int) -> int:
        """Typical time to program `length` bytes at the voltage range in use."""
        return -(-length // self._column(self._facts.timing.at_once)) * self._facts.timing.program

    def _column(self, values: tuple[int, ...]) -> int:
        """The value for the present voltage range."""
        return values[min(PARALLELISM[self.voltage_range], len(values) - 1)]

    def program_otp(self, address: int, data: bytes) -> bool:
        """As `program`, in the OTP area; a locked block keeps what it has."""
        otp = self._facts.otp
        if otp is None or address % 4 or len(data) % 4 or address + len(data) > otp.end:
            return False
        cells = bytearray(self._memory.read(address, len(data)))
        for i, value in enumerate(data):
            if not self._otp_locked(otp, address + i):
                cells[i] &= value
        self._memory.write(address, bytes(cells))
        return True

    def _otp_locked(self, otp: Area, address: int) -> bool:
        blocks = (otp.end - otp.start) // (OTP_BLOCK + 1)
        block = (address - otp.start) // OTP_BLOCK
        if block >= blocks:  # a lock byte itself
            return False
        return self._memory.read(otp.start + blocks * OTP_BLOCK + block, 1) == b"\0"

    # --- erase ---------------------------------------------------------------------------------

    def erase(self, numbers: Iterable[int]) -> None:
        """Erase sectors by number. A protected one stays as it is, without error (AN3155 3.8)."""
        for number in numbers:
            if not self.is_protected(number):
                self._blank(number)

    def mass_erasable(self, bank: int | None) -> bool:
        """False if a sector is protected: then the hardware erases nothing (RM0090 3.7.4), and the
        ROM reports no error (AN3155 3.8)."""
        return not any(self.is_protected(number) for number in self.sectors_of(bank))

    def regress(self) -> None:
        """Erase everything, protected or not: what RDP level 1 to 0 does (RM0090 3.7.3)."""
        for number in range(len(self._facts.sectors)):
            self._blank(number)

    def _blank(self, number: int) -> None:
        sector = self._facts.sectors[number]
        self._memory.write(sector.base, bytes([self._facts.erased]) * sector.size)

    def sectors_of(self, bank: int | None) -> list[int]:
        """Numbers of the sectors of `bank`, of all banks for None."""
        return [n for n, s in enumerate(self._facts.sectors) if bank in (None, s.bank)]

    def erase_ns(self, numbers: Iterable[int]) -> int:
        """Typical time to erase these sectors; a protected one takes none."""
        sizes = [self._facts.sectors[n].size for n in numbers if not self.is_protected(n)]
        return sum(self._column(self._facts.timing.sector[size]) for size in sizes)

    def mass_erase_ns(self) -> int:
        """Sector by sector where there is no mass erase."""
        mass = self._facts.timing.mass
        return self._column(mass) if mass else self.erase_ns(range(len(self._facts.sectors)))

    # --- option bytes --------------------------------------------------------------------------

    def protect(self, numbers: Iterable[int]) -> None:
        """Write-protect exactly these sectors, or parts of several pages. Numbers beyond the last
        are ignored and an earlier list is forgotten (AN3155 3.9)."""
        every = (1 << self._facts.parts) - 1
        mask = sum(1 << number for number in set(numbers))
        self._options.nwrp = every & ~mask

    def read_options(self, bank: int) -> bytes:
        """The 16 option bytes of a bank (index 0 or 1); what is reserved reads as erased."""
        block = bytearray(b"\xff" * 16)
        nwrp = self._options.nwrp >> bank * NWRP_BITS & 0xFFF
        block[OPTION_NWRP : OPTION_NWRP + 2] = (0xF000 | nwrp).to_bytes(2, "little")
        if bank == 0:
            block[OPTION_USER], block[OPTION_RDP] = self._options.user, self._options.rdp
        return bytes(block)

    def write_options(self, bank: int, data: bytes) -> None:
        """Erase the option bytes of a bank, then program `data` into them (AN3155 3.6).

        Bytes that are not given stay erased: writing the user byte alone sets RDP to 0xFF,
        which is level 1.
        """
        block = data[:16].ljust(16, b"\xff")
        nwrp = int.from_bytes(block[OPTION_NWRP : OPTION_NWRP + 2], "little") & 0xFFF
        shift = bank * NWRP_BITS
        sectors = (1 << len(self._facts.sectors)) - 1
        self._options.nwrp = (self._options.nwrp & ~(0xFFF << shift) | nwrp << shift) & sectors
        if bank == 0:
            self._options.user, self._options.rdp = block[OPTION_USER], block[OPTION_RDP]
