"""STM32U5: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(HAL_RCC_DeInit, LL_EXTI_DeInit, HAL_PWREx_ControlVoltageScaling: values after a reset, order),
register descriptions of its SVD files; AN2606 rev 70 tables 2, 3, 9, 214 to 226 (bootloader). The
chapters of RM0456 say where to read on.

There is no remap: the ROM is entered where it lies, and VTOR names its vector table, as after a
reset that boots from it. MicroPython's machine.bootloader() takes the vector table at 0 here
(mp_machine_bootloader() of ports/stm32/modmachine.c, v1.25.0), where a U5 has no memory.

After a reset SYSCLK is MSIS at 4 MHz, VCORE is in range 4, the flash has no wait state, ICACHE and
DCACHE are off. What a system reset leaves alone stays here too: RCC.BDCR with LSI, the RTC, TAMP,
PWR.BDCR1 and BDCR2, the reset flags, PWR.SR and WUSR (flags), DBGMCU. What software cannot put
back, as only a reset clears it: the window watchdog and its clock, clock security of HSE, locks of
VTOR and the MPU, a half-written quad-word, and MSIRGSEL, which says that the ranges of MSIS and
MSIK are those of ICSCR1: both are 4 MHz then, so a ROM can live with it, and where no reset is
possible it stays.

TrustZone: with TZEN 1 a reset goes through secure code in system memory, which makes what the
bootloader needs non-secure before it starts it (AN2606 4.10, Boot_V3_1). A jump cannot do that.

Not proven: that SYSCFGRST clears the locks in SYSCFG.CFGR2, of which the manual says that a system
reset does; that a bank of the flash that is powered down wakes up when the ROM reads it. What
stays although a reset clears it, as no firmware is known to set it: GTZC, EXTI.LOCKR, and DCACHE2
of the graphics processor, which not every part of a die has. PWR has no reset bit: CR1 to CR5,
SVMCR, WUCR1 to 3, UCPDR, APCR and the pulls are written; which of these only a power-on resets the
SVD files do not say, and 0 is right for all.

Where sources disagree:
- RCC.CFGR2: 00006000 (SVD), that is DPRE where there is a DSI; HAL_RCC_DeInit writes 0.
- RCC.ICSCR3: HSITRIM has 5 bits (headers), 16 (SVD); LL_RCC_DeInit writes 64, which does not fit.
- RCC.AHB1ENR: DCACHE2EN is 1 after a reset (SVD: D0200100 for all dies), where there is one.
- RCC.CR: MSIKON is 1 (SVD); HAL_RCC_DeInit clears it.
- See `disputed` of the family and of the dies, and docs/facts.md.
"""

from __future__ import annotations

from . import common, cortex_m, st_cache
from .family import (
    M33,
    Area,
    AreaProtection,
    Bit,
    Die,
    Disputed,
    Family,
    Interface,
    Note,
    Option,
    Ram,
    State,
    Usart,
    UsartKind,
    bits_of_others,
    is_set,
    otg,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 141  # IRQn_Type of the U5F and U5G, the most of any U5
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)
VECTORS = 0x0BF90000  # AN2606 rev 70 Table 226, every U5

