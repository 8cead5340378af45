"""STM32F7, but for F72x and F73x: a row for each die, and the way back to reset.

Those have a table of their own (f72.py), as their flash size and unique ID are elsewhere. RCC,
FLASH and EXTI are those of the F4, but for what is below.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit: values after a reset); AN2606 rev 70 tables 2, 3, 99 to 104 and 226 (bootloader).
RM0385 (F74x, F75x) and RM0410 (F76x, F77x) say where to read on.

There is no remap: the ROM is entered where it lies, and VTOR names its vector table. A reset that
boots system memory would start at its other address, 0x00100000 (BOOT_ADD1 is 0x0040, in units of
16 KiB; AN2606 patterns 8, 9). MicroPython's machine.bootloader() and Betaflight enter at
0x1FF00000, as here, on real boards.

Where sources disagree:
- RCC.APB1ENR: 00000400, RTCAPBEN. So Klipper (F7) and Pebble's bootloader write it as the reset
  value; the F76x headers have the bit, as RTCEN, those of the F74x do not; the SVD files say 0.
- RCC.AHB3LPENR: 00000003, each bit of the headers, as on the F4; the SVD files say 00000001.
- FLASH.OPTCR: bits 28 and 29 (nDBOOT, nDBANK) are of 0x451 only.
- See `disputed` of the family and of the dies, and docs/facts.md.
"""

from __future__ import annotations

from . import common, cortex_m, f4
from .family import (
    M7,
    Bank,
    Bit,
    Check,
    Die,
    Disputed,
    Family,
    Note,
    Option,
    Ram,
    State,
    TwoBanks,
    Usart,
    UsartKind,
    WriteProtection,
    only,
    otg,
)
from .geometry import Geometry, Other
from .language import Block, Script, columns, fill, row, write

IRQS = 110  # of the F76x, the most of any F7 (IRQn_Type of the headers)
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)
VECTORS = 0x1FF00000  # AN2606 rev 70 table 226
IDCODE = 0xE0042000  # DBGMCU_BASE of the headers

# RM0385 5.3
RCC = Block(
    "RCC", 0x40023800,
    CR=0x00, PLLCFGR=0x04, CFGR=0x08, CIR=0x0C,
    AHB1RSTR=0x10, AHB2RSTR=0x14, AHB3RSTR=0x18, APB1RSTR=0x20, APB2RSTR=0x24,
    AHB1ENR=0x30, AHB2ENR=0x34, AHB3ENR=0x38, APB1ENR=0x40, APB2ENR=0x44,
    AHB1LPENR=0x50, AHB2LPENR=0x54, AHB3LPENR=0x58, APB1LPENR=0x60, APB2LPENR=0x64,
    CSR=0x74, SSCGR=0x80, PLLI2SCFGR=0x84, PLLSAICFGR=0x88, DCKCFGR1=0x8C, DCKCFGR2=0x90,
)  # fmt: skip
# RM0385 3.7
FLASH = Block(
    "FLASH", 0x40023C00,
    ACR=0x00, KEYR=0x04, SR=0x0C, CR=0x10, OPTCR=0x14, OPTCR1=0x18, OPTCR2=0x1C,
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x40013800, MEMRMP=0x00)  # RM0410 7.2.1

ART_OFF: Script = [
    write(FLASH.ACR, 0),  # no wait states (16 MHz), ART accelerator off,
    write(FLASH.ACR, 0x800),  # emptied (ARTRST),
    write(FLASH.ACR, 0),  # and back
]

# The registers of RCC in which dies differ. First those that are pulsed: RSTR, to reset every
# peripheral. Then LPENR.
PULSED = "    AHB1RSTR AHB2RSTR APB1RSTR APB2RSTR"
LOW_POWER = " AHB1LPENR AHB2LPENR APB1LPENR APB2LPENR"

AFTER: Script = [
    row(
        {
            **{RCC.AHB1ENR: 0x00100000, RCC.AHB2ENR: 0, RCC.AHB3ENR: 0},  # DTCM
            **{RCC.APB1ENR: 0x400, RCC.APB2ENR: 0, RCC.AHB3LPENR: 0x3},
            **{RCC.PLLI2SCFGR: 0x24003000, RCC.PLLSAICFGR: 0x24003000},
            **{RCC.DCKCFGR1: 0, RCC.DCKCFGR2: 0},
        }
    ),
    "exti (RM0385 11.9)",
    fill(f4.EXTI.IMR, 0, 5),
    write(f4.EXTI.PR, 0xFFFFFFFF),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=True, vtor=VECTORS, caches=True),
    cortex_m.nothing_pending(IRQS),
]


