"""The index of chips in lib/romboot/chip.py: which family is it, before anything of a family is
imported."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from .family import M7, Family

SERIES = 4  # what all DEV_IDs begin with


def chips(families: Iterable[Family], many: bool) -> bytes:
    """What to look at on each core, and the DEV_IDs that it can show there, of each family.

    An entry: how many bytes it has; core; address of IDCODE; register and bit of its clock, or 0.
    Then, for each family: how many DEV_IDs; of each the low byte (the rest is 4 in all of them);
    how many letters its name has, as in "f4", and they. The place of a DEV_ID is that of its die
    in DIES. A family with faulty revisions is there twice. After the last entry there is a 0.
    Without `many` nothing tells families with one core from each other.
    """
    entries: dict[bytes, bytes] = {}
    for family in families:
        clock = family.idcode_clock
        look = struct.pack(
            ">H2IB",
            core(family) if many else family.core.partno,
            family.idcode,
            clock.register.address if clock else 0,
            clock.number if clock else 0,
        )
        for dev_ids in ([die.dev_id for die in family.dies], misread(family)):
            if dev_ids:
                name = family.module.removeprefix("stm32").encode()
                row = bytes([len(dev_ids), *map(low, dev_ids), len(name)]) + name
                entries[look] = entries.get(look, b"") + row
    found = [look + rows for look, rows in entries.items()]
    return b"".join(bytes([1 + len(entry)]) + entry for entry in found) + b"\0"


def low(dev_id: int) -> int:
    """The byte that tells it from other DEV_IDs."""
    if dev_id >> 8 != SERIES:
        raise ValueError(f"DEV_ID 0x{dev_id:03X} does not fit the index: change chip.find()")
    return dev_id & 0xFF


def core(family: Family) -> int:
    """CPUID.PARTNO; from bit 12 on what chip.find() reads where that is needed too, as one family
    has nothing at the address of the other's IDCODE. Of a Cortex-M7 an eighth of MPU_TYPE.DREGION:
    an STM32F7 has 8 regions, an STM32H7 16 (PM0253 4.6). Of a Cortex-M33 Family.nsbootadd0."""
    more = family.mpu_regions // 8 if family.core is M7 else int(family.nsbootadd0)
    return family.core.partno | more << 12


def misread(family: Family) -> list[int]:
    """The same for DEV_IDs of faulty revisions: up to the last die that has one."""
    dev_ids = [die.misread or die.dev_id for die in family.dies]
    while dev_ids and family.dies[len(dev_ids) - 1].misread is None:
        del dev_ids[-1]
    return dev_ids