# RM0456 11.8, in the order of the addresses
RCC = Block(
    "RCC", 0x46020C00,
    CR=0x00, ICSCR1=0x08, ICSCR2=0x0C, ICSCR3=0x10, CFGR1=0x1C, CFGR2=0x20, CFGR3=0x24,
    PLL1CFGR=0x28, PLL2CFGR=0x2C, PLL3CFGR=0x30, PLL1DIVR=0x34, PLL1FRACR=0x38,
    PLL2DIVR=0x3C, PLL2FRACR=0x40, PLL3DIVR=0x44, PLL3FRACR=0x48, CIER=0x50, CICR=0x58,
    AHB1RSTR=0x60, AHB2RSTR1=0x64, AHB2RSTR2=0x68, AHB3RSTR=0x6C,
    APB1RSTR1=0x74, APB1RSTR2=0x78, APB2RSTR=0x7C, APB3RSTR=0x80,
    AHB1ENR=0x88, AHB2ENR1=0x8C, AHB2ENR2=0x90, AHB3ENR=0x94,
    APB1ENR1=0x9C, APB1ENR2=0xA0, APB2ENR=0xA4, APB3ENR=0xA8,
    AHB1SMENR=0xB0, AHB2SMENR1=0xB4, AHB2SMENR2=0xB8, AHB3SMENR=0xBC,
    APB1SMENR1=0xC4, APB1SMENR2=0xC8, APB2SMENR=0xCC, APB3SMENR=0xD0,
    SRDAMR=0xD8, CCIPR1=0xE0, CCIPR2=0xE4, CCIPR3=0xE8, BDCR=0xF0, CSR=0xF4, PRIVCFGR=0x114,
)  # fmt: skip
PRIVILEGED = [f"PRIVBB{bank}R{n}" for bank in (1, 2) for n in range(1, 9)]
# RM0456 7.9
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, NSKEYR=0x08, NSSR=0x20, NSCR=0x28, ECCR=0x30, OPTR=0x40, NSBOOTADD0R=0x44,
    WRP1AR=0x58, WRP1BR=0x5C, WRP2AR=0x68, WRP2BR=0x6C, PRIVCFGR=0xC4,
    **{name: 0xD0 + 4 * i for i, name in enumerate(PRIVILEGED)},
)  # fmt: skip
PULLS = [f"P{way}CR{port}" for port in "ABCDEFGHIJ" for way in "UD"]
# RM0456 10.10
PWR = Block(
    "PWR", 0x46020800,
    CR1=0x00, CR2=0x04, CR3=0x08, VOSR=0x0C, SVMCR=0x10, WUCR1=0x14, WUCR2=0x18, WUCR3=0x1C,
    DBPR=0x28, UCPDR=0x2C, PRIVCFGR=0x34, SVMSR=0x3C, APCR=0x4C, CR4=0xA8, CR5=0xAC,
    **{name: 0x50 + 4 * i for i, name in enumerate(PULLS)},
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x46000400, CNSLCKR=0x0C)  # RM0456 15.3
# RM0456 23.6
EXTI = Block(
    "EXTI", 0x46022000,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, RPR1=0x0C, FPR1=0x10, PRIVCFGR1=0x18,
    EXTICR1=0x60, EXTICR2=0x64, EXTICR3=0x68, EXTICR4=0x6C, IMR1=0x80, EMR1=0x84,
)  # fmt: skip

MSISON, MSISRDY, MSIKON, MSIKRDY = 1 << 0, 1 << 2, 1 << 4, 1 << 5  # RCC.CR
MSI, MSI_READY = MSISON | MSIKON, MSISRDY | MSIKRDY
# HSI48RDY, SHSIRDY, HSERDY. Not HSIRDY: a UCPD, which runs from HSI16, may keep it on until RSTR
# resets it; else it falls within 6 cycles
OTHERS_READY = 1 << 13 | 1 << 15 | 1 << 17
PLLS_READY = 1 << 25 | 1 << 27 | 1 << 29
MSI_RANGES, MSIBIAS, MSI_4_MHZ = 0xFF << 24, 1 << 22, 0x44 << 24  # RCC.ICSCR1
STARTUP_RANGES, STARTUP_4_MHZ = 0xFF << 8, 0x44 << 8  # RCC.CSR; RMVF is 0
SW, SWS = 3, 3 << 2  # RCC.CFGR1
DPRE = 6 << 12  # RCC.CFGR2
AHB3DIS = 1 << 16  # RCC.CFGR3
FLASHEN, DCACHE1EN, PWREN = 1 << 8, 1 << 30, 1 << 2  # RCC.AHB1ENR, AHB3ENR
VOSRDY, BOOSTERS = 1 << 15, 5 << 18  # PWR.VOSR: BOOSTEN, USBBOOSTEN
REGS = 1 << 1  # PWR.SVMSR
ERASE_TRIES = 0x100000  # 2 s; HAL_FLASH waits 1 s for the erase of a bank
BSY = 1 << 16  # FLASH.NSSR
LOCKED = 3 << 30  # FLASH.NSCR: OPTLOCK, LOCK

