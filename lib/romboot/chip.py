# Who am I? CPUID names the core, the core says where DBGMCU_IDCODE may be, DEV_ID names the die.

import sys

from machine import mem32
from micropython import const

_CPUID = const(0xE000ED00)  # ARM DDI 0403E B3.2.3; PARTNO in bits 15:4

# PARTNO of the core: the families that have it (modules of this package).
_FAMILIES = {0xC24: ("stm32f4",)}


class Chip:
    """The die that this firmware runs on, and the facts that romboot has of it."""

    def __init__(self, family, dev_id, rev_id):
        self.family = family
        self.dev_id = dev_id
        self.rev_id = rev_id
        self.die = family.DIES[dev_id]
        self.ram = family.RAM
        self.ram_end = family.RAM + self.die[0] * 1024


def find():
    """The Chip. Raises NotSTM32Error or UnknownChipError with what was read."""
    if sys.platform != "pyboard":  # the name of the stm32 port since ever
        from .errors import NotSTM32Error

        raise NotSTM32Error(sys.platform)
    core = mem32[_CPUID] >> 4 & 0xFFF
    dev_id = 0
    for name in _FAMILIES.get(core, ()):
        family = __import__("romboot." + name, None, None, (name,))
        idcode = mem32[family.IDCODE]
        dev_id = idcode & 0xFFF
        if dev_id in family.DIES:
            return Chip(family, dev_id, idcode >> 16 & 0xFFFF)
    from .errors import UnknownChipError

    raise UnknownChipError(core, dev_id)
