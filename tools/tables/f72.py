"""STM32F72x and F73x: their row, and what differs from the other F7.

Sources: as in f7.py; AN2606 rev 70 tables 3, 97, 98 and 226 (bootloader). RM0431 says where to
read on. Where sources disagree, beside what f7.py has:
- Unique ID and flash size are in the OTP area, at 0x1FF07A10 and 0x1FF07A22 (stlink, OpenOCD,
  MicroPython's ports/stm32); the first headers of the F722 say as on the F74x.
- FLASH.OPTCR2.PCROPi: a sector is protected if its bit is 1 (HAL_FLASHEx_OBProgram, stm32-rs), so
  that as delivered they are 0; the SVD file has 1 in every one after a reset.
- See `disputed` below, and docs/facts.md.
"""

from __future__ import annotations

from dataclasses import replace

from . import f4, f7
from .family import Die, Disputed, Interface, Pcrop
from .geometry import Geometry

# Address of the bootloader ID and the IDs that exist: AN2606 rev 70 tables 3, 98; pins: table 97.
DIES = (
    Die(
        0x452, "STM32F722/723/730/732/733", f7.rams(256),
        f7.registers(
            "206011FF D0 F2FECBFF 80D779B3",
            "6077B1FF D0 F2FECFFF 80D77FB3",
        ),
        rom_id=0x1FF0EDBE, ids=(0x90,),
        interfaces=(*f7.SERIAL, Interface("CAN1", "PD1/PD0"), f4.DFU, *f7.I2C, *f7.SPI),
        notes=(f4.CRYSTAL, f4.JITTER), sectors=(8,), options=f7.OPTIONS,
        disputed=(
            Disputed("ROM: vector table", ("stlink",), "00100000", f7.ROM_ON_ITCM),
            Disputed("ROM: end", ("stlink",), "0010EDC0", f7.ROM_ON_ITCM),
            *(
                Disputed(
                    f"address of the {what}", ("stm32loader", "collection"), said,
                    "that of F74x and F76x, also in the first headers of the F722; stlink, "
                    "OpenOCD and MicroPython's ports/stm32 have the OTP area",
                )
                for what, said in (("flash size", "1FF0F442"), ("unique ID", "1FF0F420"))
            ),
        ),
    ),
)  # fmt: skip

FAMILY = replace(
    f7.FAMILY,
    name="STM32F72",
    flash_size=0x1FF07A22,
    unique_id=(0x1FF07A10, 0x1FF07A14, 0x1FF07A18),
    geometry=Geometry((16, 16, 16, 16, 64, 128)),  # RM0431 3.3
    pcrop=Pcrop(
        (f7.FLASH.OPTCR2,),
        mask=0xFF,
        about="PCROP (FLASH_OPTCR2.PCROPi) is on: the ROM cannot read, write or erase the sectors "
        "under it. Only a readout regression from level 1 to 0 with PCROP_RDP set lifts it, which "
        "erases the flash",
    ),
    states=f7.STATES,
    write_protection=f7.nwrp((16, 16, 16, 16, 64, 128)),  # RM0431 3.3
    dies=DIES,
    disputed=f7.DISPUTED,
)
