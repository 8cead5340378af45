"""STM32F05x with the F030x8, and STM32F03x with the F030x4 and x6: what differs from the F09x.

Sources: as in f0.py; AN2606 rev 70 tables 3, 29, 30, 33, 34 and 226 (bootloader). Where sources
disagree: see `disputed` below, and docs/facts.md.
"""

from __future__ import annotations

from dataclasses import replace

from . import common, f0
from .family import Bank, Die, Disputed, Interface, Note, Ram, WriteProtection
from .geometry import Geometry

WATCHDOG = common.watchdog(f0.FLASH.OBR, 8, "WDG_SW")
SWD = Note("SWD is gone in this ROM until a reset")

BEFORE, BLOCKS = f0.smaller(5, f0.CRC_WITHOUT_POL)

DIES = (
    Die(
        0x440, "STM32F030x8/051x4/051x6/051x8/058x8", (Ram(0x20000000, 8 * 1024),),
        f0.registers("00BF0000 00075A01 70624913 015E0000", 0x0F940000),
        rom_id=0x1FFFF7A6, ids=(0x21,),
        interfaces=(Interface("USART1", "PA9/PA10"), Interface("USART2", "PA14/PA15")),
        notes=(f0.MEM_MODE_STAYS, SWD), sectors=(16,), options=(WATCHDOG,),
        disputed=(
            f0.parts("30/51/58 or 30x4/30x6/30x8/51x4/51x6/51x8/58x4/58x6/58x8"),
        ),
    ),
    Die(
        0x444, "STM32F030x4/030x6/031x4/031x6/038x6", (Ram(0x20000000, 4 * 1024),),
        f0.registers("00BF0000 00065A01 10200903 005E0000", 0x0FF40000),
        rom_id=0x1FFFF7A6, ids=(0x10,),
        interfaces=(Interface("USART1", "PA9/PA10 or PA14/PA15"),),
        notes=(f0.MEM_MODE_STAYS, SWD), sectors=(8,), options=(WATCHDOG,),
        disputed=(
            f0.parts("30/31/38 or 30x4/30x6/31x4/31x6/38x4/38x6"),
            Disputed(
                "EXTI.IMR", ("SVD",), "0F940000 in 0FFFFFFF",
                "0FF40000 in LL_EXTI_DeInit; 0F940000 is that of the F05x",
            ),
            Disputed("RCC.APB1RSTR bit 30", ("SVD",), "1", "CEC is of the F05x (header: none)"),
            Disputed("RCC.AHBRSTR bit 24", ("SVD",), "1", "TSC is of the F05x (header: none)"),
        ),
    ),
)  # fmt: skip

FAMILY = replace(
    f0.FAMILY,
    name="STM32F05",
    vectors=0x1FFFEC00,  # AN2606 rev 70 Table 226
    geometry=Geometry((1,)),  # RM0091 3.2.1, RM0360 3.2.1
    # A bit for four pages of 1 KiB (RM0091 3.5.9)
    write_protection=WriteProtection(0, (Bank(f0.FLASH.WRPR, 0, 0x08000000, (4,)),)),
    usarts=f0.FAMILY.usarts[:2],
    before=BEFORE,
    dies=DIES,
    blocks=BLOCKS,
    disputed=f0.disputed("SVD", "bench"),
)
