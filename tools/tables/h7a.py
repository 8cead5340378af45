"""STM32H7A3, H7B0 and H7B3: their row, and what differs from the other H7 on the way to reset.

RCC and PWR have other names for the registers of the H74x (CDCFGR1 for D1CFGR and so on), and the
clock enables are at 0x134, where the H74x has a second view of its own. The comments of ST's
headers say 0xD4 for them, as on the H74x; the structure below the comments, and the SVD file, say
0x134.

Sources: as in h7.py; AN2606 rev 70 tables 3, 137, 138 and 226 (bootloader). RM0455 says where to
read on. Where sources disagree, beside what h7.py has:
- See `disputed` below, and docs/facts.md.
- FLASH.CR has no PSIZE.
"""

from __future__ import annotations

from dataclasses import replace

from . import h7
from .family import Bit, Die, Disputed, Interface, Note, otg
from .geometry import Geometry
from .language import Block

VECTORS = 0x1FF0A000  # AN2606 rev 70 table 137

# RM0455 8.7
RCC = Block(
    "RCC", 0x58024400,
    **h7.RCC_SHARED,
    CDCFGR1=0x18, CDCFGR2=0x1C, SRDCFGR=0x20,
    CDCCIPR=0x4C, CDCCIP1R=0x50, CDCCIP2R=0x54, SRDCCIPR=0x58, SRDAMR=0xA8,
    **h7.clocks(0x134),
)  # fmt: skip
PWR = Block("PWR", 0x58024800, **h7.PWR_SHARED, SRDCR=0x18)  # RM0455 6.8

# Address of the bootloader ID and the last of its values: AN2606 rev 70 table 3; earlier values
# and pins: tables 137 and 138.
DIES = (
    Die(
        0x480, "STM32H7A3/7B0/7B3", h7.rams(1024),
        [
            h7.flash(2, control=0x01, flags=0x1FAF0000, acr=0x13),
            h7.registers(
                RCC, RCC.SRDAMR,
                "01E95031 02000223 A75 002007FF 8 E8FFC3FF 136 40D730F3 0C00E6AA",
                "FDE95131 06000223 60000A71 302007FF 48 E8FFC3FF 136 40D730F3 0C01E6AA",
            ),
            h7.power(PWR, PWR.SRDCR, 0),
            h7.exti(0xFFF58FFF, 0x018127FF),
        ],
        rom_id=0x1FF13FFE, ids=(0x90, 0x91, 0x92),
        interfaces=(
            h7.USART1, h7.USART2, h7.USART3_EITHER, h7.DFU, *h7.I2C, h7.SPI1, h7.SPI2, h7.SPI3,
            Interface("SPI4", "PE11-PE14 (so in table 137; not in table 3)"), h7.FDCAN1_EITHER,
        ),
        # AN2606 rev 70 table 138
        notes=(
            Note(h7.HSI48), Note(h7.WRONG_SIZE, (0x90,)), Note(h7.RDP_LOOP, (0x91,)),
            Note(h7.LOCKS_SUPPLY, (0x90, 0x91)),
        ),
        sectors=(32, 32),
        options=(h7.WATCHDOG, h7.SWAP),
        disputed=(
            Disputed(
                "RCC.AHB4RSTR bit 19", ("modm-devices",), "1",
                "on these dies CRC has bit 9 of AHB1RSTR (headers); that bit is of the H74x",
            ),
            Disputed(
                "PWR.SRDCR", ("collected SVD",), "00004000 in 0000E000",
                "voltage scale 3 is 00 (PWR_REGULATOR_VOLTAGE_SCALE3 in the HAL); the SVD file "
                "repeats the H74x, where it is 01",
            ),
            Disputed(
                "FLASH.ACR", ("collected SVD",), "00000000 in 0000003F",
                "FLASH_LATENCY_DEFAULT is 3 in the headers; the SVD file says 00000600, bits that "
                "are not there",
            ),
            Disputed(
                "FLASH.CR1", ("collected SVD",), "00000000 in 1FAF9FFF",
                "LOCK, as in bank 2 of the same file",
            ),
        ),
    ),
)  # fmt: skip

FAMILY = replace(
    h7.FAMILY,
    name="STM32H7A",
    vectors=VECTORS,
    rom_end=0x1FF14000,  # AN2606 rev 70 Table 226
    flash_size=0x08FFF80C,  # FLASHSIZE_BASE of the headers
    unique_id=(0x08FFF800, 0x08FFF804, 0x08FFF808),  # UID_BASE of the headers
    geometry=Geometry((8,), bank_kib=1024, second=128, far=0x08100000),  # RM0455 4.3.4
    pcrop=h7.pcrop(h7.FLASH.PRAR_CUR1, h7.FLASH.PRAR_CUR2),
    states=h7.states(RCC),
    dual_core=None,
    lsi=RCC.CSR,
    # A bit for four sectors of 8 KiB (headers: FLASH_SECTOR_TOTAL, FLASH_WPSN_WRPSN)
    write_protection=h7.wrpsn(32, "groups of four sectors"),
    usarts=h7.usarts(RCC),
    usb=(otg("OTG_HS", 0x40040000, Bit(RCC.AHB1ENR, 25)),),
    before=h7.before(RCC, RCC.CDCFGR1, RCC.CDCCIPR),
    after=h7.after(VECTORS),
    dies=DIES,
    blocks=(RCC, h7.FLASH, PWR, h7.EXTI, h7.DMAMUX1, h7.DMAMUX2),
    disputed=(
        *h7.ROM_AREA,
        h7.DIRECT_LINES,
        *(
            Disputed(
                f"address of the {what}",
                ("stm32loader",),
                said,
                "stm32loader has one address for all H7, that of the H74x; headers: "
                "FLASHSIZE_BASE, UID_BASE",
            )
            for what, said in (("flash size", "1FF1E880"), ("unique ID", "1FF1E800"))
        ),
    ),
)
