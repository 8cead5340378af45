"""STM32WB30, WB35, WB50 and WB55 (0x495), STM32WB10 and WB15 (0x494), and the way back to reset.

Sources: ST's CMSIS device headers (addresses, bits), its LL and HAL drivers (LL_RCC_DeInit,
LL_EXTI_DeInit: values after a reset, order), its SVD files; AN2606 rev 70 tables 2, 3, 181 to 184,
226 and 227 (bootloader). The chapters of RM0434 say where to read on.

What is unlike the L4: the range of MSI is that of RCC.CR alone; PWR, SYSCFG, VREFBUF, COMP and
EXTI have no reset of RCC, so every register of theirs is written, SYSCFG without a clock; what the
second core is given has registers of its own (C2...), which are written here, too.

The second core, with a wireless stack or ST's FUS, runs once PWR.CR4.C2BOOT is set, and nothing
but a reset stops it: with C2BOOT the way is through a reset. Without it HSEM, IPCC and the radio
can be reset like the rest. What stays, as only a reset clears it: the window watchdog and its
clock, clock security of HSE, C2BOOT (states below); the locks in SYSCFG.CFGR2 and SWPR and those
of COMP, which no ROM needs; and PWR.CR5 keeps the trim of SMPS, which comes from the factory.

The WB10 has no SMPS and no COMP1; what is written there is lost. In the SVD files of WB10 and WB15
RCC is that of the WB55 (DMA2, QUADSPI and so on); the bits here are those of the headers.

Where sources disagree:
- What SRAM the ROM of 0x494 uses: 16 KB from 0x20000000 on (AN2606 table 181), or 20 (table 226);
  there are 12 (header, stm32-data). If its stack is to start outside, it is refused.
- RCC.PLLCFGR and PLLSAI1CFGR: 22040100 (SVD, HAL_RCC_DeInit), 22041000 (LL_RCC_DeInit).
- RCC.APB1ENR1: 00000400 (SVD and, for the L4, AN2606).
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
    Pcrop,
    Ram,
    State,
    Usart,
    UsartKind,
    is_set,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 63  # IRQn_Type
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)

# RM0434 8.4, in the order of the addresses
RCC = Block(
    "RCC", 0x58000000,
    CR=0x00, ICSCR=0x04, CFGR=0x08, PLLCFGR=0x0C, PLLSAI1CFGR=0x10, CIER=0x18, CIFR=0x1C,
    CICR=0x20, SMPSCR=0x24, AHB1RSTR=0x28, AHB2RSTR=0x2C, AHB3RSTR=0x30, APB1RSTR1=0x38,
    APB1RSTR2=0x3C, APB2RSTR=0x40, APB3RSTR=0x44,
    AHB1ENR=0x48, AHB2ENR=0x4C, AHB3ENR=0x50, APB1ENR1=0x58, APB1ENR2=0x5C, APB2ENR=0x60,
    AHB1SMENR=0x68, AHB2SMENR=0x6C, AHB3SMENR=0x70, APB1SMENR1=0x78, APB1SMENR2=0x7C,
    APB2SMENR=0x80, CCIPR=0x88, BDCR=0x90, CSR=0x94, CRRCR=0x98, HSECR=0x9C, EXTCFGR=0x108,
    C2AHB1ENR=0x148, C2AHB2ENR=0x14C, C2AHB3ENR=0x150, C2APB1ENR1=0x158, C2APB1ENR2=0x15C,
    C2APB2ENR=0x160, C2APB3ENR=0x164,
    C2AHB1SMENR=0x168, C2AHB2SMENR=0x16C, C2AHB3SMENR=0x170, C2APB1SMENR1=0x178,
    C2APB1SMENR2=0x17C, C2APB2SMENR=0x180, C2APB3SMENR=0x184,
)  # fmt: skip
# RM0434 3.10
FLASH = Block(
    "FLASH", 0x58004000,
    ACR=0x00, KEYR=0x08, SR=0x10, CR=0x14, ECCR=0x18, OPTR=0x20,
    PCROP1ASR=0x24, PCROP1AER=0x28, WRP1AR=0x2C, WRP1BR=0x30, PCROP1BSR=0x34, PCROP1BER=0x38,
    C2ACR=0x5C, C2CR=0x64,
)  # fmt: skip
PULLS = [f"P{way}CR{port}" for port in "ABCDE" for way in "UD"]
# RM0434 6.6
PWR = Block(
    "PWR", 0x58000400,
    CR1=0x00, CR2=0x04, CR3=0x08, CR4=0x0C, SR2=0x14, CR5=0x1C, PUCRH=0x58, PDCRH=0x5C,
    C2CR1=0x80, C2CR3=0x84,
    **{name: 0x20 + 4 * i for i, name in enumerate(PULLS)},
)  # fmt: skip
# RM0434 9.2, with what shares its addresses: VREFBUF and COMP
SYSCFG = Block(
    "SYSCFG", 0x40010000,
    MEMRMP=0x00, CFGR1=0x04, EXTICR1=0x08, EXTICR2=0x0C, EXTICR3=0x10, EXTICR4=0x14,
    VREFBUF_CSR=0x30,
    IMR1=0x100, IMR2=0x104, C2IMR1=0x108, C2IMR2=0x10C, SIPCR=0x110,
    COMP1_CSR=0x200, COMP2_CSR=0x204,
)  # fmt: skip
# RM0434 15.6
EXTI = Block(
    "EXTI", 0x58000800,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, PR1=0x0C, RTSR2=0x20, FTSR2=0x24, SWIER2=0x28, PR2=0x2C,
    IMR1=0x80, EMR1=0x84, IMR2=0x90, EMR2=0x94, C2IMR1=0xC0, C2EMR1=0xC4, C2IMR2=0xD0, C2EMR2=0xD4,
)  # fmt: skip

MSION, MSIRDY, MSIPLLEN, MSIRANGE, MSI_4_MHZ = 1 << 0, 1 << 1, 1 << 2, 15 << 4, 6 << 4  # RCC.CR
MSI_ONLY = MSION | MSIRDY | MSI_4_MHZ
HSIRDY, HSERDY, PLLRDY, PLLSAI1RDY = 1 << 10, 1 << 17, 1 << 25, 1 << 27
SW, SWS = 3, 3 << 2  # RCC.CFGR
LSI1ON, LSI2ON, LSI2TRIM, RFWKPSEL = 1 << 0, 1 << 2, 15 << 8, 3 << 14  # RCC.CSR
LPR, REGLPF = 1 << 14, 1 << 9  # PWR.CR1, PWR.SR2
BORHC, SMPSEN = 1 << 8, 1 << 15  # PWR.CR5
FLASHEN = 1 << 25  # RCC.AHB3ENR
BSY, CFGBSY = 1 << 16, 1 << 18  # FLASH.SR
LATENCY, CACHES, RESETS, PES = 7, 7 << 8, 3 << 11, 1 << 15  # FLASH.ACR; not EMPTY, bit 16
LOCKED = 3 << 30  # FLASH.CR: OPTLOCK, LOCK
MEM_MODE, SYSTEM_MEMORY = 7, 1  # SYSCFG.MEMRMP

AT_ONCE = "the bench stops oscillators at once"  # why no state misses a step

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "power (RM0434 6.4, 6.6): no low-power run, which is for 2 MHz and less",
    change(PWR.CR1, clear=LPR),
    wait(PWR.SR2, REGLPF, 0, unnoticed="it takes 20 us, and so do the next steps at 2 MHz"),
    "clocks (RM0434 8.4; order: LL_RCC_DeInit)",
    change(RCC.CR, set=MSION),
    wait(RCC.CR, MSIRDY, MSIRDY),  # MSIRANGE must not change before
    change(RCC.CR, clear=MSIPLLEN | MSIRANGE, set=MSI_4_MHZ),
    change(RCC.CFGR, clear=SW),  # SYSCLK from MSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.SMPSCR, 0x301),
    write(RCC.CR, MSI_ONLY),  # HSI16, HSE and every PLL off
    wait(RCC.CR, HSIRDY | HSERDY | PLLRDY | PLLSAI1RDY, 0, unnoticed=AT_ONCE),
    write(RCC.ICSCR, 64 << 24),  # HSITRIM; MSITRIM is 0, the calibration is read-only
    write(RCC.CFGR, 0x70000),  # no prescalers, MCO
    write(RCC.PLLCFGR, 0x22040100),
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSI1ON | LSI2ON | LSI2TRIM | RFWKPSEL),  # with RMVF 0
    write(RCC.HSECR, 0xCAFECAFE),  # a key for one write
    write(RCC.HSECR, 0x30),
    write(RCC.EXTCFGR, 0x30000),
    "power (RM0434 6.6): PWR has no reset",
    row({PWR.CR1: 0x200, PWR.CR2: 0, PWR.CR3: 0x8000, PWR.CR4: 0}),
    change(PWR.CR5, clear=BORHC | SMPSEN),
    fill(PWR.PUCRA, 0, 6),  # of the ports A to C
    fill(PWR.PUCRE, 0, 2),
    fill(PWR.PUCRH, 0, 2),
    row({PWR.C2CR1: 0, PWR.C2CR3: 0x8000}),
    "flash (RM0434 3.3, 3.10)",
    change(RCC.AHB3ENR, set=FLASHEN),  # off, if the flash was powered down
    change(FLASH.ACR, clear=PES),  # what was suspended goes on
    wait(FLASH.SR, BSY | CFGBSY, 0),  # a page takes 25 ms at the most
    change(FLASH.ACR, clear=LATENCY | CACHES | RESETS),  # no wait states (4 MHz), caches off,
    change(FLASH.ACR, set=RESETS),  # emptied,
    change(FLASH.ACR, clear=RESETS, set=6 << 8),  # and on
    write(FLASH.SR, 0xC3FB),  # flags
    write(FLASH.ECCR, 0xC0000000),  # flags, and no interrupt
    write(FLASH.CR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked (PG, EOPIE) stays;
    write(FLASH.CR, LOCKED),  # cleared and locked; option bytes as they are
    row({FLASH.C2ACR: 0x600, FLASH.C2CR: 0}),
]  # fmt: skip

# CICR clears flags; RSTR resets every peripheral, HSEM, IPCC and the radio, too
PULSED = "CICR AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR1 APB1RSTR2 APB2RSTR APB3RSTR"
CLOCKS = " AHB1ENR AHB2ENR AHB3ENR APB1ENR1 APB1ENR2 APB2ENR"
ENABLED = "0       0       2080000 400      0        0"
LOW_POWER = " AHB1SMENR AHB2SMENR AHB3SMENR APB1SMENR1 APB1SMENR2 APB2SMENR"
CLOCKS_2 = "  C2AHB1ENR C2AHB2ENR C2AHB3ENR C2APB1ENR1 C2APB1ENR2 C2APB2ENR C2APB3ENR"
ENABLED_2 = " 0         0         2080000   400        0          0         0"
LOW_2 = "C2AHB1SMENR C2AHB2SMENR C2AHB3SMENR C2APB1SMENR1 C2APB1SMENR2 C2APB2SMENR C2APB3SMENR"


def registers(pulsed: str, low_power: str, low_power_2: str) -> Script:
    """A die's rows of RCC."""
    return [
        "peripherals (RM0434 8.4)",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row(columns(CLOCKS, RCC, ENABLED) | columns(LOW_POWER, RCC, low_power)),
        row(columns(CLOCKS_2, RCC, ENABLED_2) | columns(LOW_2, RCC, low_power_2)),
    ]


