"""STM32L1 of categories 1 and 2, up to 128 KB of flash, and what differs from the larger ones.

Flash size and unique ID are elsewhere, the ROM has 4 KB and no USB, the flash has one register of
write protection.

Sources: as in l1.py; AN2606 rev 70 tables 3, 152 to 155 and 226 (bootloader). Where sources
disagree, beside what l1.py has:
- Table 226 lets the ROM end where that of the larger ones does; tables 152 and 154 give it 4 KB.
- See `disputed` below, and docs/facts.md.
"""

from __future__ import annotations

from dataclasses import replace

from . import l1
from .family import Bank, Die, Disputed, Interface, Note, WriteProtection

# The same for both: IRQ numbers end at 44 (headers), and what is beyond reads as 0
PULSED, LOW_POWER = "00FF0000 0100103F 0000521D B0E64A37", "0101903F 0000521D B0E64A37"
INTERFACES = (Interface("USART1", "PA9/PA10"), Interface("USART2", "PD5/PD6"))
NACK = Note("a read or write of an address that the ROM does not take is dropped without a NACK")


def die(dev_id: int, name: str, kib: int, disputed: tuple[Disputed, ...]) -> Die:
    """Address of the bootloader ID and its value: AN2606 rev 70 Table 3."""
    return Die(
        dev_id, name, l1.sram(kib), l1.registers(PULSED, LOW_POWER),
        rom_id=0x1FF00FFE, ids=(0x20,), interfaces=INTERFACES, notes=(NACK,),
        sectors=(32,), options=(l1.WATCHDOG,), disputed=disputed,
    )  # fmt: skip


def all_l1(*bits: str) -> tuple[Disputed, ...]:
    return tuple(
        Disputed(f"RCC.{bit}", ("SVD",), "1", "its file is one for all L1 (header: none)")
        for bit in bits
    )


DIES = (
    die(
        0x416, "STM32L100x6/100x8/100xB/151x6/151x8/151xB/152x6/152x8/152xB", 16,
        all_l1(
            *(f"AHBRSTR bit {n}" for n in (6, 7, 25, 30)), "APB2RSTR bit 11",
            *(f"APB1RSTR bit {n}" for n in (3, 15, 19, 20)),
        ),
    ),
    die(
        0x429, "STM32L100x6-A/100x8-A/100xB-A/151x6-A/151x8-A/151xB-A/152x6-A/152x8-A/152xB-A", 32,
        (
            *all_l1(*(f"AHBRSTR bit {n}" for n in (6, 7, 25)),
                    *(f"APB1RSTR bit {n}" for n in (3, 15))),
            Disputed(
                "RCC.A?B*RSTR bit ?5", ("modm-devices",), "1",
                "its list has the xC of category 3 here, which have DMA2 and SPI3 (headers)",
            ),
            Disputed(
                "parts", ("modm-devices",),
                "00/51/52 or 00x6/00x8/00xB/00xC/51x6/51x8/51xB/51xC/52x6/52x8/52xB/52xC",
                "its names end before the -A, and it has the xC here",
            ),
        ),
    ),
)  # fmt: skip

FAMILY = replace(
    l1.FAMILY,
    name="STM32L1A",
    rom_end=0x1FF01000,  # AN2606 rev 70 tables 152, 154
    flash_size=0x1FF8004C,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FF80050, 0x1FF80054, 0x1FF80064),  # LL_GetUID_Word0 to 2
    write_protection=WriteProtection(1, (Bank(l1.FLASH.WRPR1, 0, 0x08000000, (4,)),)),
    usarts=l1.FAMILY.usarts[:3],
    dies=DIES,
    disputed=(
        Disputed("RCC.*LPENR", ("SVD",), "", l1.ALL_ONES),
        Disputed("RCC.AHBRSTR bit 15", ("SVD", "modm-devices", "bench"), "1", l1.NO_FLITFRST),
    ),
)
