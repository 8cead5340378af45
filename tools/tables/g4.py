"""STM32G4: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_EXTI_DeInit: values after a reset, order); AN2606 rev 70 tables
2, 3, 115 to 120 and 226 (bootloader). The chapters of RM0440 say where to read on; it was not at
hand.

After a reset SYSCLK is HSI16, VCORE is in range 1 without boost, both caches of the flash are on.
What a system reset leaves alone stays here too: RCC.BDCR, RTC and TAMP, the reset flags, and
DBGMCU, of which only a power-on reset clears anything. What software cannot put back, as only a
reset clears it, is what `states` looks at: clock security, the clock of the window watchdog, the
lock of the securable memory.

A row has the bits of all headers with its DEV_ID (G471 to G484); a part ignores those that it has
not got. G411 and G414 are in modm-devices only, with the DEV_ID of their elder brothers.

Where sources disagree, beside `disputed` (docs/facts.md):
- FLASH.ACR: 1 wait state and DBG_SWEN after a reset (newer public SVD files), or neither (older).
  16 MHz need no wait state, and one does no harm.
- EXTI.IMR1: that of LL_EXTI_DeInit has a 1 for each line without an edge detector, and no other;
  public SVD files have 17, too, and not 18. IMR2: such lines of the headers, as LL_EXTI_DeInit.
- PWR.CR3 to CR5, PUCRx and PDCRx: that PWRRST resets them too is not certain (on an STM32L4 it
  does not: RM0351 5.4), so they are written.
- The jump: AN2606 4.1 says that it works on dual bank devices once system memory is mapped to 0.
  Of ROM 13.5 of the G47x and G48x one user reports that it looks at the boot options all the same
  and does not stay, which ST's staff does not confirm (community.st.com, td-p/649166).
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
    bits_of_others,
    is_set,
    usb_fs,
)
from .geometry import Geometry, Other
from .language import Block, Register, Script, change, columns, fill, row, wait, write

IRQS = 102  # IRQn_Type of the headers
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)
VECTORS = 0x1FFF0000  # AN2606 rev 70 Table 226

RCC = Block(
    "RCC", 0x40021000,
    CR=0x00, ICSCR=0x04, CFGR=0x08, PLLCFGR=0x0C, CIER=0x18, CIFR=0x1C, CICR=0x20,
    AHB1RSTR=0x28, AHB2RSTR=0x2C, AHB3RSTR=0x30, APB1RSTR1=0x38, APB1RSTR2=0x3C, APB2RSTR=0x40,
    AHB1ENR=0x48, AHB2ENR=0x4C, AHB3ENR=0x50, APB1ENR1=0x58, APB1ENR2=0x5C, APB2ENR=0x60,
    AHB1SMENR=0x68, AHB2SMENR=0x6C, AHB3SMENR=0x70,
    APB1SMENR1=0x78, APB1SMENR2=0x7C, APB2SMENR=0x80,
    CCIPR=0x88, BDCR=0x90, CSR=0x94, CRRCR=0x98, CCIPR2=0x9C,
)  # fmt: skip
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, KEYR=0x08, SR=0x10, CR=0x14, OPTR=0x20,
    PCROP1SR=0x24, PCROP1ER=0x28, WRP1AR=0x2C, WRP1BR=0x30,
    PCROP2SR=0x44, PCROP2ER=0x48, WRP2AR=0x4C, WRP2BR=0x50, SEC1R=0x70,
)  # fmt: skip
PWR = Block(
    "PWR", 0x40007000,
    CR1=0x00, CR2=0x04, CR3=0x08, CR4=0x0C, SR2=0x14,
    PUCRA=0x20, PDCRA=0x24, PUCRB=0x28, PDCRB=0x2C, PUCRC=0x30, PDCRC=0x34, PUCRD=0x38, PDCRD=0x3C,
    PUCRE=0x40, PDCRE=0x44, PUCRF=0x48, PDCRF=0x4C, PUCRG=0x50, PDCRG=0x54, CR5=0x80,
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x40010000, MEMRMP=0x00)
EXTI = Block(
    "EXTI", 0x40010400,
    IMR1=0x00, EMR1=0x04, RTSR1=0x08, FTSR1=0x0C, SWIER1=0x10, PR1=0x14,
    IMR2=0x20, EMR2=0x24, RTSR2=0x28, FTSR2=0x2C, SWIER2=0x30, PR2=0x34,
)  # fmt: skip

HSION, HSIRDY = 1 << 8, 1 << 10  # RCC.CR
HSERDY, PLLRDY, HSI48RDY = 1 << 17, 1 << 25, 1 << 1  # RCC.CR, RCC.CRRCR
HSI_ONLY = HSION | HSIRDY
SW, SWS, HSI, FROM_HSI, HALVED = 3, 3 << 2, 1, 1 << 2, 8 << 4  # RCC.CFGR; HALVED: of HPRE
LSION = 1 << 0  # RCC.CSR
PWREN, RTCAPBEN = 1 << 28, 1 << 10  # RCC.APB1ENR1
SYSCFGEN, FLASHEN = 1 << 0, 1 << 8  # RCC.APB2ENR, RCC.AHB1ENR
REGLPF, VOSF = 1 << 9, 1 << 10  # PWR.SR2
BSY = 1 << 16  # FLASH.SR
LOCKED = 3 << 30  # FLASH.CR: LOCK, OPTLOCK
ERASE_TRIES = 0x100000  # a mass erase takes some 25 ms (datasheets)
MEM_MODE, SYSTEM_MEMORY = 7, 1  # SYSCFG.MEMRMP

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "power (RM0440 PWR): no low-power run, which is for 2 MHz and less; range 1",
    change(RCC.APB1ENR1, set=PWREN),
    wait(RCC.APB1ENR1, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(PWR.CR1, 0x200),
    wait(PWR.SR2, REGLPF | VOSF, 0, unnoticed="the next steps take longer than the regulator"),
    "clocks (RM0440 RCC; order: HAL_RCC_DeInit)",
    change(RCC.CFGR, set=HALVED),  # from above 80 MHz in two steps (HAL_RCC_ClockConfig)
    change(RCC.CR, set=HSION),
    wait(
        RCC.CR, HSIRDY, HSIRDY,
        unnoticed="the clock switch waits for HSI by itself, and SWS for both",
    ),
    write(RCC.ICSCR, 0x40000000),  # HSITRIM 64; the calibration is read-only
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CCIPR2, 0),  # reserved on 0x468
    change(RCC.CFGR, clear=SW, set=HSI),  # SYSCLK from HSI16
    wait(RCC.CFGR, SWS, FROM_HSI),
    write(RCC.CR, HSI_ONLY),  # HSE, PLL off
    write(RCC.CRRCR, 0),  # HSI48 off
    wait(RCC.CR, HSERDY | PLLRDY, 0),
    write(RCC.CR, HSI_ONLY),  # again: HSEBYP yields only while HSE is off
    write(RCC.PLLCFGR, 0x1000),  # yields only while the PLL is off
    write(RCC.CFGR, HSI | FROM_HSI),  # no prescalers, MCO
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSION),  # with RMVF 0
    "flash (RM0440 FLASH)",
    change(RCC.AHB1ENR, set=FLASHEN),  # off, if the flash was powered down
    wait(FLASH.SR, BSY, 0, tries=ERASE_TRIES),  # a running erase ends first
    write(FLASH.ACR, 0x40001),  # 1 wait state, caches off,
    write(FLASH.ACR, 0x41801),  # emptied (ICRST, DCRST),
    write(FLASH.ACR, 0x40601),  # and on again
    write(FLASH.SR, 0xC3FB),  # flags
    write(FLASH.CR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked (PG, PER, EOPIE) stays;
    write(FLASH.CR, LOCKED),  # cleared and locked
    "power: what no bit of RSTR is known to reset",
    write(PWR.CR3, 0x8000),
    write(PWR.CR4, 0),
    fill(PWR.PUCRA, 0, 14),
    write(PWR.CR5, 0x100),  # no boost: not while HCLK is above 150 MHz
]  # fmt: skip

AFTER: Script = [
    "exti (RM0440 EXTI)",
    write(EXTI.IMR1, 0x1F840000),
    fill(EXTI.EMR1, 0, 4),  # EMR1, RTSR1, FTSR1, SWIER1
    write(EXTI.PR1, 0xFFFFFFFF),
    fill(EXTI.EMR2, 0, 4),
    write(EXTI.PR2, 0xFFFFFFFF),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=True),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0440 SYSCFG)",
    write(RCC.APB2ENR, SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APB2ENR, 0),
]

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral. Then SMENR. ENR is the same on all; APB2ENR
# is last, for the remap.
PULSED = "   AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR1 APB1RSTR2 APB2RSTR"
LOW_POWER = "AHB1SMENR AHB2SMENR AHB3SMENR APB1SMENR1 APB1SMENR2 APB2SMENR"
ENABLES = "  AHB1ENR AHB2ENR AHB3ENR APB1ENR1 APB1ENR2"


def registers(imr2: int, pulsed: str, low_power: str) -> Script:
    """A die's part of the script."""
    reset = columns(ENABLES, RCC, f"{FLASHEN:X} 0 0 {RTCAPBEN:X} 0")
    return [
        "peripherals",
        row({RCC.CICR: 0x73B} | columns(PULSED, RCC, pulsed), pulsed=True),
        row(reset | columns(LOW_POWER, RCC, low_power)),
        "exti (RM0440 EXTI)",
        write(EXTI.IMR2, imr2),
    ]


