"""STM32G0: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_EXTI_DeInit, HAL_PWREx_DisableLowPowerRunMode: values after a
reset, order); AN2606 rev 70 tables 2, 3, 105 to 114 and 226 (bootloader). The chapters of RM0444
(G0x1), which RM0454 (G0x0) shares, say where to read on; they were not at hand.

After a reset SYSCLK is HSI16, VCORE is in range 1, the instruction cache is on, there is no wait
state. What a system reset leaves alone stays here too: RCC.BDCR, RTC and TAMP, the reset flags,
DBG, of which only a power-on reset clears anything, and the empty flag FLASH.ACR.PROGEMPTY, which
shows the flash as it was at power-on. What software cannot put back, as only a reset clears it, is
what `states` looks at: clock security, the clock of the window watchdog, the lock of the securable
memory.

Value lines (G030, G050, G070, G0B0) have the DEV_ID of the whole die, with less on it. A row has
the bits of all headers with its DEV_ID; a value line ignores those that it has not got.

Where sources disagree, beside `disputed` (docs/facts.md):
- FLASH.ACR.DBG_SWEN: 1 after a reset, as AN2606 table 112 takes it for a fault of ROM 9.2 that Go
  leaves 0 there, which disables the debug port. Public SVD files say 0.
- EXTI.IMR2: the bits of the lines that a die has (LL_EXTI_DeInit), or all ones (public SVD files).
- PWR.CR3, CR4, PUCRx and PDCRx: that PWRRST resets them too is not certain (on an STM32L4 it does
  not: RM0351 5.4), so they are written.
- DMAMUX: no bit of RSTR is named for it in the headers, so it is written. It has the DMAs' clocks.
- RSTR: DBGRST is left out, as it would reset DBG, which a system reset does not.
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M0PLUS,
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
    only,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Register, Script, change, columns, fill, row, wait, write

IRQS = 31  # IRQn_Type of the headers
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)
VECTORS = 0x1FFF0000  # AN2606 rev 70 Table 226

RCC = Block(
    "RCC", 0x40021000,
    CR=0x00, ICSCR=0x04, CFGR=0x08, PLLCFGR=0x0C, CIER=0x18, CIFR=0x1C, CICR=0x20,
    IOPRSTR=0x24, AHBRSTR=0x28, APBRSTR1=0x2C, APBRSTR2=0x30,
    IOPENR=0x34, AHBENR=0x38, APBENR1=0x3C, APBENR2=0x40,
    IOPSMENR=0x44, AHBSMENR=0x48, APBSMENR1=0x4C, APBSMENR2=0x50,
    CCIPR=0x54, CCIPR2=0x58, BDCR=0x5C, CSR=0x60,
)  # fmt: skip
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, KEYR=0x08, SR=0x10, CR=0x14, OPTR=0x20,
    PCROP1ASR=0x24, PCROP1AER=0x28, WRP1AR=0x2C, WRP1BR=0x30, PCROP1BSR=0x34, PCROP1BER=0x38,
    PCROP2ASR=0x44, PCROP2AER=0x48, WRP2AR=0x4C, WRP2BR=0x50, PCROP2BSR=0x54, PCROP2BER=0x58,
    SECR=0x80,
)  # fmt: skip
PWR = Block(
    "PWR", 0x40007000,
    CR1=0x00, CR2=0x04, CR3=0x08, CR4=0x0C, SR2=0x14,
    PUCRA=0x20, PDCRA=0x24, PUCRB=0x28, PDCRB=0x2C, PUCRC=0x30, PDCRC=0x34,
    PUCRD=0x38, PDCRD=0x3C, PUCRE=0x40, PDCRE=0x44, PUCRF=0x48, PDCRF=0x4C,
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x40010000, CFGR1=0x00)
EXTI = Block(
    "EXTI", 0x40021800,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, RPR1=0x0C, FPR1=0x10,
    RTSR2=0x20, FTSR2=0x24, SWIER2=0x28, RPR2=0x2C, FPR2=0x30,
    EXTICR1=0x60, EXTICR2=0x64, EXTICR3=0x68, EXTICR4=0x6C,
    IMR1=0x80, EMR1=0x84, IMR2=0x90, EMR2=0x94,
)  # fmt: skip
DMAMUX1 = Block("DMAMUX1", 0x40020800, CCR=(0x00, 12), RGCR=(0x100, 4))

HSION, HSIRDY = 1 << 8, 1 << 10  # RCC.CR
HSERDY, HSI48RDY, PLLRDY = 1 << 17, 1 << 23, 1 << 25
HSI_ONLY = HSION | HSIRDY
SW, SWS = 7, 7 << 3  # RCC.CFGR
LSION = 1 << 0  # RCC.CSR
PWREN = 1 << 28  # RCC.APBENR1
SYSCFGEN, FLASHEN, DMA1EN = 1 << 0, 1 << 8, 1 << 0  # RCC.APBENR2, RCC.AHBENR
REGLPF, VOSF = 1 << 9, 1 << 10  # PWR.SR2
BUSY = 7 << 16  # FLASH.SR: BSY1, BSY2, CFGBSY
ICEN, ICRST, DBG_SWEN = 1 << 9, 1 << 11, 1 << 18  # FLASH.ACR
WAITS = 0x107  # FLASH.ACR: LATENCY, PRFTEN
LOCKED = 3 << 30  # FLASH.CR: LOCK, OPTLOCK
ERASE_TRIES = 0x100000  # a mass erase takes 40 ms at the most (datasheets)
MEM_MODE, SYSTEM_MEMORY = 3, 1  # SYSCFG.CFGR1

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "power (RM0444 PWR): no low-power run, which is for 2 MHz and less; range 1",
    change(RCC.APBENR1, set=PWREN),
    wait(RCC.APBENR1, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(PWR.CR1, 0x208),
    wait(PWR.SR2, REGLPF | VOSF, 0, unnoticed="the next steps take longer than the regulator"),
    "clocks (RM0444 RCC; order: HAL_RCC_DeInit)",
    change(RCC.CR, set=HSION),
    wait(
        RCC.CR, HSIRDY, HSIRDY,
        unnoticed="the clock switch waits for HSI by itself, and SWS for both",
    ),
    write(RCC.ICSCR, 0x4000),  # HSITRIM 64; the calibration is read-only
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CCIPR2, 0),  # reserved on dies without USB
    change(RCC.CFGR, clear=SW),  # SYSCLK from HSI16
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CR, HSI_ONLY),  # HSIDIV 0; HSE, HSI48, PLL off
    wait(RCC.CR, HSERDY | HSI48RDY | PLLRDY, 0),
    write(RCC.CR, HSI_ONLY),  # again: HSEBYP yields only while HSE is off
    write(RCC.PLLCFGR, 0x1000),  # yields only while the PLL is off
    write(RCC.CFGR, 0),  # no prescalers, MCO
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSION),  # with RMVF 0
    "flash (RM0444 FLASH)",
    change(RCC.AHBENR, set=FLASHEN),  # off, if the flash was powered down
    wait(FLASH.SR, BUSY, 0, tries=ERASE_TRIES),  # a running erase ends first
    change(FLASH.ACR, clear=WAITS | ICEN),  # no wait state, no prefetch; the cache off,
    change(FLASH.ACR, set=ICRST),  # emptied
    change(FLASH.ACR, clear=ICRST, set=ICEN | DBG_SWEN),  # and on again
    write(FLASH.SR, 0xC3FB),  # flags
    write(FLASH.CR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked (PG, PER, EOPIE) stays;
    write(FLASH.CR, LOCKED),  # cleared and locked
    "power: what no bit of RSTR is known to reset",
    write(PWR.CR3, 0x8000),
    write(PWR.CR4, 0),
    fill(PWR.PUCRA, 0, 12),
    "dmamux (RM0444 DMAMUX)",
    change(RCC.AHBENR, set=DMA1EN),
    fill(DMAMUX1.CCR, 0, 12),
    fill(DMAMUX1.RGCR, 0, 4),
]  # fmt: skip

AFTER: Script = [
    "exti (RM0444 EXTI)",
    fill(EXTI.RTSR1, 0, 3),  # RTSR1, FTSR1, SWIER1
    fill(EXTI.RPR1, 0xFFFFFFFF, 2),  # and FPR1
    fill(EXTI.EXTICR1, 0, 4),
    write(EXTI.IMR1, 0xFFF80000),
    write(EXTI.EMR1, 0),
    cortex_m.armv6m(mpu_regions=REGIONS, vtor=0),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0444 SYSCFG)",
    write(RCC.APBENR2, SYSCFGEN),
    wait(RCC.APBENR2, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(SYSCFG.CFGR1, clear=MEM_MODE, set=SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.CFGR1, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APBENR2, 0),
]

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral. Then SMENR. ENR is the same on all: FLASHEN
# only; APBENR2 is last, for the remap.
PULSED = "   CICR IOPRSTR AHBRSTR APBRSTR1 APBRSTR2"
LOW_POWER = "IOPSMENR AHBSMENR APBSMENR1 APBSMENR2"


def registers(pulsed: str, low_power: str) -> Script:
    """A die's part of the script."""
    reset = {RCC.IOPENR: 0, RCC.AHBENR: FLASHEN, RCC.APBENR1: 0}
    return [
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row(reset | columns(LOW_POWER, RCC, low_power)),
    ]


