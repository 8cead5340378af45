# The chip that this firmware runs on: which one it is, and whether its ROM can be entered.
#
# Reads only. DBGMCU of some chips can be read only with a clock; that is put back as it was.

import sys

from machine import mem8, mem32
from micropython import const

from .chips import CORES

_SCS = const(-0x1FFF2000)  # 0xE000E000, as a small integer
_VTOR = const(_SCS + 0xD08)
_CPUID = const(_SCS + 0xD00)  # ARM DDI 0403E B3.2.3; PARTNO in bits 15:4
_MPU_TYPE = const(_SCS + 0xD90)  # B3.5.4; DREGION in bits 15:8
_WORD = const(0xFFFFFFFF)  # mem32 is signed


class Chip:
    """A die, and what romboot knows of it.

    family: the module with what its dies share; number: that of the die in family.DIES;
    idcode: of DBGMCU; sram: start and end of the first SRAM.
    """

    def __init__(self, family, number, idcode):
        self.family = family
        self.number = number
        self.idcode = idcode
        start = family.RAM
        self.sram = start, start + family.DIES[number][0] * 1024

    def ram(self, stack=None):
        """(start, end) of the SRAM that this stack is in, None if it is in none.

        Without a stack: of that of the main stack or, if it is in none, of the first SRAM.
        """
        if stack is None:
            if not self.family.MORE_RAM:
                return self.sram
            return self.ram(mem32[mem32[_VTOR]]) or self.sram
        if self.sram[0] < stack <= self.sram[1]:
            return self.sram
        for ram in self.family.MORE_RAM:
            if ram[0] < stack <= ram[1]:
                return ram

    def watchdog_runs(self):
        """True if the independent watchdog runs: it keeps LSI on although LSION is 0.

        If LSION is 1 (an RTC without a crystal), a prescaler or reload value that is not that
        after a reset counts as a sign.
        """
        csr, iwdg = self.family.WATCHDOG
        lsi = mem32[csr] & 3  # LSION, LSIRDY
        return lsi == 2 or (lsi == 3 and mem32[iwdg + 4] | mem32[iwdg + 8] ^ 0xFFF != 0)  # PR, RLR

    def states(self, lasting):
        """In words: what is set that a jump cannot clear, but a reset; or neither, if lasting; or
        what may stay, as the ROM can live with it, if that is 2."""
        found = []
        for stays, about, checks in self.family.STATES:
            for register, mask, value in checks:
                if mem32[register] & mask != value:
                    break
            else:
                if stays == lasting:
                    found.append(about)
        return ", ".join(found)

    def rdp_level(self):
        """Readout protection level, 0 to 2, from the option bytes."""
        register, shift = self.family.PROTECTION
        byte = mem32[register] >> shift & 0xFF
        return 0 if byte == 0xAA else 2 if byte == 0xCC else 1

    # Each of these returns the exception that stands in the way, or nothing.

    def no_rom(self):
        """The ROM must start with a vector table: MSP in SRAM, an odd address in the ROM."""
        table, end = self.family.ROM
        stack = mem32[table]
        start = mem32[table + 4]
        if stack & 3 or not self.ram(stack) or not start & 1 or not table < start < end:
            from .errors import BadRomError

            return BadRomError(table, stack & _WORD, start & _WORD, *self.sram)

    def useless_rom(self):
        """A ROM of some versions starts the application again unless BOOT0 is high. At readout
        protection level 2 every ROM starts and can do nothing (AN2606 4.1). A second core that
        starts at each reset would go on running the application."""
        for number, rom_id, ids in self.family.CLOSED:
            if number == self.number and mem8[rom_id] in ids:
                from .errors import ClosedRomError

                return ClosedRomError(mem8[rom_id])
        if self.rdp_level() == 2:
            from .errors import ProtectedError

            return ProtectedError()
        lasting = self.states(True)
        if lasting:
            from .errors import LastingError

            return LastingError(lasting)


def check_port():
    """NotSTM32Error on another port, where nothing at a register's address may be touched."""
    if sys.platform != "pyboard":  # the name of the stm32 port since ever
        from .errors import NotSTM32Error

        raise NotSTM32Error(sys.platform)


def find():
    """The Chip. Raises NotSTM32Error, UnknownChipError or MissingModuleError."""
    check_port()
    core = mem32[_CPUID] >> 4 & 0xFFF
    idcode = 0
    for known, address, clock, bit, families in CORES:
        if known == core or known == core | (mem32[_MPU_TYPE] & 0xFF00) << 4:
            before = mem32[clock] if clock else 0
            if clock:
                mem32[clock] = before | 1 << bit
            idcode = mem32[address]
            if clock:
                mem32[clock] = before
            for name, dev_ids in families:
                if idcode & 0xFFF in dev_ids:
                    return Chip(module(name), dev_ids.index(idcode & 0xFFF), idcode)
    from .errors import UnknownChipError

    dev_id = "DEV_ID 0x%03X" % (idcode & 0xFFF) if idcode else "no DEV_ID could be read"
    raise UnknownChipError(core, dev_id)


def module(name):
    """A module of romboot that an edition may lack. MissingModuleError if this one does."""
    try:
        return __import__("romboot." + name, None, None, (name,))
    except ImportError:
        from .errors import MissingModuleError

        raise MissingModuleError(name) from None