# Why no state misses these steps (see Step.unnoticed)
NO_CLOCK_NEEDED = "the boosters of the bench need no clock"
REGULATES_SOON = "on the bench it regulates 10 us later, and the next steps take as long at 4 MHz"
MSI_ELSEWHERE = "MSI is not at 4 MHz only with MSIRGSEL, which no jump clears: states go by reset"

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "clocks (RM0456 11.8; order: HAL_RCC_DeInit)",
    change(RCC.CR, set=MSI),
    wait(RCC.CR, MSI_READY, MSI_READY),  # the ranges must not change before
    change(RCC.ICSCR1, clear=MSI_RANGES | MSIBIAS, set=MSI_4_MHZ),
    change(RCC.CFGR1, clear=SW),  # SYSCLK from MSIS
    wait(RCC.CFGR1, SWS, 0),
    fill(RCC.CCIPR1, 0, 3),  # while the clocks run that were selected: a switch needs both
    change(RCC.CFGR3, clear=AHB3DIS),  # PWR is on that bus
    change(RCC.AHB3ENR, set=PWREN),
    wait(RCC.AHB3ENR, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    "clocks (RM0456 11.8)",
    change(PWR.VOSR, clear=BOOSTERS, unnoticed=NO_CLOCK_NEEDED),  # they run from PLL1's input
    write(RCC.CR, MSI | MSI_READY),  # HSI16, HSI48, SHSI, HSE and every PLL off
    wait(RCC.CR, OTHERS_READY | PLLS_READY, 0),
    write(RCC.CR, MSI | MSI_READY),  # again: HSEBYP and HSEEXT yield only while HSE is off
    "power (RM0456 10.5.4, 10.10): range 4 is enough for 4 MHz, but not for a PLL",
    write(PWR.VOSR, VOSRDY),  # which is read-only
    row(dict.fromkeys((PWR.CR1, PWR.CR2, PWR.CR3, PWR.SVMCR, PWR.WUCR1, PWR.WUCR2), 0)),
    row(dict.fromkeys((PWR.WUCR3, PWR.DBPR, PWR.UCPDR, PWR.PRIVCFGR, PWR.APCR), 0)),
    wait(PWR.SVMSR, REGS, 0, unnoticed=REGULATES_SOON),  # the linear regulator
    fill(PWR.PUCRA, 0, 16),  # of the ports A to H
    "clocks (RM0456 11.8)",
    write(RCC.ICSCR2, 0x84210),
    write(RCC.ICSCR3, 16 << 16),
    row(
        {
            **{RCC.CFGR1: 0, RCC.CFGR2: DPRE, RCC.CFGR3: 0},
            **dict.fromkeys((RCC.PLL1CFGR, RCC.PLL2CFGR, RCC.PLL3CFGR), 0),
            **dict.fromkeys((RCC.PLL1DIVR, RCC.PLL2DIVR, RCC.PLL3DIVR), 0x01010280),
            **dict.fromkeys((RCC.PLL1FRACR, RCC.PLL2FRACR, RCC.PLL3FRACR), 0),
            RCC.CIER: 0,
        }
    ),
    write(RCC.PRIVCFGR, 0),
    change(RCC.CSR, clear=STARTUP_RANGES, set=STARTUP_4_MHZ, unnoticed=MSI_ELSEWHERE),
    "flash (RM0456 7.3, 7.9)",
    change(RCC.AHB1ENR, set=FLASHEN | DCACHE1EN),  # off, if the flash was powered down
    wait(FLASH.NSSR, BSY, 0, tries=ERASE_TRIES),  # a running erase ends first
    write(FLASH.ACR, 0),  # no wait states, no prefetch, no low-power read
    write(FLASH.NSSR, 0x20FB),  # flags
    write(FLASH.ECCR, 0xC0000000),  # flags, and no interrupt
    write(FLASH.NSCR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.NSKEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.NSKEYR, 0xCDEF89AB),  # was locked (PG, EOPIE) stays;
    write(FLASH.NSCR, LOCKED),  # cleared and locked; option bytes as they are
    write(FLASH.PRIVCFGR, 0),
    st_cache.icache_off(),
    st_cache.dcache_off(st_cache.DCACHE1),
]  # fmt: skip