def upper_exti(imr2: int, triggers: bool) -> Script:
    """EXTI of a die with more than 32 lines; triggers: one of those is selected by edge."""
    return [
        "exti (RM0444 EXTI)",
        [fill(EXTI.RTSR2, 0, 3), fill(EXTI.RPR2, 0xFFFFFFFF, 2)] if triggers else [],
        write(EXTI.IMR2, imr2),
        write(EXTI.EMR2, 0),
    ]


def sram(kib: int) -> tuple[Ram, ...]:
    """SRAM, its parity bits included: where parity is checked there is less (SRAM_SIZE_MAX)."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI.
USART1 = Interface("USART1", "PA9/PA10")
USART1_SMALL = Interface("USART1", "PA9/PA10 or PA11/PA12 (small packages)")
USART2 = Interface("USART2", "PA2/PA3")
USART3 = Interface("USART3", "PC10/PC11")
I2C = (Interface("I2C1", "PB6/PB7"), Interface("I2C2", "PB10/PB11"))
SPI = (Interface("SPI1", "PA4-PA7"), Interface("SPI2", "PB12-PB15"))
DFU = Interface("USB DFU", "PA11/PA12")
FDCAN1 = Interface("FDCAN1", "PD1/PD0")

# RM0444, chapter boot configuration, and AN2606 table 2, pattern 11
PIN_IGNORED = Note("as delivered the BOOT0 pin is ignored (nBOOT_SEL is 1)")
BANK_2 = Note("an erase of several sectors of bank 2 fails: erase them one by one")
EMPTY_FLAG = "this ROM clears the empty flag: with an erased flash do not reset, write it"


def area(register: Register, second_bank: bool) -> Area:
    """Pages of 2 KiB, 7 bits: the first in bits 6:0, the last in bits 22:16."""
    return Area(register, register, 16, 0x7F, second_bank)


def pcrop_area(start: Register, end: Register) -> Area:
    """Of at most 9 bits each, in two registers."""
    return Area(start, end, 0, 0x1FF)


WRP = AreaProtection(
    (
        *(area(register, False) for register in (FLASH.WRP1AR, FLASH.WRP1BR)),
        *(area(register, True) for register in (FLASH.WRP2AR, FLASH.WRP2BR)),
    ),
    page_kib=2,
)

OPTIONS = (
    common.watchdog(FLASH.OPTR, 16, "IWDG_SW"),
    Option(
        FLASH.OPTR, 24, 0b011,  # nBOOT_SEL, nBOOT1, nBOOT0
        "nBOOT_SEL is 1 and nBOOT0 is 0: every reset starts the ROM, until nBOOT0 is 1 again",
        bits=3,
    ),
    Option(
        FLASH.SECR, 16, 1,
        "BOOT_LOCK is 1: every reset starts the flash, BOOT0 and an erased flash do not matter: "
        "if an update breaks off, no reset leads to the ROM",
    ),
    Option(
        FLASH.ACR, 16, 1,
        "the flash was empty at the last power-on (PROGEMPTY is 1): unless the ROM clears that, a "
        "reset starts the ROM, not new firmware, until a power-on",
    ),
)  # fmt: skip
DUAL_BANK = (
    *OPTIONS,
    Option(
        FLASH.OPTR, 20, 0,
        "the banks are swapped (nSWAP_BANK is 0): 0x08000000 is bank 2",
    ),
)  # fmt: skip

DISPUTED = (
    Disputed(
        "RCC.AHBRSTR bit 8", ("SVD", "modm-devices", "bench", "collection"), "1",
        "left out: FLASHRST works only while the flash is powered down, so the flash interface "
        "goes back register by register",
    ),
    Disputed(
        "ROM: end", ("stm32flash", "stlink", "bench"), "1FFF7000",
        "the ROM of 0x467 goes on at 0x1FFF8000 (AN2606 rev 70 Table 226); where it starts must "
        "be within either piece",
    ),
    Disputed(
        "RCC.APBRSTR1 bit 27", ("SVD", "bench", "collection"), "1",
        "left out: DBGRST would reset DBG, which a system reset does not",
    ),
    Disputed("RCC.ICSCR", ("SVD",), "00000000 in 00007F00", "HSITRIM is 64 (LL_RCC_DeInit)"),
    Disputed("RCC.CR", ("SVD",), "00000000 in 010D3B00", "HSION: the chip starts from HSI16"),
    Disputed(
        "RCC.AHBENR", ("SVD",), "00000000 in 00051101",
        "FLASHEN: the chip starts from the flash; so in the headers' LL_AHB1_GRP1_PERIPH_FLASH",
    ),
    Disputed(
        "RCC.*SMENR*", ("SVD",), "",
        "each implemented bit is 1 after a reset, as in ST's file of the G0B1; here it says 0",
    ),
)  # fmt: skip

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line. RAM: datasheets, and
# Table 226 for 0x460.
DIES = (
    Die(
        0x467, "STM32G0B0/0B1/0C1", sram(144),
        [
            registers(
                "33F 3F 00051003 F7FFF3B7 0017D801", "0000003F 00051303 FFFFFFB7 0017D801"
            ),
            upper_exti(0x1F, triggers=True),
        ],
        rom_id=0x1FFF9FFE, ids=(0x92, 0xD0),
        interfaces=(USART1, USART2, USART3, *I2C, *SPI, DFU, *only((0x92,), FDCAN1)),
        notes=(
            PIN_IGNORED,
            Note("USB DFU needs no crystal", (0x92,)),
            Note("USB DFU needs HSE of 8, 12, 16, 32 or 48 MHz; none in package LQFP32", (0xD0,)),
            BANK_2,
            Note(EMPTY_FLAG),
            Note("its Go disables the debug port (FLASH_ACR.DBG_SWEN)", (0x92,)),
        ),
        sectors=(1, 1, 1, 1), options=DUAL_BANK,
        disputed=(
            Disputed(
                "RAM at 20000000", ("stm32flash",), "00020000",
                "stm32flash has what is left of it while parity is checked",
            ),
        ),
    ),
    Die(
        0x460, "STM32G070/071/081", sram(36),
        [
            registers(
                "33B 2F 00051001 F77E4033 0017D801", "0000002F 00051301 FF7E4C33 0017D801"
            ),
            upper_exti(0x03, triggers=False),
        ],
        rom_id=0x1FFF6FFE, ids=(0xB0, 0xB1, 0xB2, 0xB3, 0xB4),
        interfaces=(USART1, USART2, USART3, *I2C, *SPI),
        notes=(
            PIN_IGNORED,
            Note("this ROM is for packages of 64 pins only", (0xB0,)),
            Note("it crashes if the parity check of SRAM is on and SRAM is not written", (0xB2,)),
            Note("USART cannot load option bytes", (0xB2,)),
            Note("erase one sector at a time, and wait 40 ms", (0xB3,)),
            Note("with PC11 low it is slow to answer over I2C", (0xB3,)),
            Note(EMPTY_FLAG, (0xB3, 0xB4)),
        ),
        sectors=(1, 1), options=OPTIONS,
        disputed=(
            Disputed(
                "RCC.IOPRSTR bit 4", ("modm-devices",), "1",
                "the headers of these parts have no port E",
            ),
        ),
    ),
    Die(
        0x456, "STM32G050/051/061", sram(18),
        registers("33B 2F 00051001 F0724033 0017D801", "0000002F 00051301 F8724C33 0017D801"),
        rom_id=0x1FFF1FFE, ids=(0x50, 0x51), interfaces=(USART1_SMALL, USART2, *I2C),
        notes=(PIN_IGNORED, Note("USART2 is not always recognized", (0x50,))),
        sectors=(1, 1), options=OPTIONS,
    ),
    Die(
        0x466, "STM32G030/031/041", sram(8),
        registers("33B 2F 00051001 D0724003 0016D801", "0000002F 00051301 D8724C03 0016D801"),
        rom_id=0x1FFF1FFE, ids=(0x51, 0x52, 0x53, 0x54), interfaces=(USART1_SMALL, USART2, *I2C),
        notes=(
            PIN_IGNORED,
            Note("this ROM is for packages of 32 and 48 pins only", (0x51,)),
            Note("while PA3 is low nothing but USART2 is listened to", (0x51, 0x52)),
        ),
        sectors=(1, 1), options=OPTIONS,
    ),
)  # fmt: skip

FAMILY = Family(
    name="STM32G0",
    core=M0PLUS,
    idcode=0x40015800,  # DBG_BASE of the headers
    idcode_clock=Bit(RCC.APBENR1, 27),  # DBGEN
    vectors=VECTORS,
    rom_end=0x1FFFF000,  # of 0x467, whose ROM is in two pieces; less of the others (Table 226)
    flash=0x08000000,  # FLASH_BASE of the headers
    flash_size=0x1FFF75E0,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FFF7590, 0x1FFF7594, 0x1FFF7598),  # UID_BASE of the headers
    geometry=Geometry((2,)),  # RM0444 3.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (),
        areas=(
            pcrop_area(FLASH.PCROP1ASR, FLASH.PCROP1AER),
            pcrop_area(FLASH.PCROP1BSR, FLASH.PCROP1BER),
            pcrop_area(FLASH.PCROP2ASR, FLASH.PCROP2AER),
            pcrop_area(FLASH.PCROP2BSR, FLASH.PCROP2BER),
        ),
        about=common.PCROP_AREAS,
    ),
    states=(
        common.window_watchdog(FLASH.OPTR),
        # "can only be cleared by reset": HAL_RCC_EnableCSS
        common.clock_security(RCC.CR),
        common.window_watchdog_clock(RCC.APBENR1),
        common.half_a_double_word(FLASH.SR, BUSY),
        State("securable memory is locked (FLASH_CR.SEC_PROT)", (is_set(FLASH.CR, 28),)),
        State("securable memory is locked (FLASH_CR.SEC_PROT2)", (is_set(FLASH.CR, 29),)),
    ),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRP,
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APBENR2, 14)),
        Usart("USART2", 0x40004400, Bit(RCC.APBENR1, 17)),
        Usart("USART3", 0x40004800, Bit(RCC.APBENR1, 18)),
        Usart("USART4", 0x40004C00, Bit(RCC.APBENR1, 19)),
        Usart("USART5", 0x40005000, Bit(RCC.APBENR1, 8)),
        Usart("USART6", 0x40013C00, Bit(RCC.APBENR1, 9)),
        Usart("LPUART1", 0x40008000, Bit(RCC.APBENR1, 20)),
        Usart("LPUART2", 0x40008400, Bit(RCC.APBENR1, 7)),
    ),
    usb=(usb_fs("USB", 0x40005C00, Bit(RCC.APBENR1, 13)),),  # USB_DRD_BASE of the header
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    disputed=DISPUTED,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI, DMAMUX1),
)
