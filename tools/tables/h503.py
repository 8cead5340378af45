"""STM32H503: one die, 0x474. It is an H563 (h5.py, whose functions make this script) without
PLL3, DCACHE, AHB4 and TrustZone, with two banks of 64 KiB, and with its ROM 64 KiB further down.

Sources: as in h5.py; ST's CMSIS device header and SVD file of the H503; AN2606 rev 70 tables 3,
121, 123 and 226.

Where sources disagree:
- Bootloader ID: 0xE2 (AN2606 table 3), 0xE1 (table 226): versions 14.1 and 14.2 (table 123).
- RCC.xxxLPENR: each implemented bit (header), as on the H563; FFFFFFFF (SVD).
- EXTI.IMR2: 00DBBFFF (SVD), 001BFFFF (LL_EXTI_DeInit); EMR1, EMR2: 0 (LL), those of IMR (SVD).
"""

from __future__ import annotations

from . import common, h5, st_cache
from .family import (
    M33,
    Bank,
    Bit,
    Die,
    Family,
    Interface,
    Note,
    Ram,
    UsartKind,
    WriteProtection,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Script, columns, row

IRQS = 134  # IRQn_Type
VECTORS = 0x0BF87000  # AN2606 rev 70 Table 226

RCC, FLASH, PWR, EXTI, SBS = h5.RCC, h5.FLASH, h5.PWR, h5.EXTI, h5.SBS
ICACHE = Block("ICACHE", st_cache.ICACHE.base, CR=0x00, SR=0x04, IER=0x08, FCR=0x0C)

PULSED = "   CICR AHB1RSTR AHB2RSTR APB1LRSTR APB1HRSTR APB2RSTR APB3RSTR"
RESET = "    4FF  1021003  60C8F    1E7E033   228       1005800  A40"
CLOCKS = "   AHB1ENR  AHB2ENR  APB1LENR APB1HENR APB2ENR APB3ENR"
ENABLED = "  90000100 40000000 0        0        0       0"
LOW_POWER = "AHB1LPENR AHB2LPENR APB1LLPENR APB1HLPENR APB2LPENR APB3LPENR"
SLEEPING = " B1021103  40060C8F  1E7E833    228        1005800   200A42"

SCRIPT: Script = [
    "peripherals (RM0492, chapter RCC)",
    row(columns(PULSED, RCC, RESET), pulsed=True),
    h5.sbs(),
    row(columns(CLOCKS, RCC, ENABLED) | columns(LOW_POWER, RCC, SLEEPING)),
    h5.exti_masks(0xFFFE0000, 0x00DBBFFF),
]

DIE = Die(
    0x474, "STM32H503", (Ram(0x20000000, 32 * 1024),),  # SRAM1 and SRAM2
    SCRIPT,
    rom_id=0x0BF8FFFE, ids=(0xE1, 0xE2),
    # AN2606 rev 70 table 121. TX/RX, SCL/SDA, NSS, SCK, MISO, MOSI
    interfaces=(
        Interface("USART1", "PA9/PA10"),
        Interface("USART2", "PA5/PA15"),
        Interface("USART3", "PA4/PA3"),
        Interface("USB DFU", "PA11/PA12"),
        Interface("I2C2", "PB3/PB4"),
        Interface("SPI1", "PB8/PA8/PA0/PA7"),
        Interface("SPI2", "PB12/PB10/PB14/PB1"),
        Interface("SPI3", "PD2/PC10-PC12"),
        Interface("FDCAN1", "PB15/PB5"),
        Interface("I3C1", "PB6/PB7"),
    ),
    notes=(Note(h5.CRYSTAL), Note(h5.GO)),
    sectors=(8, 8),
    options=(
        common.watchdog(FLASH.OPTSR_CUR, 3, "IWDG_SW"),
        h5.SWAP,
        h5.PROVISIONING,
        common.erased_by_reset(FLASH.OPTSR2_CUR, 3, "SRAM2_RST", "SRAM2"),
    ),
)  # fmt: skip

FAMILY = Family(
    name="STM32H503",
    core=M33,
    idcode=0x44024000,  # DBGMCU_BASE of the header
    vectors=VECTORS,
    rom_end=0x0BF90000,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # FLASH_BASE_NS of the header
    flash_size=0x08FFF80C,  # FLASHSIZE_BASE of the header
    unique_id=(0x08FFF800, 0x08FFF804, 0x08FFF808),  # UID_BASE of the header
    geometry=Geometry((8,)),  # RM0492 7.3.1
    protection=None,
    states=h5.STATES,
    lsi=RCC.BDCR,
    lsi_bit=26,
    iwdg=0x40003000,  # IWDG_BASE_NS of the header
    write_protection=WriteProtection(  # WRPSGn: a bit for a sector of 8 KiB (SVD)
        0,
        (
            Bank(FLASH.WRP1R_CUR, 0, 0x08000000, (8,)),
            Bank(FLASH.WRP2R_CUR, 0, None, (8,)),
        ),
    ),
    usart_kind=UsartKind.V2,
    usarts=(
        *h5.slots(0x40000000, "APB1LENR", USART2=17, USART3=18),
        *h5.slots(0x40010000, "APB2ENR", USART1=14),
        *h5.slots(0x44000C00, "APB3ENR", LPUART1=6),
    ),
    usb=(usb_fs("USB", 0x40016000, Bit(RCC.APB2ENR, 24)),),  # USB_DRD_FS of the header
    mpu_regions=h5.REGIONS,
    before=h5.before(
        IRQS,
        (1, 2),
        clocks=h5.FLITFEN,
        caches=st_cache.icache_off(regions=0),
        power=[
            row(
                {
                    PWR.PMCR: 0xC,
                    **dict.fromkeys((PWR.VOSCR, PWR.DBPCR, PWR.VMCR, PWR.WUCR, PWR.IORETR), 0),
                }
            )
        ],
    ),
    after=h5.after(IRQS, VECTORS),
    dies=(DIE,),
    blocks=(RCC, FLASH, PWR, SBS, EXTI, ICACHE),
)