AFTER: Script = [
    "exti (RM0434 15.6)",
    fill(EXTI.RTSR1, 0, 3),
    write(EXTI.PR1, 0xFFFFFFFF),
    fill(EXTI.RTSR2, 0, 3),
    write(EXTI.PR2, 0xFFFFFFFF),
    row({EXTI.IMR1: 0x7FC00000, EXTI.EMR1: 0, EXTI.IMR2: 0x0001FCFD, EXTI.EMR2: 0}),
    row({EXTI.C2IMR1: 0x7FC00000, EXTI.C2EMR1: 0, EXTI.C2IMR2: 0x0001FCFD, EXTI.C2EMR2: 0}),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=True),
    cortex_m.nothing_pending(IRQS),
    "syscfg (RM0434 9.2): without a clock, and without a reset",
    write(SYSCFG.CFGR1, 0x7C000001),
    fill(SYSCFG.EXTICR1, 0, 4),
    fill(SYSCFG.IMR1, 0, 5),  # interrupts of both cores, and security
    write(SYSCFG.COMP1_CSR, 0),
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
]


def pages(register: str) -> Area:
    """The first page in bits 7:0, the last one in bits 23:16 (RM0434 3.10.11)."""
    return Area(getattr(FLASH, register), getattr(FLASH, register), 16, 0xFF)


