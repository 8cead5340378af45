"""STM32WL54, WL55, WLE4 and WLE5: one die, 0x497, and the way back to reset.

Sources: ST's CMSIS device header of the WL55 (addresses, bits), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_PWR_DeInit, LL_EXTI_DeInit: values after a reset, order), its
SVD file; AN2606 rev 70 tables 2, 3, 202, 203, 226 and 227 (bootloader). The chapters of RM0453 say
where to read on.

It is the WB (wb.py) with the MSI of the L4 (l4.py): MSIRGSEL says that the range of MSI is that
of RCC.CR, not of RCC.CSR, and only a reset clears it; both ranges are 4 MHz then. A second core
runs once PWR.CR4.C2BOOT is set, and leads through a reset. The WLE has none: its header has no
registers C2..., where what is written is lost.

HSEBYPPWR, the supply of a TCXO at PB0, yields only while HSE is off. After a reset the radio is
held in reset (RCC.CSR.RFRST) and its SPI is not selected (PWR.SUBGHZSPICR.NSS).

What stays, as only a reset clears it: the window watchdog and its clock, clock security of HSE,
MSIRGSEL, C2BOOT (states below); the locks in SYSCFG.CFGR2 and SWPR and those of COMP, which no ROM
needs. GTZC is left alone: what it protects belongs to the second core.

Where sources disagree:
- RCC.PLLCFGR: 22040100 (SVD), 22041000 (LL_RCC_DeInit, HAL_RCC_DeInit).
- RCC.APB1ENR1: 00000000 (SVD); the WB and the L4 have RTCAPBEN set.
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M4,
    Area,
    AreaProtection,
    Bit,
    Die,
    Disputed,
    Family,
    Interface,
    Note,
    Option,
    Pcrop,
    Ram,
    State,
    Usart,
    UsartKind,
    is_set,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 62  # IRQn_Type
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)

# RM0453 7.4, in the order of the addresses
RCC = Block(
    "RCC", 0x58000000,
    CR=0x00, ICSCR=0x04, CFGR=0x08, PLLCFGR=0x0C, CIER=0x18, CIFR=0x1C, CICR=0x20,
    AHB1RSTR=0x28, AHB2RSTR=0x2C, AHB3RSTR=0x30, APB1RSTR1=0x38, APB1RSTR2=0x3C, APB2RSTR=0x40,
    APB3RSTR=0x44,
    AHB1ENR=0x48, AHB2ENR=0x4C, AHB3ENR=0x50, APB1ENR1=0x58, APB1ENR2=0x5C, APB2ENR=0x60,
    APB3ENR=0x64,
    AHB1SMENR=0x68, AHB2SMENR=0x6C, AHB3SMENR=0x70, APB1SMENR1=0x78, APB1SMENR2=0x7C,
    APB2SMENR=0x80, APB3SMENR=0x84, CCIPR=0x88, BDCR=0x90, CSR=0x94, EXTCFGR=0x108,
    C2AHB1ENR=0x148, C2AHB2ENR=0x14C, C2AHB3ENR=0x150, C2APB1ENR1=0x158, C2APB1ENR2=0x15C,
    C2APB2ENR=0x160, C2APB3ENR=0x164,
    C2AHB1SMENR=0x168, C2AHB2SMENR=0x16C, C2AHB3SMENR=0x170, C2APB1SMENR1=0x178,
    C2APB1SMENR2=0x17C, C2APB2SMENR=0x180, C2APB3SMENR=0x184,
)  # fmt: skip
# RM0453 4.10
FLASH = Block(
    "FLASH", 0x58004000,
    ACR=0x00, ACR2=0x04, KEYR=0x08, SR=0x10, CR=0x14, ECCR=0x18, OPTR=0x20,
    PCROP1ASR=0x24, PCROP1AER=0x28, WRP1AR=0x2C, WRP1BR=0x30, PCROP1BSR=0x34, PCROP1BER=0x38,
    C2ACR=0x5C, C2CR=0x64,
)  # fmt: skip
PULLS = [f"P{way}CR{port}" for port in "ABC" for way in "UD"]
# RM0453 6.6
PWR = Block(
    "PWR", 0x58000400,
    CR1=0x00, CR2=0x04, CR3=0x08, CR4=0x0C, SR2=0x14, CR5=0x1C, PUCRH=0x58, PDCRH=0x5C,
    C2CR1=0x80, C2CR3=0x84, SECCFGR=0x8C, SUBGHZSPICR=0x90, RSSCMDR=0x98,
    **{name: 0x20 + 4 * i for i, name in enumerate(PULLS)},
)  # fmt: skip
# RM0453 11.2, with what shares its addresses: VREFBUF and COMP
SYSCFG = Block(
    "SYSCFG", 0x40010000,
    MEMRMP=0x00, CFGR1=0x04, EXTICR1=0x08, EXTICR2=0x0C, EXTICR3=0x10, EXTICR4=0x14,
    VREFBUF_CSR=0x30,
    IMR1=0x100, IMR2=0x104, C2IMR1=0x108, C2IMR2=0x10C,
    COMP1_CSR=0x200, COMP2_CSR=0x204, RFDCR=0x208,
)  # fmt: skip
# RM0453 16.6
EXTI = Block(
    "EXTI", 0x58000800,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, PR1=0x0C, RTSR2=0x20, FTSR2=0x24, SWIER2=0x28, PR2=0x2C,
    IMR1=0x80, EMR1=0x84, IMR2=0x90, EMR2=0x94, C2IMR1=0xC0, C2EMR1=0xC4, C2IMR2=0xD0, C2EMR2=0xD4,
)  # fmt: skip

MSION, MSIRDY, MSIPLLEN, MSIRANGE, MSI_4_MHZ = 1 << 0, 1 << 1, 1 << 2, 15 << 4, 6 << 4  # RCC.CR
MSI_ONLY = MSION | MSIRDY | MSI_4_MHZ
HSIRDY, HSERDY, PLLRDY = 1 << 10, 1 << 17, 1 << 25
SW, SWS = 3, 3 << 2  # RCC.CFGR
LSION, LSIPRE, MSISRANGE, MSIS_4_MHZ = 1 << 0, 1 << 4, 15 << 8, 6 << 8  # RCC.CSR
RFRST = 1 << 15
LPR, REGLPF = 1 << 14, 1 << 9  # PWR.CR1, PWR.SR2
FLASHEN = 1 << 25  # RCC.AHB3ENR
BSY, CFGBSY = 1 << 16, 1 << 18  # FLASH.SR
LATENCY, CACHES, RESETS, PES = 7, 7 << 8, 3 << 11, 1 << 15  # FLASH.ACR; not EMPTY, bit 16
LOCKED = 3 << 30  # FLASH.CR: OPTLOCK, LOCK
MEM_MODE, SYSTEM_MEMORY = 7, 1  # SYSCFG.MEMRMP

# Why no state misses two steps (see Step.unnoticed)
MSI_ELSEWHERE = "MSI is not at 4 MHz only with MSIRGSEL, which no jump clears: states go by reset"

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "power (RM0453 6.4, 6.6): no low-power run, which is for 2 MHz and less",
    change(PWR.CR1, clear=LPR),
    wait(PWR.SR2, REGLPF, 0, unnoticed="it takes 20 us, and so do the next steps at 2 MHz"),
    "clocks (RM0453 7.4; order: HAL_RCC_DeInit)",
    change(RCC.CR, set=MSION),
    wait(RCC.CR, MSIRDY, MSIRDY, unnoticed=MSI_ELSEWHERE),  # MSIRANGE must not change before
    change(RCC.CR, clear=MSIPLLEN | MSIRANGE, set=MSI_4_MHZ, unnoticed=MSI_ELSEWHERE),
    change(RCC.CFGR, clear=SW),  # SYSCLK from MSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CR, MSI_ONLY),  # HSI16, HSE and the PLL off
    wait(RCC.CR, HSIRDY | HSERDY | PLLRDY, 0),
    write(RCC.CR, MSI_ONLY),  # again: HSEBYPPWR yields only while HSE is off
    write(RCC.ICSCR, 64 << 24),  # HSITRIM; MSITRIM is 0, the calibration is read-only
    write(RCC.CFGR, 0x70000),  # no prescalers, MCO
    write(RCC.PLLCFGR, 0x22040100),
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSION | LSIPRE | MSISRANGE, set=MSIS_4_MHZ | RFRST),  # with RMVF 0
    write(RCC.EXTCFGR, 0x30000),
    "power (RM0453 6.6): PWR has no reset",
    row({PWR.CR1: 0x200, PWR.CR2: 0, PWR.CR3: 0x8000, PWR.CR4: 0, PWR.CR5: 0}),
    fill(PWR.PUCRA, 0, 6),  # of the ports A to C
    fill(PWR.PUCRH, 0, 2),
    row({PWR.C2CR1: 7, PWR.C2CR3: 0x8000}),
    row({PWR.SECCFGR: 0x8000, PWR.SUBGHZSPICR: 0x8000, PWR.RSSCMDR: 0}),
    "flash (RM0453 4.3, 4.10)",
    change(RCC.AHB3ENR, set=FLASHEN),  # off, if the flash was powered down
    change(FLASH.ACR, clear=PES),  # what was suspended goes on
    wait(FLASH.SR, BSY | CFGBSY, 0),  # a page takes 25 ms at the most
    change(FLASH.ACR, clear=LATENCY | CACHES | RESETS),  # no wait states (4 MHz), caches off,
    change(FLASH.ACR, set=RESETS),  # emptied,
    change(FLASH.ACR, clear=RESETS, set=6 << 8),  # and on
    write(FLASH.ACR2, 0),
    write(FLASH.SR, 0xC3FB),  # flags
    write(FLASH.ECCR, 0xC0000000),  # flags, and no interrupt
    write(FLASH.CR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked (PG, EOPIE) stays;
    write(FLASH.CR, LOCKED),  # cleared and locked; option bytes as they are
    row({FLASH.C2ACR: 0x600, FLASH.C2CR: 0}),
]  # fmt: skip

# CICR clears flags; RSTR resets every peripheral, HSEM, IPCC and the SPI of the radio, too
PULSED = "CICR AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR1 APB1RSTR2 APB2RSTR APB3RSTR"
RESET = "  33F  1007     87       1F0000   A0E24001  61        65A00    1"
CLOCKS = " AHB1ENR AHB2ENR AHB3ENR APB1ENR1 APB1ENR2 APB2ENR APB3ENR"
ENABLED = "0       0       2080000 0        0        0       0"
LOW_POWER = " AHB1SMENR AHB2SMENR AHB3SMENR APB1SMENR1 APB1SMENR2 APB2SMENR APB3SMENR"
SLEEPING = "  1007      87        3870000   A0E24C01   61         65A00     1"
CLOCKS_2 = "  C2AHB1ENR C2AHB2ENR C2AHB3ENR C2APB1ENR1 C2APB1ENR2 C2APB2ENR C2APB3ENR"
ENABLED_2 = " 0         0         2080000   0          0          0         0"
LOW_2 = "C2AHB1SMENR C2AHB2SMENR C2AHB3SMENR C2APB1SMENR1 C2APB1SMENR2 C2APB2SMENR C2APB3SMENR"
SLEEPING_2 = "1007   87         3870000     A0E24401     61           65A00       1"

SCRIPT: Script = [
    "peripherals (RM0453 7.4)",
    row(columns(PULSED, RCC, RESET), pulsed=True),
    row(columns(CLOCKS, RCC, ENABLED) | columns(LOW_POWER, RCC, SLEEPING)),
    row(columns(CLOCKS_2, RCC, ENABLED_2) | columns(LOW_2, RCC, SLEEPING_2)),
]

AFTER: Script = [
    "exti (RM0453 16.6)",
    fill(EXTI.RTSR1, 0, 3),
    write(EXTI.PR1, 0xFFFFFFFF),
    fill(EXTI.RTSR2, 0, 3),
    write(EXTI.PR2, 0xFFFFFFFF),
    row(dict.fromkeys((EXTI.IMR1, EXTI.EMR1, EXTI.IMR2, EXTI.EMR2), 0)),
    row(dict.fromkeys((EXTI.C2IMR1, EXTI.C2EMR1, EXTI.C2IMR2, EXTI.C2EMR2), 0)),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=False),
    cortex_m.nothing_pending(IRQS),
    "syscfg (RM0453 11.2): without a clock, and without a reset",
    write(SYSCFG.CFGR1, 0x7C000001),
    fill(SYSCFG.EXTICR1, 0, 4),
    write(SYSCFG.VREFBUF_CSR, 2),
    fill(SYSCFG.IMR1, 0, 4),  # interrupts of both cores
    fill(SYSCFG.COMP1_CSR, 0, 3),  # and RFDCR
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
]


def pages(register: str) -> Area:
    """The first page in bits 6:0, the last one in bits 22:16 (RM0453 4.10)."""
    return Area(getattr(FLASH, register), getattr(FLASH, register), 16, 0x7F)


DIE = Die(
    0x497, "STM32WL54/WL55/WLE4/WLE5", (Ram(0x20000000, 64 * 1024),),  # SRAM1 and SRAM2
    SCRIPT,
    rom_id=0x1FFF3EFE, ids=(0xC2, 0xC3, 0xC4),  # AN2606 rev 70 tables 3 and 203
    # AN2606 rev 70 table 202. TX/RX, NSS-MOSI
    interfaces=(
        Interface("USART1", "PA9/PA10"),
        Interface("USART2", "PA2/PA3"),
        Interface("SPI1", "PA4-PA7"),
        Interface("SPI2", "PB12-PB15"),
    ),
    notes=(
        Note("FLASH_SFR and FLASH_SRRVR cannot be read or written"),  # AN2606 rev 70 table 203
    ),
    sectors=(1, 1),
    options=(
        common.watchdog(FLASH.OPTR, 16, "IWDG_SW"),
        common.boot_from_option(FLASH.OPTR),
        Option(  # RM0453, boot configuration
            FLASH.OPTR, 30, 1,
            "BOOT_LOCK is 1: every reset starts the flash, and BOOT0 does not matter: if an "
            "update breaks off, no reset leads to the ROM",
        ),
        Option(  # stm32wlxx.h; both are fixed then (RM0453, boot configuration)
            FLASH.OPTR, 31, 1,
            "C2BOOT_LOCK is 1: the second core always starts where SRRVR says now, whatever new "
            "firmware brings",
        ),
        common.empty(FLASH.ACR, 16, "EMPTY"),
        # FLASH_OPTR_SRAM_RST (header). The SVD file has SRAM2_RST: the stack is there, too
        common.erased_by_reset(FLASH.OPTR, 25, "SRAM_RST", "SRAM"),
    ),
)  # fmt: skip

FAMILY = Family(
    name="STM32WL",
    core=M4,
    idcode=0xE0042000,  # DBGMCU_BASE of the header
    vectors=0x1FFF0000,  # AN2606 rev 70 Table 226
    rom_end=0x1FFF4000,
    flash=0x08000000,  # FLASH_BASE of the header
    flash_size=0x1FFF75E0,  # FLASHSIZE_BASE of the header
    unique_id=(0x1FFF7590, 0x1FFF7594, 0x1FFF7598),  # UID_BASE of the header
    geometry=Geometry((2,)),  # RM0453 4.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (),
        areas=(
            Area(FLASH.PCROP1ASR, FLASH.PCROP1AER, 0, 0xFF),
            Area(FLASH.PCROP1BSR, FLASH.PCROP1BER, 0, 0xFF),
        ),
        about=common.PCROP_AREAS,
    ),
    states=(
        common.window_watchdog(FLASH.OPTR),
        State("the second core runs (PWR_CR4.C2BOOT)", (is_set(PWR.CR4, 15),)),
        common.window_watchdog_clock(RCC.APB1ENR1),
        common.clock_security(RCC.CR),
        common.half_a_double_word(FLASH.SR, BSY | CFGBSY),
        State(
            "the range of MSI is that of RCC_CR (MSIRGSEL)", (is_set(RCC.CR, 3),), harmless=True
        ),
    ),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the header
    write_protection=AreaProtection(
        (pages("WRP1AR"), pages("WRP1BR")), page_kib=2
    ),  # FLASH_PAGE_SIZE of the header
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        Usart("USART2", 0x40004400, Bit(RCC.APB1ENR1, 17)),
        Usart("LPUART1", 0x40008000, Bit(RCC.APB1ENR2, 0)),
    ),
    usb=(),
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=(DIE,),
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
    disputed=(
        Disputed(
            "RCC.AHB3RSTR bit 25", ("modm-devices", "bench", "collection"), "1",
            "FLASH is put back register by register: code runs from it",
        ),
        Disputed("RCC.CR", ("collected SVD",), "00000061 in 033B1FFF", "before MSIRDY rises"),
        Disputed(
            "ROM: end", ("stlink",), "1FFF7000",
            "all of the system memory; the bootloader has 16 KiB of it, with its ID in the last "
            "two bytes (AN2606 tables 3, 202 and 226)",
        ),
        Disputed(
            "core", ("modm-devices",), "",
            "its file of the WL5x has an entry for each of its two cores",
        ),
    ),
)  # fmt: skip