AFTER: Script = [
    "exti (RM0456 23.6)",
    fill(EXTI.RTSR1, 0, 3),
    fill(EXTI.RPR1, 0xFFFFFFFF, 2),
    write(EXTI.PRIVCFGR1, 0),
    fill(EXTI.EXTICR1, 0, 4),
    fill(EXTI.IMR1, 0, 2),
    cortex_m.armv8m(mpu_regions=REGIONS, fpu=True, vtor=VECTORS),
    cortex_m.nothing_pending(IRQS),
]

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral. Then ENR and SMENR. The bits of RSTR and
# SMENR are those of the headers of all parts of a die; ENR: memories, and the flash.
PULSED = "CICR AHB1RSTR AHB2RSTR1 AHB2RSTR2 AHB3RSTR APB1RSTR1 APB1RSTR2 APB2RSTR APB3RSTR"
ENABLES = "AHB1ENR AHB2ENR1 AHB2ENR2 AHB3ENR APB1ENR1 APB1ENR2 APB2ENR APB3ENR"
LOW_POWER = """AHB1SMENR AHB2SMENR1 AHB2SMENR2 AHB3SMENR APB1SMENR1 APB1SMENR2 APB2SMENR
               APB3SMENR"""


def registers(pulsed: str, enables: str, low_power: str) -> Script:
    """A die's rows of RCC."""
    clocks = columns(ENABLES, RCC, enables) | columns(LOW_POWER, RCC, low_power)
    return [
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row(clocks | {RCC.SRDAMR: 0}),
    ]


def privileged(words: int) -> Script:
    """Pages for privileged code alone: words of each bank."""
    return [
        "flash (RM0456 7.9)",
        fill(FLASH.PRIVBB1R1, 0, words),
        fill(FLASH.PRIVBB2R1, 0, words),
    ]


def more_power(ports: str, *, sram6: bool = False) -> Script:
    """The pulls of the ports behind H, and the registers for memories that the U575 has not."""
    more: Script = [write(PWR.CR4, 0)] if "J" in ports else []
    return ["power (RM0456 10.10)", fill(PWR.PUCRI, 0, 2 * len(ports)), more,
            [write(PWR.CR5, 0)] if sram6 else []]  # fmt: skip


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI, CAN TX/RX.
USART2 = Interface("USART2", "PA2/PA3")
REST = (
    Interface("USART3", "PC10/PC11"),
    Interface("I2C1", "PB6/PB7"),
    Interface("I2C2", "PB10/PB11"),
    Interface("I2C3", "PC0/PC1"),
    Interface("SPI1", "PA4-PA7"),
    Interface("SPI2", "PB12-PB15"),
    Interface("SPI3", "PG12/PG9-PG10/PB5"),
    Interface("FDCAN1", "PB9/PB8"),
    Interface("USB DFU", "PA11/PA12"),
)
SMALL = (Interface("USART1", "PA9/PA10"), *REST)
EVERY = (SMALL[0], USART2, *REST)

HSI48 = Note("USB DFU needs no crystal (HSI48)")
# AN2606 rev 70 tables 220, 223
HIGH_SPEED = Note(
    "USB DFU needs a crystal on HSE of 8, 12, 16, 20, 24, 26 or 32 MHz, as it is high-speed: with "
    "a USB cable and none it resets the chip"
)
# AN2606 rev 70 tables 216, 219, 222, 225
FDCAN = Note("over FDCAN Readout Unprotect does not answer with its command")


def pages(register: str, second_bank: bool) -> Area:
    """The first page in bits 7:0, the last one in bits 23:16 (RM0456 7.9.24)."""
    return Area(getattr(FLASH, register), getattr(FLASH, register), 16, 0xFF, second_bank)


