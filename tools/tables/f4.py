"""STM32F4: one row for each die, and the way back to reset that all of them share.

Sources: RM0090 rev 19 (F405 to F439), RM0368 (F401), RM0383 (F411), RM0386 (F469), RM0390 (F446),
RM0402 (F412), RM0430 (F413), chapters RCC, PWR, FLASH, SYSCFG, EXTI; AN2606 rev 70 (bootloader);
ST's CMSIS device headers (bits that a die implements).

Where sources disagree:
- See `disputed` of the family and of the dies, and docs/facts.md.
- RSTR: the SVD files forget SPI4 (F401, F411), SPI5 (F411) and CEC (F446); headers have them.
- AHB1ENR: the SVD files say 00100000 everywhere; only dies with CCM have that bit.
- APB1ENR and APB2ENR of F412 and F413: see `disputed`. Were they 0, two clocks too many would run
  in the ROM; without them an application after Go would have neither RTC nor EXTI.
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M4,
    Bank,
    Bit,
    Die,
    Disputed,
    Family,
    Interface,
    Note,
    Pcrop,
    Ram,
    Usart,
    UsartKind,
    WriteProtection,
    only,
    otg,
)
from .geometry import Geometry, Other
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 102  # of the F413, the most of any F4 (RM0430 table 40)
REGIONS = 8  # of the MPU (ARM DDI 0439B 3.2)

# RM0090 7.3.28
RCC = Block(
    "RCC", 0x40023800,
    CR=0x00, PLLCFGR=0x04, CFGR=0x08, CIR=0x0C,
    AHB1RSTR=0x10, AHB2RSTR=0x14, AHB3RSTR=0x18, APB1RSTR=0x20, APB2RSTR=0x24,
    AHB1ENR=0x30, AHB2ENR=0x34, AHB3ENR=0x38, APB1ENR=0x40, APB2ENR=0x44,
    AHB1LPENR=0x50, AHB2LPENR=0x54, AHB3LPENR=0x58, APB1LPENR=0x60, APB2LPENR=0x64,
    CSR=0x74, SSCGR=0x80, PLLI2SCFGR=0x84, PLLSAICFGR=0x88, DCKCFGR=0x8C, CKGATENR=0x90,
    DCKCFGR2=0x94,
)  # fmt: skip
# RM0090 3.9.12
FLASH = Block(
    "FLASH", 0x40023C00, ACR=0x00, KEYR=0x04, SR=0x0C, CR=0x10, OPTCR=0x14, OPTCR1=0x18
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x40013800, MEMRMP=0x00)  # RM0090 9.3.1
EXTI = Block("EXTI", 0x40013C00, IMR=0x00, EMR=0x04, RTSR=0x08, FTSR=0x0C, SWIER=0x10, PR=0x14)

HSION, HSIRDY = 1 << 0, 1 << 1  # RCC.CR
HSERDY, PLLRDY, PLLI2SRDY, PLLSAIRDY = 1 << 17, 1 << 25, 1 << 27, 1 << 29
SW, SWS = 3, 3 << 2  # RCC.CFGR
WWDGRST = 1 << 11  # RCC.APB1RSTR
SYSCFGEN = 1 << 14  # RCC.APB2ENR
BSY = 1 << 16  # FLASH.SR
LOCK = 1 << 31  # FLASH.CR
OPTLOCK = 1 << 0  # FLASH.OPTCR
MEM_MODE, SYSTEM_MEMORY = 7, 1  # SYSCFG.MEMRMP; F405 and F401 have two bits of it, F42x three

CACHES_OFF: Script = [
    write(FLASH.ACR, 0),  # no wait states (16 MHz), caches off,
    write(FLASH.ACR, 0x1800),  # emptied (ICRST, DCRST),
    write(FLASH.ACR, 0),  # and back
]


def before(rcc: Block, flash: Block, irqs: int, interface_off: Script) -> Script:
    """Also of the F7, whose RCC and FLASH have the same registers here. interface_off: ACR as
    after a reset."""
    return [
        cortex_m.systick_off(),
        "watchdog: WWDG goes on while the flash is waited for, IWDG cannot be stopped",
        write(rcc.APB1RSTR, WWDGRST),
        write(rcc.APB1RSTR, 0, unnoticed="the pulse of the peripherals ends this one too"),
        cortex_m.interrupts_off(irqs),
        "clocks (RM0090 7.3.1 to 7.3.3, 7.3.21, 7.3.22)",
        change(rcc.CR, set=HSION),
        wait(
            *(rcc.CR, HSIRDY, HSIRDY),
            unnoticed="the clock switch waits for HSI by itself (RM0090 6.2.6), and SWS for both",
        ),
        change(rcc.CFGR, clear=SW),  # SYSCLK from HSI,
        wait(rcc.CFGR, SWS, 0),
        write(rcc.CFGR, 0),  # then no prescalers: not while the PLL drives
        write(rcc.CR, 0x83),  # HSE, CSS and every PLL off, HSITRIM 16
        wait(rcc.CR, HSERDY | PLLRDY | PLLI2SRDY | PLLSAIRDY, 0),
        write(rcc.CR, 0x83),  # again: HSEBYP yields only while HSE is off
        write(rcc.PLLCFGR, 0x24003010),
        write(rcc.SSCGR, 0),
        write(rcc.CSR, 0),  # LSI off; reset flags stay, as RMVF is 0
        "flash (RM0090 3.9.1 to 3.9.6)",
        wait(flash.SR, BSY, 0, tries=0x800000),  # a running erase ends first
        interface_off,
        write(flash.SR, 0x1F3),  # flags
        write(flash.CR, LOCK),  # locked, so that the keys are right;
        write(flash.KEYR, 0x45670123),  # unlocked, since what was set before it
        write(flash.KEYR, 0xCDEF89AB),  # was locked (PSIZE, by ST's HAL) stays;
        write(flash.CR, LOCK),  # cleared and locked
        change(flash.OPTCR, set=OPTLOCK),  # option bytes as they are
    ]


AFTER: Script = [
    write(RCC.AHB2ENR, 0),
    "exti (RM0090 12.3)",
    fill(EXTI.IMR, 0, 5),
    write(EXTI.PR, 0xFFFFFFFF),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=True),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0090 9.3.1)",
    change(RCC.APB2ENR, set=SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    change(RCC.APB2ENR, clear=SYSCFGEN),
]  # fmt: skip

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CIR,
# to clear its flags, and RSTR, to reset every peripheral, in the order of HAL_DeInit. So the FMC
# is reset before the LTDC, which may be reading SDRAM: that stops no bus, as a slave in reset is
# ready (AMBA 3 AHB-Lite, HREADYOUT). Then those that get their reset value.
PULSED = "     CIR      AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR APB2RSTR"
ENABLES = "    AHB1ENR  AHB3ENR APB1ENR APB2ENR"
LOW_POWER = "  AHB1LPENR AHB2LPENR AHB3LPENR APB1LPENR APB2LPENR"
CLOCKS = "     PLLI2SCFGR PLLSAICFGR DCKCFGR CKGATENR DCKCFGR2"


def registers(pulsed: str, enables: str, low_power: str, clocks: str) -> Script:
    """A die's part of the script."""
    reset = {RCC.APB1ENR: 0, RCC.APB2ENR: 0} | columns(ENABLES, RCC, enables)
    reset |= columns(LOW_POWER, RCC, low_power) | columns(CLOCKS, RCC, clocks)
    return ["peripherals", row(columns(PULSED, RCC, pulsed), pulsed=True), row(reset)]


