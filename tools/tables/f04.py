"""STM32F04x with the F070x6, whose ROM goes back to the application.

AN2606 rev 70, below tables 35 and 37: the ROM looks whether the flash is empty. If it is not, a
jump into it ends in the application, unless BOOT_SEL is 0 or the pin PB8 or PF11 is high. So each
of its versions is in `closed`.

Sources: as in f0.py; AN2606 rev 70 tables 3, 35 to 38 and 226 (bootloader). Where sources
disagree: see `disputed` below, and docs/facts.md.
"""

from __future__ import annotations

from dataclasses import replace

from . import f0, f07
from .family import Bank, Die, Disputed, Ram, WriteProtection
from .geometry import Geometry

OF_F04 = (0xA0, 0xA1)
IDS = (*OF_F04, *f07.OF_F070)

BEFORE, BLOCKS = f0.smaller(5, f0.CRC_WITHOUT_POL)

DIES = (
    Die(
        0x445, "STM32F042x4/042x6/048x6/070x6", (Ram(0x20000000, 6 * 1024),),
        f0.registers("00FF0000 00065A01 5AA24903 015E0000", 0x7FF40000),
        rom_id=0x1FFFF6A6, ids=IDS, closed=IDS, interfaces=f07.INTERFACES, notes=f07.notes(OF_F04),
        sectors=(8,), options=(f07.WATCHDOG,),
        disputed=(f0.parts("42/48/70 or 42x4/42x6/48x4/48x6/70x4/70x6"),),
    ),
)  # fmt: skip

FAMILY = replace(
    f07.FAMILY,
    name="STM32F04",
    vectors=0x1FFFC400,  # AN2606 rev 70 Table 226
    geometry=Geometry((1,)),  # RM0091 3.2.1, RM0360 3.2.1
    # A bit for four pages of 1 KiB (RM0091 3.5.9)
    write_protection=WriteProtection(0, (Bank(f0.FLASH.WRPR, 0, 0x08000000, (4,)),)),
    usarts=f0.FAMILY.usarts[:2],
    before=BEFORE,
    dies=DIES,
    blocks=BLOCKS,
    disputed=(
        *f0.disputed("SVD", "bench"),
        Disputed(
            "EXTI.IMR",
            ("SVD",),
            "0F940000 in 0FFFFFFF",
            "7FF40000 in LL_EXTI_DeInit; 0F940000 is that of the F05x",
        ),
        Disputed(
            "ROM: vector table",
            ("stlink",),
            "1FFFEC00",
            "stlink has that of the F03x; AN2606 Table 226",
        ),
    ),
)