OPTIONS = (
    common.watchdog(FLASH.OPTR, 16, "IWDG_SW"),
    # AN2606 Table 2, pattern 12
    Option(
        FLASH.OPTR, 26, 0,
        "nSWBOOT0 and nBOOT0 are 0: no reset starts the flash, but what NSBOOTADD1 names, as "
        "delivered the ROM, until nBOOT0 is 1 again",
        bits=2,
    ),
    Option(
        FLASH.NSBOOTADD0R, 7, VECTORS >> 7,
        "NSBOOTADD0 is 0x0BF90000: no reset starts the flash, but the ROM",
        bits=25,
    ),
    Option(
        FLASH.OPTR, 20, 1,
        "the banks are swapped (SWAP_BANK is 1): 0x08000000 is bank 2; addresses of protected "
        "pages here are without the swap",
    ),
    Option(
        FLASH.OPTR, 21, 0,
        "DUALBANK is 0: a chip with 1 MiB or less has one bank",
    ),
    Option(FLASH.OPTR, 31, 1, "TrustZone is on (TZEN is 1)"),
    # OB_USER_SRAM_RST of stm32u5xx_hal_flash.h: all but SRAM2
    common.erased_by_reset(FLASH.OPTR, 15, "SRAM_RST", "SRAM1 and what follows SRAM2"),
)  # fmt: skip

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x482, "STM32U575/585", (Ram(0x20000000, 768 * 1024),),
        [
            privileged(4),
            more_power("I"),
            registers(
                "1DFF 7100F 19BF55FF 111 661 17E403F 800222 677800 10F8E2",
                "D0000100 C0000000 0 80000000 0 0 0 0",
                "F107110F D9BF55FF 111 80001665 17E483F 800222 677800 30F8E2",
            ),
        ],
        rom_id=0x0BF99EFE, ids=(0x92, 0x93), interfaces=EVERY,
        notes=(
            HSI48,
            Note("for USB, VDDUSB must be at 3.3 V"),
            Note("it cannot change RDP and secure option bytes at the same time", (0x92,)),
            FDCAN,
        ),
        sectors=(1, 1, 1, 1), options=OPTIONS,
    ),
    Die(
        0x481, "STM32U595/599/5A5/5A9", (Ram(0x20000000, 2496 * 1024),),
        [
            privileged(8),
            more_power("IJ"),
            registers(
                "1DFF 1F100F 19BF57FF 1111 661 37E403F 8002E2 C677800 10F8E2",
                "D0200100 C0000000 80000000 80000000 0 0 0 0",
                "F13F110F D9BFD7FF 80001111 80001665 37E483F 8002E2 C677800 30F8E2",
            ),
        ],
        rom_id=0x0BF99EFE, ids=(0x92,), interfaces=EVERY, notes=(HIGH_SPEED, FDCAN),
        sectors=(1, 1, 1, 1), options=OPTIONS,
    ),
    Die(
        0x455, "STM32U535/545", (Ram(0x20000000, 256 * 1024),),
        [
            privileged(1),
            registers(
                "1DFF 3100F 89F14DF 10 661 17C403F 222 1277800 10F8E2",
                "D0000100 40000000 0 80000000 0 0 0 0",
                "F103110F 489F14DF 10 80001665 17C483F 222 1277800 30F8E2",
            ),
        ],
        rom_id=0x0BF99EFE, ids=(0x91,), interfaces=SMALL, notes=(HSI48, FDCAN),
        sectors=(1, 1, 1, 1), options=OPTIONS,
        disputed=(
            *bits_of_others(
                "AHB1RSTR 15 18 19 20, AHB2RSTR1 5 8 9 14 21 24 28, AHB2RSTR2 0 8 12, "
                "APB1RSTR1 17 25, APB1RSTR2 6 7 23, APB2RSTR 22 25 26 27"
            ),
            Disputed(
                "RCC.AHB?ENR*", ("SVD",), "",
                "the file has the values of larger parts: these have no DCACHE2, SRAM3 and SRAM5 "
                "(headers)",
            ),
        ),
    ),
    Die(
        0x476, "STM32U5F7/5F9/5G7/5G9", (Ram(0x20000000, 3008 * 1024),),
        [
            privileged(8),
            more_power("IJ", sram6=True),
            registers(
                "1DFF 1F900F 19BF57FF 1111 661 37E403F 8002E2 E677800 10F8E2",
                "D0200100 C0000000 C0000000 80000000 0 0 0 0",
                "F13F910F D9BFD7FF C0001111 80001665 37E483F 8002E2 E677800 30F8E2",
            ),
        ],
        rom_id=0x0BF99EFE, ids=(0x90,), interfaces=EVERY, notes=(HIGH_SPEED, FDCAN),
        sectors=(1, 1, 1, 1), options=OPTIONS,
        disputed=(
            *bits_of_others("APB2RSTR 24"),
            Disputed(
                "RCC.AHB2ENR2", ("SVD",), "80000000 in C0001111",
                "SRAM6EN is taken to be 1 as the clocks of SRAM1 to SRAM5 are; the file has the "
                "value of the U59x, which has no SRAM6",
            ),
        ),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR1, slot))