def sram(kib: int) -> tuple[Ram, ...]:
    """SRAM1 and what follows it without a gap, CCM not counted (RM0090 2.3.1)."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, CAN TX/RX, NSS-MOSI.
USART1 = Interface("USART1", "PA9/PA10")
USART2 = Interface("USART2", "PD5/PD6")
USART3 = Interface("USART3", "PB10/PB11")
USART3_EITHER = Interface("USART3", "PB10/PB11 or PC10/PC11")
CAN2 = Interface("CAN2", "PB13/PB5")
DFU = Interface("USB DFU", "PA11/PA12")
I2C1_PB7, I2C1_PB9 = Interface("I2C1", "PB6/PB7"), Interface("I2C1", "PB6/PB9")
I2C2 = Interface("I2C2", "PF1/PF0")
I2C3 = Interface("I2C3", "PA8/PC9")
SPI1 = Interface("SPI1", "PA4-PA7")
SPI2 = Interface("SPI2", "PI0-PI3")
SPI3 = Interface("SPI3", "PA15/PC10-PC12")
SPI4 = Interface("SPI4", "PE11-PE14")
F405 = (USART1, USART3_EITHER, CAN2, DFU)
F401 = (
    USART1,
    USART2,
    DFU,
    I2C1_PB7,
    Interface("I2C2", "PB10/PB3"),
    Interface("I2C3", "PA8/PB4"),
    SPI1,
    Interface("SPI2", "PB12-PB15"),
    SPI3,
)
F412 = (
    USART1,
    USART2,
    DFU,
    CAN2,
    I2C1_PB7,
    I2C2,
    Interface("I2C3", "PA8/PB4"),
    Interface("I2C4", "PB15/PB14"),
    SPI1,
    SPI3,
    SPI4,
)

# The ROM measures HSE against HSI, so not every crystal will do (AN2606, e.g. 24.1 for F42x).
CRYSTAL = Note(
    "USB DFU needs a crystal on HSE of a whole number of MHz, 4 to 26; 8 MHz measures best"
)
JITTER = common.jitter(6)
# Reports from silicon: circuitpython issue 11270 (12 MHz: 5 entries of 12 arrived), Marlin 27047.
CRYSTAL_F405 = Note(
    "by report this ROM at times mistakes a crystal above 8 MHz and resets the chip, and the "
    "application is back: enter again"
)
CAN_UNPROTECT = "Write Unprotect does not work over CAN"  # AN2606 tables 74, 76, 90, 92
DFU_BANK_2 = Note("in dual-bank mode DFU cannot erase bank 2")  # AN2606 tables 90, 92


# nWRP (RM0090 3.9.10, 3.9.11; sizes: 3.4). Bank 2 is of F42x, F43x and F469; with 1 MB and DB1M it
# begins at 512 KiB. The F413 has 15 bits, the last for sectors 14 and 15 (OB_WRP_SECTOR_14 and _15
# of ST's HAL).
KIB = (16, 16, 16, 16, 64, *[128] * 9, 256)
NWRP = WriteProtection(
    0, (Bank(FLASH.OPTCR, 16, 0x08000000, KIB), Bank(FLASH.OPTCR1, 16, None, KIB))
)

# RM0090 3.9.10; what the ROM does with the watchdog: IWDG in AN2606's table of each line.
WATCHDOG = common.watchdog(FLASH.OPTCR, 5, "WDG_SW")
# AN2606 Table 2 pattern 5, figures 51, 53, 56; RM0090 9.3.1: UFB_MODE
DUAL_BOOT = (
    WATCHDOG,
    common.dual_boot(FLASH.OPTCR, 4),
    common.bank_2_runs(SYSCFG.MEMRMP, 8),
)

DISPUTED = (
    Disputed(
        "RCC.*LPENR", ("SVD", "collected SVD"), "",
        "each implemented bit is 1 after a reset (RM0090 7.3.15 to 7.3.19); the SVD files repeat "
        "the values of the F40x for every F4, so here it is the headers' bits",
    ),
    Disputed(
        "RCC.PLL*CFGR", ("SVD",), "",
        "the reset value of PLLCFGR in the fields that the register has; the SVD files give Q = "
        "0, which RM0090 7.3.23 forbids, and forget M",
    ),
)  # fmt: skip


RTC_AND_EXTI = (
    Disputed(
        "RCC.APB[12]ENR", ("collected SVD",), "",
        "RTCAPBEN and EXTITEN (headers) are on: firmware for the F412 (Literacy Bridge, TBook) "
        "writes these as reset values; RTCAPBEN is on after a reset of the H7 (RM0399 9.7.47) and "
        "of the F7 (Klipper, Pebble's bootloader); the SVD files say 0",
    ),
)  # fmt: skip


def ccm(said: str, *sources: str) -> Disputed:
    """CCM at 0x10000000 does not go on where SRAM ends."""
    return Disputed("RAM at 20000000", sources, said, "counts 64 KiB of CCM (RM0090 2.3.1)")


SECTORS = (16, 16, 16, 16, 64, 128)
# RM0090 3.4, Table 7; 3.9.10 (OPTCR.DB1M); 3.6.1 (option bytes)
DB1M = Other(
    Geometry(SECTORS, second=12), 1, FLASH.OPTCR.address, 30, 0x1FFFC008, 14, only_kib=1024
)
TWO_BANKS = Geometry(SECTORS, bank_kib=1024, other=DB1M)

# Address of the bootloader ID and the IDs that exist: AN2606 rev 70 Table 3 and the versions of
# each line (tables 74, 76, 78, 80, 84, 86, 88, 90, 92, 94, 96). Of the F401xB/xC table 3 has 13.1
# and table 78 has 13.0. 0x90 of the F405 is in package WLCSP90 only.
DIES = (
    Die(
        0x413, "STM32F405/407/415/417", sram(128),
        registers(
            "00BF0000 226011FF 000000F1 00000001 36FEC9FF 00075933",
            "00100000 00000000 - -",
            "7E6791FF 000000F1 00000001 36FEC9FF 00075F33",
            "20003000 - - - -",
        ),
        rom_id=0x1FFF77DE, ids=(0x30, 0x31, 0x90, 0x91),
        interfaces=(*F405, *only((0x90, 0x91), I2C1_PB7, I2C2, I2C3, SPI1, SPI2)),
        notes=(CRYSTAL, JITTER, CRYSTAL_F405, Note(CAN_UNPROTECT, (0x31, 0x90))),
        sectors=(12,), options=(WATCHDOG,),
        disputed=(ccm("00030000", "stlink"),),
        misread=0x411,  # by revision A (IDCODE 0x20006411): errata sheet DM00037591, 2.1.2
    ),
    Die(
        0x419, "STM32F427/429/437/439", sram(192),
        registers(
            "00FF0000 22E017FF 000000F1 00000001 F6FEC9FF 04777933",
            "00100000 00000000 - -",
            "7EEF97FF 000000F1 00000001 F6FEC9FF 04777F33",
            "24003000 24003000 00000000 - -",
        ),
        rom_id=0x1FFF76DE, ids=(0x70, 0x90, 0x91),
        interfaces=(*F405, I2C1_PB9, *only((0x90, 0x91), I2C2, I2C3, SPI1, SPI2, SPI4)),
        notes=(CRYSTAL, JITTER, DFU_BANK_2, Note(CAN_UNPROTECT, (0x70, 0x91))),
        sectors=(12, 12), options=DUAL_BOOT, geometry=TWO_BANKS,
        disputed=(ccm("00040000", "stlink"),),
    ),
    Die(
        0x421, "STM32F446", sram(128),
        registers(
            "00FF0000 206010FF 00000081 00000003 3FFFC9FF 00C77933",
            "00000000 00000000 - -",
            "606790FF 00000081 00000003 3FFFC9FF 00C77F33",
            "24003010 04003010 00000000 00000000 00000000",
        ),
        rom_id=0x1FFF76DE, ids=(0x90,),
        interfaces=(
            *F405, I2C1_PB9, I2C2, I2C3, SPI1, Interface("SPI2", "PB12/PC7/PB14/PB15"), SPI4,
        ),
        notes=(CRYSTAL, JITTER), sectors=(8,), options=(WATCHDOG,),
    ),
    Die(
        0x423, "STM32F401xB/xC", sram(64),
        registers(
            "00BF0000 0060109F 00000080 -        10E2C80F 00077931",
            "00000000 - - -",
            "0061909F 00000080 - 10E2C80F 00077931",
            "20003000 - 00000000 - -",
        ),
        rom_id=0x1FFF76DE, ids=(0xD0, 0xD1), interfaces=F401,
        notes=(CRYSTAL, JITTER), sectors=(6,), options=(WATCHDOG,),
    ),
    Die(
        0x431, "STM32F411", sram(128),
        registers(
            "00BF0000 0060109F 00000080 -        10E2C80F 00177931",
            "00000000 - - -",
            "0061909F 00000080 - 10E2C80F 00177931",
            "20003010 - 00000000 - -",
        ),
        rom_id=0x1FFF76DE, ids=(0xD0,), interfaces=F401,
        notes=(CRYSTAL, JITTER), sectors=(8,), options=(WATCHDOG,),
    ),
    Die(
        0x433, "STM32F401xD/xE", sram(96),
        registers(
            "00BF0000 0060109F 00000080 -        10E2C80F 00077931",
            "00000000 - - -",
            "0061909F 00000080 - 10E2C80F 00077931",
            "20003000 - 00000000 - -",
        ),
        rom_id=0x1FFF76DE, ids=(0xD1,), interfaces=F401,
        notes=(CRYSTAL, JITTER), sectors=(8,), options=(WATCHDOG,),
    ),
    Die(
        0x434, "STM32F469/479", sram(320),
        registers(
            "00FF0000 22E017FF 000000F1 00000003 F6FEC9FF 0C777933",
            "00100000 00000000 - -",
            "7EEF97FF 000000F1 00000003 F6FEC9FF 0C777F33",
            "24003000 24003000 00000000 - -",
        ),
        rom_id=0x1FFF76DE, ids=(0x90,),
        interfaces=(
            *F405, I2C1_PB9, Interface("I2C2", "PF0/PF1 (so printed; likely PF1/PF0)"), I2C3,
            SPI1, SPI2, SPI4,
        ),
        notes=(CRYSTAL, JITTER), sectors=(12, 12), options=DUAL_BOOT, geometry=TWO_BANKS,
        disputed=(
            ccm("00060000", "stm32flash"),  # AN2606 table 226 does the same
            Disputed(
                "RAM at 20000000", ("stlink",), "00040000",
                "stlink has that of the F42x; RM0386 2.3.1 has 320 KiB of SRAM and 64 of CCM",
            ),
        ),
    ),
    Die(
        0x441, "STM32F412", sram(256),
        registers(
            "00BF0000 006010FF 000000C0 00000003 17E6C9FF 01177933",
            "00000000 00000000 400 8000",
            "006190FF 000000C0 00000003 17E6CDFF 0117F933",
            "24003010 - 00000000 00000000 00000000",
        ),
        rom_id=0x1FFF76DE, ids=(0x90, 0x91),
        interfaces=(*F412, *only((0x91,), USART3)),
        notes=(
            CRYSTAL,
            JITTER,
            Note("USART3 is on other pins, AN2606 does not say which", (0x90,)),
        ),
        sectors=(12,), options=(WATCHDOG,),
        disputed=RTC_AND_EXTI,
    ),
    Die(
        0x463, "STM32F413/423", sram(320),
        registers(
            "00BF0000 006010FF 000000D0 00000003 FFFECBFF 035779F3",
            "00000000 00000000 400 8000",
            "006390FF 000000D0 00000003 FFFECFFF 0357F9F3",
            "24003010 - 00000000 00000000 00000000",
        ),
        rom_id=0x1FFF76DE, ids=(0x90,), interfaces=(*F412, USART3),
        notes=(CRYSTAL, JITTER), sectors=(15,), options=(WATCHDOG,),
        disputed=RTC_AND_EXTI,
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 and APB2 the block of clock bit n lies n KiB up the bus (RM0090 7.3.13, 7.3.14)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR, slot))


def apb2(name: str, slot: int) -> Usart:
    """The same on APB2."""
    return Usart(name, 0x40010000 + slot * 0x400, Bit(RCC.APB2ENR, slot))


FAMILY = Family(
    name="STM32F4",
    core=M4,
    idcode=0xE0042000,  # RM0090 38.6.1
    vectors=0x1FFF0000,  # AN2606 rev 70 Table 226, every F4
    rom_end=0x1FFF7800,
    flash=0x08000000,  # RM0090 3.3
    flash_size=0x1FFF7A22,  # RM0090 39.2
    unique_id=(0x1FFF7A10, 0x1FFF7A14, 0x1FFF7A18),  # RM0090 39.1
    geometry=Geometry(SECTORS),  # RM0090 3.4; RM0368, RM0383, RM0390, RM0386, RM0402, RM0430 3.3
    protection=FLASH.OPTCR,  # RDP in bits 15:8; RM0090 3.7.3, 3.9.10
    protection_shift=8,
    pcrop=Pcrop(
        (FLASH.OPTCR,),  # SPRMOD; RM0090 3.9.11. The F405 has 0 there
        bit=31,
        # Of the F4, AN2606 names one ROM that cannot lift PCROP (13.0 of F401xB/xC, table 78) and
        # one that can (9.1 of F42x/F43x, table 92), and is silent about the others.
        about="PCROP (FLASH_OPTCR.SPRMOD) is on: the ROM cannot read, write or erase the sectors "
        "under it. Only a readout regression from level 1 to 0 lifts it, which erases the flash",
    ),
    lsi=RCC.CSR,  # RM0090 7.3.21
    iwdg=0x40003000,  # RM0090 table 1
    write_protection=NWRP,
    usart_kind=UsartKind.V1,  # RM0090 30.6
    usarts=(
        *(apb1("USART2", 17), apb1("USART3", 18), apb1("UART4", 19), apb1("UART5", 20)),
        *(apb1("UART7", 30), apb1("UART8", 31)),
        *(apb2("USART1", 4), apb2("USART6", 5), apb2("UART9", 6), apb2("UART10", 7)),
    ),
    usb=(
        otg("OTG_FS", 0x50000000, Bit(RCC.AHB2ENR, 7)),  # RM0090 table 1, 7.3.11
        otg("OTG_HS", 0x40040000, Bit(RCC.AHB1ENR, 29)),  # 7.3.10
    ),
    mpu_regions=REGIONS,
    before=before(RCC, FLASH, IRQS, CACHES_OFF),
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, SYSCFG, EXTI),
    disputed=DISPUTED,
)