def registers(pulsed: str, low_power: str) -> Script:
    """A die's part of the script."""
    of_all = {RCC.CIR: 0x00FF0000, RCC.AHB3RSTR: 0x3}  # CIR: clears its flags
    return [
        "peripherals",
        row(of_all | columns(PULSED, RCC, pulsed), pulsed=True),
        row(columns(LOW_POWER, RCC, low_power)),
    ]


def rams(kib: int) -> tuple[Ram, ...]:
    """DTCM, SRAM1 and SRAM2, which follow each other (RAMDTCM_BASE to SRAM2_BASE of the headers).
    MicroPython's PYBD boards run code of the heap in any of them."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen: AN2606 rev 70 tables 99, 101, 103. Pins: TX/RX, SCL/SDA, CAN TX/RX, NSS-MOSI.
SERIAL = (f4.USART1, f4.USART3_EITHER)
I2C = (f4.I2C1_PB9, f4.I2C2, f4.I2C3)
SPI = (f4.SPI1, f4.SPI2, f4.SPI4)
LISTENS = (*SERIAL, f4.CAN2, f4.DFU, *I2C)

# Reports from silicon, ST community 11320 and 21049 (F746); this way the clocks are at reset.
BAUD_F74 = Note(
    "by report this ROM took USART1 for 1,200 baud if the clocks of an application were left on; "
    "USART3, or via='reset', helped"
)
# AN2606 rev 70 table 104
BANK_2 = Note("in dual-bank mode DFU erases another sector of bank 2 (number i + 4)")


def nwrp(kib: tuple[int, ...]) -> WriteProtection:
    """nWRP of OPTCR: FLASH_OPTCR_nWRP_0 of the headers is bit 16."""
    return WriteProtection(0, (Bank(FLASH.OPTCR, 16, 0x08000000, kib),))


# FLASH_OPTCR_IWDG_SW, BOOT_ADD0 and BOOT_ADD1 of the headers. OB_BOOTADDR_ITCM_FLASH and
# OB_BOOTADDR_AXIM_FLASH of the HAL are the two addresses of 0x08000000, OB_BOOTADDR_SYSTEM and
# 0x7FC0 those of the ROM.
OPTIONS = (
    common.watchdog(FLASH.OPTCR, 5, "IWDG_SW"),
    Option(
        FLASH.OPTCR1, 0, (0x0080, 0x2000),
        "BOOT_ADD0 is 0x%04X (in units of 16 KiB): a reset does not start what is at 0x08000000",
        bits=16,
    ),
    Option(
        FLASH.OPTCR1, 16, (0x0040, 0x7FC0),
        "BOOT_ADD1 is 0x%04X (in units of 16 KiB): BOOT0 does not start the ROM",
        bits=16,
    ),
)  # fmt: skip
DUAL_BANK = (
    *OPTIONS,
    Option(
        FLASH.OPTCR, 29, 0,
        "the flash has two banks (nDBANK is 0), with sectors half as large: if some are "
        "write-protected, their addresses are not told rightly",
    ),
    Option(SYSCFG.MEMRMP, 8, 1, "bank 2 runs, at 0x08000000; in the ROM bank 1 is there again"),
)  # fmt: skip

# A bit for two sectors (RM0410 3.7.5; OB_WRP_DB_SECTOR_0 to _23 of ST's HAL), which have 16, 16,
# 16, 16, 64, then 128 KiB (table 4)
PAIRS = (32, 32, 192, 256, 256, 256)
TWO_BANKS = TwoBanks(
    Bit(FLASH.OPTCR, 29),
    (Bank(FLASH.OPTCR, 16, 0x08000000, PAIRS), Bank(FLASH.OPTCR, 22, None, PAIRS)),
)

STATES = (common.window_watchdog(FLASH.OPTCR, 4),)
# AN2606 rev 70 4.1: "For the STM32F7 series, the user must disable nDBOOT and/or nDBANK features
# (in option bytes), then jump to bootloader"; table 2, pattern 9.
DUAL_BOOT = State(
    "the ROM starts the application of either bank (nDBANK and nDBOOT are 0)",
    (Check(IDCODE, 0xFFF, 0x451), Check(FLASH.OPTCR.address, 3 << 28, 0)),
    lasting=True,
)

ROM_ON_ITCM = "the ROM is there on the ITCM bus (AN2606 patterns 8, 9: BOOT_ADD1 is 0x0040)"
DISPUTED = (
    Disputed(
        "RCC.*LPENR", ("collected SVD",), "",
        "each implemented bit is 1 after a reset (headers; so RM0090 says of the F4); the SVD "
        "files repeat the values of the F40x",
    ),
    Disputed(
        "RCC.APB1ENR", ("collected SVD",), "",
        "RTCAPBEN is on: Klipper and Pebble's bootloader write 00000400 as the reset value; the "
        "SVD files say 0",
    ),
)  # fmt: skip

# RM0410 3.3.2, Tables 4 and 6; 3.7.5 (OPTCR.nDBANK); 3.4.1 (option bytes). As delivered: one bank.
NDBANK_0 = Geometry((16, 16, 16, 16, 64, 128), second=12)
GEOMETRY_F76 = Geometry(
    (32, 32, 32, 32, 128, 256), other=Other(NDBANK_0, 0, FLASH.OPTCR.address, 29, 0x1FFF0008, 13)
)

# Address of the bootloader ID and the IDs that exist: AN2606 rev 70 table 3 and the versions of
# each line (tables 100, 102, 104).
DIES = (
    Die(
        0x449, "STM32F745/746/750/756", rams(320),
        registers(
            "22E017FF F1 FFFFCBFF 04F77933",
            "7EF7B7FF F1 FFFFCBFF 04F77F33",
        ),
        rom_id=0x1FF0EDBE, ids=(0x70, 0x90),
        interfaces=(*LISTENS, *only((0x90,), *SPI)),
        notes=(f4.CRYSTAL, f4.JITTER, BAUD_F74), sectors=(8,), options=OPTIONS,
        disputed=(
            Disputed("ROM: vector table", ("stlink",), "00100000", ROM_ON_ITCM),
            *(
                Disputed(
                    f"RCC.APB2RSTR bit {bit}", ("Linux",), "1",
                    f"{what} is on the F76x only (headers); Linux has one list for both",
                )
                for bit, what in ((7, "SDMMC2"), (27, "DSI"))
            ),
        ),
    ),
    Die(
        0x451, "STM32F765/767/768/769/777/778/779", rams(512),
        registers(
            "22E017FF F3 FFFFEBFF 6CF779B3",
            "7EF7B7FF F3 FFFFEFFF 6CF77FB3",
        ),
        rom_id=0x1FF0EDBE, ids=(0x93,),
        interfaces=(*LISTENS, *SPI),
        notes=(f4.CRYSTAL, f4.JITTER, BANK_2), sectors=(12,), options=DUAL_BANK,
        two_banks=TWO_BANKS, geometry=GEOMETRY_F76,
        disputed=(
            Disputed(
                "ROM: vector table", ("stlink",), "00200000",
                "that is the flash on the ITCM bus (FLASHITCM_BASE of the headers)",
            ),
        ),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 and APB2 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR, slot))


def apb2(name: str, slot: int) -> Usart:
    """The same on APB2."""
    return Usart(name, 0x40010000 + slot * 0x400, Bit(RCC.APB2ENR, slot))


FAMILY = Family(
    name="STM32F7",
    core=M7,
    idcode=IDCODE,
    vectors=VECTORS,
    rom_end=0x1FF0EDC0,  # AN2606 rev 70 table 226
    flash=0x08000000,  # FLASHAXI_BASE of the headers
    flash_size=0x1FF0F442,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FF0F420, 0x1FF0F424, 0x1FF0F428),  # UID_BASE of the headers
    geometry=Geometry((32, 32, 32, 32, 128, 256)),  # RM0385 3.3, RM0410 3.3
    protection=FLASH.OPTCR,  # RDP in bits 15:8
    protection_shift=8,
    states=(*STATES, DUAL_BOOT),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=nwrp((32, 32, 32, 32, 128, 256)),  # RM0385 3.3, RM0410 3.3.1
    usart_kind=UsartKind.V2,
    usarts=(
        *(apb1("USART2", 17), apb1("USART3", 18), apb1("UART4", 19), apb1("UART5", 20)),
        *(apb1("UART7", 30), apb1("UART8", 31), apb2("USART1", 4), apb2("USART6", 5)),
    ),
    usb=(
        otg("OTG_FS", 0x50000000, Bit(RCC.AHB2ENR, 7)),  # USB_OTG_FS_PERIPH_BASE of the headers
        otg("OTG_HS", 0x40040000, Bit(RCC.AHB1ENR, 29)),
    ),
    mpu_regions=REGIONS,
    before=f4.before(RCC, FLASH, IRQS, ART_OFF),
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, SYSCFG, f4.EXTI),
    disputed=(
        *DISPUTED,
        Disputed(
            "address of the flash size",
            ("libopencm3",),
            "1FF0F422",
            "that is within the unique ID; FLASHSIZE_BASE of the headers, stlink, OpenOCD",
        ),
        Disputed(
            "ROM: end",
            ("stlink",),
            "0020EDC0",
            "the last end of what it has of the two dies; see their vector tables",
        ),
    ),
)