# AN2606 rev 70: "configuration in system memory boot mode". TX/RX, SCL/SDA, NSS-MOSI
USART1 = Interface("USART1", "PA9/PA10")
I2C1 = Interface("I2C1", "PB6/PB7")
SPI1 = Interface("SPI1", "PA4-PA7")
OPTION_BYTES = (
    common.watchdog(FLASH.OPTR, 16, "IWDG_SW"),
    common.boot_from_option(FLASH.OPTR),
    common.empty(FLASH.ACR, 16, "EMPTY"),
)

# Bootloader IDs and their address: AN2606 rev 70 Table 3
DIES = (
    Die(
        0x495, "STM32WB30/35/50/55",
        (Ram(0x20000000, 256 * 1024),),  # SRAM1 and SRAM2 of the WB55
        [
            write(RCC.PLLSAI1CFGR, 0x22040100),
            write(RCC.CRRCR, 0),  # HSI48
            fill(PWR.PUCRD, 0, 2),
            registers(
                "F7F 11007 1209F 1F0100 85A04201 21 265800 1",
                "11207 1209F 3070100 85A04E01 21 265800",
                "11207 1209F 3070000 85A04601 21 265800 3",
            ),
            write(SYSCFG.VREFBUF_CSR, 2),
            write(SYSCFG.COMP2_CSR, 0),
        ],
        rom_id=0x1FFF6FFE, ids=(0xD5,),
        interfaces=(
            USART1,
            I2C1,
            Interface("I2C3", "PC0/PC1"),
            SPI1,
            Interface("SPI2", "PB12-PB15"),
            Interface("USB DFU", "PA11/PA12"),
        ),
        notes=(
            Note("USB DFU needs no crystal (HSI48)"),
            Note("Readout Unprotect takes effect at the next power-on only"),
        ),
        sectors=(1, 1), options=OPTION_BYTES,
        disputed=(
            Disputed(
                "DEV_ID 0x495", ("stm32flash",), "STM32WB10xx/15xx",
                "those are 0x494; AN2606 table 226",
            ),
            Disputed(
                "RAM at 20000000", ("modm-devices",), "00030000", "counts SRAM1, without SRAM2"
            ),
            Disputed("RCC.APB2RSTR bit 9", ("modm-devices",), "1", "the ADC of the WB10 and WB15"),
        ),
    ),
    Die(
        0x494, "STM32WB10/15",
        (Ram(0x20000000, 12 * 1024),),  # SRAM1, where ST's linker scripts have the stack
        [
            registers(
                "B3F 11005 97 1F0000 80200001 21 5A00 1",
                "11205 97 3070000 80200C01 21 5A00",
                "11205 97 3070000 80200401 21 5A00 1",
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0xB1,), interfaces=(USART1, I2C1, SPI1),
        notes=(  # Table 182
            Note("over I2C the command 0x73 (Write Unprotect) is Readout Unprotect: use 0x74"),
        ),
        sectors=(1, 1), page_kib=2, geometry=Geometry((2,)), options=OPTION_BYTES,
        disputed=(
            Disputed(
                "DEV_ID 0x494", ("stm32flash",), "STM32WB30(5)xx/50(5)xx",
                "those are 0x495; AN2606 table 226",
            ),
            Disputed(
                "RAM at 20000000", ("stm32flash",), "0000C000", "that of 0x495 (table 226)"
            ),
        ),
    ),
)  # fmt: skip

FAMILY = Family(
    name="STM32WB",
    core=M4,
    idcode=0xE0042000,  # DBGMCU_BASE of the header
    vectors=0x1FFF0000,  # AN2606 rev 70 Table 226
    rom_end=0x1FFF7000,
    flash=0x08000000,  # FLASH_BASE of the header
    flash_size=0x1FFF75E0,  # FLASHSIZE_BASE of the header
    unique_id=(0x1FFF7590, 0x1FFF7594, 0x1FFF7598),  # UID_BASE of the header
    geometry=Geometry((4,)),  # RM0434 3.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (),
        areas=(
            Area(FLASH.PCROP1ASR, FLASH.PCROP1AER, 0, 0x1FF),
            Area(FLASH.PCROP1BSR, FLASH.PCROP1BER, 0, 0x1FF),
        ),
        about=common.PCROP_AREAS,
    ),
    states=(
        common.window_watchdog(FLASH.OPTR),
        State("the second core runs (PWR_CR4.C2BOOT)", (is_set(PWR.CR4, 15),)),
        common.window_watchdog_clock(RCC.APB1ENR1),
        common.clock_security(RCC.CR),
        common.half_a_double_word(FLASH.SR, BSY | CFGBSY),
    ),
    lsi=RCC.CSR,  # LSI1
    iwdg=0x40003000,  # IWDG_BASE of the header
    write_protection=AreaProtection(
        (pages("WRP1AR"), pages("WRP1BR")), page_kib=4
    ),  # FLASH_PAGE_SIZE of the header
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        Usart("LPUART1", 0x40008000, Bit(RCC.APB1ENR2, 0)),
    ),
    usb=(usb_fs("USB", 0x40006800, Bit(RCC.APB1ENR1, 26)),),  # USB1_BASE of the header
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
    disputed=(
        Disputed(
            "RCC.AHB3RSTR bit 25", ("modm-devices", "bench", "collection"), "1",
            "FLASH is put back register by register: code runs from it",
        ),
        Disputed(
            "RCC.APB3RSTR bit 0", ("modm-devices",), "0",
            "the radio (headers: RCC_APB3RSTR_RFRST)",
        ),
        Disputed("RCC.CR", ("collection",), "00000061 in 0F1B1FF7", "before MSIRDY rises"),
    ),
)  # fmt: skip