FAMILY = Family(
    name="STM32U5",
    core=M33,
    idcode=0xE0044000,  # DBGMCU_BASE of the headers
    vectors=VECTORS,
    rom_end=0x0BFA0000,
    flash=0x08000000,  # FLASH_BASE_NS of the headers
    flash_size=0x0BFA07A0,  # FLASHSIZE_BASE of the headers
    unique_id=(0x0BFA0700, 0x0BFA0704, 0x0BFA0708),  # UID_BASE of the headers
    geometry=Geometry((8,)),  # RM0456 7.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0; 0x55 is level 0.5, of TrustZone
    protection_shift=0,
    states=(
        State(
            "TrustZone is on (TZEN is 1), and only secure code in the ROM, after a reset, can "
            "make what the bootloader needs non-secure (AN2606 4.10)",
            (is_set(FLASH.OPTR, 31),),
            lasting=True,
        ),
        common.window_watchdog(FLASH.OPTR),
        common.window_watchdog_clock(RCC.APB1ENR1),
        common.clock_security(RCC.CR),
        State(
            "a quad-word of the flash is half written (FLASH_NSSR.WDW)", (is_set(FLASH.NSSR, 17),)
        ),
        State("VTOR is locked (SYSCFG_CNSLCKR)", (is_set(SYSCFG.CNSLCKR, 0),)),
        State("the MPU is locked (SYSCFG_CNSLCKR)", (is_set(SYSCFG.CNSLCKR, 1),)),
        State(
            "the ranges of MSI are those of RCC_ICSCR1 (MSIRGSEL)",
            (is_set(RCC.ICSCR1, 23),),
            harmless=True,
        ),
    ),
    lsi=RCC.BDCR,
    lsi_bit=26,
    nsbootadd0=True,
    iwdg=0x40003000,  # IWDG_BASE_NS of the headers
    write_protection=AreaProtection(
        (
            *(pages(register, False) for register in ("WRP1AR", "WRP1BR")),
            *(pages(register, True) for register in ("WRP2AR", "WRP2BR")),
        ),
        page_kib=8,  # FLASH_PAGE_SIZE of the headers
    ),
    usart_kind=UsartKind.V2,
    usarts=(
        *(apb1("USART2", 17), apb1("USART3", 18), apb1("UART4", 19), apb1("UART5", 20)),
        apb1("USART6", 25),
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        Usart("LPUART1", 0x46002400, Bit(RCC.APB3ENR, 6)),
    ),
    usb=(
        # USB_OTG_FS_BASE_NS, USB_OTG_HS_BASE_NS; on the U535 that bit enables nothing
        otg("OTG", 0x42040000, Bit(RCC.AHB2ENR1, 14)),
        # USB_DRD_BASE_NS of the U535; on the others that bit enables nothing
        usb_fs("USB", 0x40016000, Bit(RCC.APB2ENR, 24)),
    ),
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI, st_cache.ICACHE, st_cache.DCACHE1),
    disputed=(
        Disputed(
            "RAM at 20000000", ("stlink",), "",
            "stlink adds SRAM4 and the backup SRAM, which are elsewhere; headers: SRAM1_SIZE to "
            "SRAM6_SIZE",
        ),
        Disputed(
            "RCC.AHB3RSTR bit 0", ("modm-devices",), "0",
            "LPGPIO1 (headers: RCC_AHB3RSTR_LPGPIO1RST)",
        ),
        Disputed("FLASH.ECCR", ("SVD",), "00000000 in C17FFFFF", "ones clear its flags"),
        Disputed(
            "RCC.*SMENR*", ("SVD",), "",
            "each implemented bit is 1 after a reset; the files have the bits of all the family",
        ),
    ),
)  # fmt: skip
