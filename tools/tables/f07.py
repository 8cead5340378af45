"""STM32F07x: the die of the F071, F072, F078 and F070xB, and what differs from the F09x.

Sources: as in f0.py; AN2606 rev 70 tables 3, 39 to 42 and 226 (bootloader). Where sources
disagree:
- The bootloader of the F070xB is 0xA3 in Table 3 and 0xA2 in Table 226; Table 40 has both.
- See `disputed` below, and docs/facts.md.
"""

from __future__ import annotations

from dataclasses import replace

from . import common, f0
from .family import Bank, Bit, Die, Disputed, Interface, Note, Option, Ram, WriteProtection, usb_fs

# AN2606 rev 70 tables 39 and 41 (also of f04.py)
INTERFACES = (
    Interface("USART1", "PA9/PA10"),
    Interface("USART2", "PA14/PA15"),
    Interface("I2C1", "PB6/PB7"),
    Interface("USB DFU", "PA11/PA12"),
)
SWD = Note("after USART2 was used, SWD is gone until a reset")
OF_F070 = (0xA2, 0xA3)


def notes(others: tuple[int, ...]) -> tuple[Note, ...]:
    """others: IDs that are not those of an F070."""
    crystal = "USB DFU needs a crystal on HSE of 4, 6, 8, 12, 16, 18 or 24 MHz"
    return (
        f0.MEM_MODE_STAYS, SWD, Note(common.HUB),
        Note("USB DFU needs no crystal (HSI48)", others), Note(crystal, OF_F070),
    )  # fmt: skip


WATCHDOG = Option(
    f0.FLASH.OBR, 8, 0,
    "the watchdog starts with every reset (WDG_SW is 0): new firmware must refresh it, as the ROM "
    "does, but for that of an F070, of which AN2606 does not say so",
)  # fmt: skip
USB = usb_fs("USB", 0x40005C00, Bit(f0.RCC.APB1ENR, 23))  # USB_BASE of the headers

IMR = Disputed(
    "EXTI.IMR", ("SVD",), "0F940000 in 0FFFFFFF",
    "7F840000 in LL_EXTI_DeInit; 0F940000 is that of the F05x",
)  # fmt: skip

BEFORE, BLOCKS = f0.smaller(7, f0.CRC)

DIES = (
    Die(
        0x448, "STM32F070xB/071x8/071xB/072x8/072xB/078xB", (Ram(0x20000000, 16 * 1024),),
        f0.registers("00FF0000 00075A01 7AEE4933 017E0000", 0x7F840000),
        rom_id=0x1FFFF6A6, ids=(0xA1, *OF_F070), interfaces=INTERFACES, notes=notes((0xA1,)),
        sectors=(32,), options=(WATCHDOG,),
        disputed=(f0.parts("70/71/72/78 or 70x8/70xB/71x8/71xB/72x8/72xB/78x8/78xB"), IMR),
    ),
)  # fmt: skip

FAMILY = replace(
    f0.FAMILY,
    name="STM32F07",
    vectors=0x1FFFC800,  # AN2606 rev 70 Table 226
    write_protection=WriteProtection(0, (Bank(f0.FLASH.WRPR, 0, 0x08000000, (4,)),)),
    usarts=f0.FAMILY.usarts[:4],
    usb=(USB,),
    before=BEFORE,
    dies=DIES,
    blocks=BLOCKS,
    disputed=f0.disputed("SVD", "bench"),
)