def sram(kib: int) -> tuple[Ram, ...]:
    """SRAM1, SRAM2 and, without a gap, CCM SRAM where the system bus has it (headers)."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI.
I2C4 = Interface("I2C4", "PC6/PC7")
BASIC = (
    Interface("USART1", "PA9/PA10"),
    Interface("USART2", "PA2/PA3"),
    Interface("USART3", "PC10/PC11"),
    Interface("I2C2", "PC4/PA8"),
    Interface("I2C3", "PC8/PC9"),
    Interface("SPI1", "PA4-PA7"),
    Interface("SPI2", "PB12-PB15"),
    Interface("USB DFU", "PA11/PA12"),
)
CRYSTAL = Note("USB DFU needs no crystal")


def area(register: Register, second_bank: bool) -> Area:
    """Pages: the first in bits 7:0, the last in bits 23:16. The G491 has 256 in its one bank, so
    it needs all 8 bits, as its SVD file has them; its header has 7, as that of the G474."""
    return Area(register, register, 16, 0xFF, second_bank)


WRP = AreaProtection(
    (
        *(area(register, False) for register in (FLASH.WRP1AR, FLASH.WRP1BR)),
        *(area(register, True) for register in (FLASH.WRP2AR, FLASH.WRP2BR)),
    ),
    page_kib=2,  # FLASH_PAGE_SIZE of the HAL; FLASH_PAGE_SIZE_128_BITS is twice that
)
DBANK = Bit(FLASH.OPTR, 22)  # if it is 0 WRP2xR is of all the flash (RM0440 3.4.1)

OPTIONS = (
    common.watchdog(FLASH.OPTR, 16, "IWDG_SW"),
    Option(
        FLASH.OPTR, 26, 0b00,  # nSWBOOT0, nBOOT0
        "nSWBOOT0 and nBOOT0 are 0: every reset starts the ROM, until nBOOT0 is 1 again",
        bits=2,
    ),
    Option(
        FLASH.SEC1R, 16, 1,
        "BOOT_LOCK is 1: every reset starts the flash, and BOOT0 does not matter: if an update "
        "breaks off, no reset leads to the ROM",
    ),
    # CCM is the end of SRAM; headers: FLASH_OPTR_CCMSRAM_RST
    common.erased_by_reset(FLASH.OPTR, 25, "CCMSRAM_RST", "CCM SRAM"),
)  # fmt: skip
# AN2606 Table 2 pattern 14, figures 69 and 70; headers: OPTR.BFB2, MEMRMP.FB_MODE
DUAL_BANK = (
    *OPTIONS,
    common.dual_boot(FLASH.OPTR, 20),
    common.bank_2_runs(SYSCFG.MEMRMP, 8),
)  # fmt: skip

# RM0440 3.3.1, 3.7.8 (OPTR.DBANK), 3.4.1: without two banks 128 bits are read at once, and
# pages are twice as large
TWO_BANKS = Geometry((2,), other=Other(Geometry((4,)), 0, FLASH.OPTR.address, 22, 0x1FFF7800, 22))

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x469, "STM32G414/471/473/474/483/484", sram(128),
        registers(
            0x43C,
            "0000101F 050F607F 101 D2FEC13F 103 0437F801",
            "0000131F 050F667F 101 D2FECD3F 103 0437F801",
        ),
        rom_id=0x1FFF6FFE, ids=(0xD3, 0xD4, 0xD5), interfaces=(*BASIC, I2C4),
        notes=(
            CRYSTAL,
            Note("boot from bank 2 (BFB2) does not work", (0xD3,)),
            Note(
                "AN2606 says that it stays when it is jumped into; one user reports that it looks "
                "at the boot options and does not, which ST's staff does not confirm",
                (0xD5,),
            ),
        ),
        sectors=(1, 1, 1, 1), dual_bank=DBANK, options=DUAL_BANK, geometry=TWO_BANKS,
    ),
    Die(
        0x468, "STM32G411/431/441", sram(32),
        registers(
            0x34,
            "0000101F 0505207F - D2EEC137 101 00277801",
            "0000131F 0505267F - D2EECD37 101 00277801",
        ),
        rom_id=0x1FFF6FFE, ids=(0xD3, 0xD4), interfaces=BASIC, notes=(CRYSTAL,),
        sectors=(1, 1), options=OPTIONS,
        disputed=bits_of_others(
            "AHB2RSTR 14 17 19, APB1RSTR1 3 20, APB1RSTR2 1, APB2RSTR 15 20 26"
        ),
    ),
    Die(
        0x479, "STM32G411/491/4A1", sram(112),
        registers(
            0x3C,
            "0000101F 0505607F 100 D2FEC137 101 00377801",
            "0000131F 0505667F 100 D2FECD37 101 00377801",
        ),
        rom_id=0x1FFF6FFE, ids=(0xD2,), interfaces=BASIC, notes=(CRYSTAL,),
        sectors=(1, 1), options=OPTIONS,
        disputed=bits_of_others(
            "AHB2RSTR 17 19, AHB3RSTR 0, APB1RSTR1 3, APB1RSTR2 1, APB2RSTR 15 26"
        ),
    ),
)  # fmt: skip

DISPUTED: tuple[Disputed, ...] = (
    Disputed(
        "RCC.AHB1RSTR bit 8", ("SVD", "modm-devices", "bench", "collection"), "1",
        "left out: FLASHRST works only while the flash is powered down, so the flash interface "
        "goes back register by register",
    ),
    Disputed(
        "RAM at 20000000", ("modm-devices", "stm32flash"), "",
        "they count CCM SRAM for itself, which follows without a gap (headers; of the G49x AN2606 "
        "rev 70 Table 226 counts it too)",
    ),
    Disputed(
        "RCC.*SMENR*", ("SVD", "collected SVD"), "",
        "each implemented bit is 1 after a reset; the SVD files forget that of FMAC, and have "
        "those of all the family",
    ),
    Disputed("RCC.CR", ("SVD",), "00000000 in 010D0300", "HSION: the chip starts from HSI16"),
    Disputed(
        "EXTI.IMR?", ("SVD", "collected SVD"), "",
        "as LL_EXTI_DeInit: 1 for each line without an edge detector, and no other",
    ),
)  # fmt: skip

FAMILY = Family(
    name="STM32G4",
    core=M4,
    idcode=0xE0042000,  # DBGMCU_BASE of the headers
    vectors=VECTORS,
    rom_end=0x1FFF7000,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # FLASH_BASE of the headers
    flash_size=0x1FFF75E0,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FFF7590, 0x1FFF7594, 0x1FFF7598),  # UID_BASE of the headers
    geometry=Geometry((2,)),  # RM0440 3.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (),
        areas=(
            Area(FLASH.PCROP1SR, FLASH.PCROP1ER, 0, 0xFFFF),
            Area(FLASH.PCROP2SR, FLASH.PCROP2ER, 0, 0xFFFF),
        ),
        about=common.PCROP_AREAS,
    ),
    states=(
        common.window_watchdog(FLASH.OPTR),
        # "can only be cleared by reset": HAL_RCC_EnableCSS
        common.clock_security(RCC.CR),
        common.window_watchdog_clock(RCC.APB1ENR1),
        State("securable memory is locked (FLASH_CR.SEC_PROT1)", (is_set(FLASH.CR, 28),)),
        State("securable memory is locked (FLASH_CR.SEC_PROT2)", (is_set(FLASH.CR, 29),)),
    ),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRP,
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        Usart("USART2", 0x40004400, Bit(RCC.APB1ENR1, 17)),
        Usart("USART3", 0x40004800, Bit(RCC.APB1ENR1, 18)),
        Usart("UART4", 0x40004C00, Bit(RCC.APB1ENR1, 19)),
        Usart("UART5", 0x40005000, Bit(RCC.APB1ENR1, 20)),
        Usart("LPUART1", 0x40008000, Bit(RCC.APB1ENR2, 0)),
    ),
    usb=(usb_fs("USB", 0x40005C00, Bit(RCC.APB1ENR1, 23)),),  # USB_BASE of the headers
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    disputed=DISPUTED,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
)
