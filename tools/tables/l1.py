"""STM32L1: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_EXTI_DeInit, HAL_PWREx_DisableLowPowerRunMode: values after a
reset, order) and its SVD files; AN2606 rev 70 tables 3, 152 to 161 and 226 (bootloader). The
chapters of RM0038 say where to read on.

After a reset SYSCLK is MSI at 2.1 MHz, VCORE is in range 2, there is no wait state. What a system
reset leaves alone stays here too: the RTC's domain (in RCC.CSR all from LSEON to RTCRST; not
LSION), the reset flags, and DBGMCU, of which only a power-on reset clears anything.

Dies of categories 1 and 2 (0x416, 0x429) are in l1a.py.

Where sources disagree:
- See `disputed` of the family and of the dies, and docs/facts.md.
- RCC.CSR: 0C000000 after a power-on (header of the flags) or 0 (SVD).
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M3,
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
    UsbPort,
    WriteProtection,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 57  # IRQn_Type of the headers
REGIONS = 8  # of the MPU (ARM DDI 0337H 9.1)
VECTORS = 0x1FF00000  # AN2606 rev 70 Table 226

# RM0038 6.3
RCC = Block(
    "RCC", 0x40023800,
    CR=0x00, ICSCR=0x04, CFGR=0x08, CIR=0x0C, AHBRSTR=0x10, APB2RSTR=0x14, APB1RSTR=0x18,
    AHBENR=0x1C, APB2ENR=0x20, APB1ENR=0x24, AHBLPENR=0x28, APB2LPENR=0x2C, APB1LPENR=0x30,
    CSR=0x34,
)  # fmt: skip
# RM0038 3.9
FLASH = Block("FLASH", 0x40023C00, ACR=0x00, PECR=0x04, PEKEYR=0x0C, SR=0x18, OBR=0x1C, WRPR1=0x20)
FURTHER = Block("FLASH", 0x40023C00, WRPR2=0x80, WRPR3=0x84, WRPR4=0x88)
PWR = Block("PWR", 0x40007000, CR=0x00, CSR=0x04)  # RM0038 5.4
SYSCFG = Block("SYSCFG", 0x40010000, MEMRMP=0x00, PMC=0x04)  # RM0038 8.5
EXTI = Block("EXTI", 0x40010400, IMR=0x00, EMR=0x04, RTSR=0x08, FTSR=0x0C, SWIER=0x10, PR=0x14)

MSION, MSIRDY = 1 << 8, 1 << 9  # RCC.CR
HSIRDY, HSERDY, PLLRDY = 1 << 1, 1 << 17, 1 << 25
MSI_ONLY = MSION | MSIRDY
SW, SWS = 3, 3 << 2  # RCC.CFGR
LSION = 1 << 0  # RCC.CSR
WWDGRST, PWREN = 1 << 11, 1 << 28  # RCC.APB1RSTR, RCC.APB1ENR
SYSCFGEN, FLITFEN = 1 << 0, 1 << 15  # RCC.APB2ENR, RCC.AHBENR
LPRUN, REGLPF = 1 << 14, 1 << 5  # PWR.CR, PWR.CSR
LATENCY_PRFTEN = 3  # FLASH.ACR
BSY = 1 << 0  # FLASH.SR
LOCKED = 7  # FLASH.PECR: PELOCK, PRGLOCK, OPTLOCK
MEM_MODE, SYSTEM_MEMORY = 3, 1  # SYSCFG.MEMRMP

BEFORE: Script = [
    cortex_m.systick_off(),
    "watchdog: WWDG goes on while others are waited for, IWDG cannot be stopped",
    write(RCC.APB1RSTR, WWDGRST),
    write(RCC.APB1RSTR, 0, unnoticed="the pulse of the peripherals ends this one too"),
    cortex_m.interrupts_off(IRQS),
    "power (RM0038 5.3, 5.4): no low-power run, which is for 131 kHz and less",
    change(RCC.APB1ENR, set=PWREN),
    wait(RCC.APB1ENR, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(PWR.CR, clear=LPRUN),
    wait(PWR.CSR, REGLPF, 0, unnoticed="at 131 kHz the next step takes longer than the regulator"),
    "clocks (RM0038 6.3; order: LL_RCC_DeInit)",
    change(RCC.CR, set=MSION),
    wait(
        RCC.CR, MSIRDY, MSIRDY,  # MSIRANGE must not change before
        unnoticed="the bench takes MSIRANGE at any time, and the switch waits for MSI by itself",
    ),
    write(RCC.ICSCR, 0xB000),  # MSIRANGE 5, HSITRIM 16, MSITRIM 0; calibration is read-only
    change(RCC.CFGR, clear=SW),  # SYSCLK from MSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CR, MSI_ONLY),  # HSI, HSE, CSS, PLL off
    wait(RCC.CR, HSIRDY | HSERDY | PLLRDY, 0),
    write(RCC.CR, MSI_ONLY),  # again: HSEBYP and RTCPRE yield only while HSE is off
    write(RCC.CFGR, 0),  # no prescalers, MCO; PLL fields yield only while the PLL is off
    change(RCC.CSR, clear=LSION),  # with RMVF 0; the RTC's bits are written as they are read
    "flash (RM0038 3.2, 3.3, 3.9)",
    change(RCC.AHBENR, set=FLITFEN),  # off, if the flash was powered down
    wait(FLASH.SR, BSY, 0),  # a page takes 3.2 ms
    change(FLASH.ACR, clear=LATENCY_PRFTEN),  # no wait state, no prefetch:
    write(FLASH.ACR, 0),  # ACC64 yields only then
    write(FLASH.SR, 0x3F02),  # flags
    write(FLASH.PECR, LOCKED),  # locked: keys that come twice are a bus error;
    write(FLASH.PEKEYR, 0x89ABCDEF),  # unlocked, since what was set before it
    write(FLASH.PEKEYR, 0x02030405),  # was locked (PROG, EOPIE) stays;
    write(FLASH.PECR, LOCKED),  # cleared and locked
]  # fmt: skip

AFTER: Script = [
    "exti (RM0038 10.3)",
    fill(EXTI.IMR, 0, 5),
    write(EXTI.PR, 0xFFFFFFFF),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=False),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0038 8.5.1)",
    write(RCC.APB2ENR, SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0; BOOT_MODE is read-only
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APB2ENR, 0),
]

# The registers of RCC in which dies differ. First those that are pulsed: CIR, to clear its flags,
# and RSTR, to reset every peripheral (PWR goes back to range 2, which is enough for 2.1 MHz). Then
# AHBLPENR, APB2LPENR, APB1LPENR. ENR is the same on all: FLITFEN only; APB2ENR is last, for the
# remap.
PULSED = "   CIR      AHBRSTR  APB2RSTR APB1RSTR"
LPENR = "its value after a reset is disputed, so the bench does not look at it"


def registers(pulsed: str, low_power: str) -> Script:
    """A die's part of the script."""
    ahb, apb2, apb1 = (int(value, 16) for value in low_power.split())
    return [
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row({RCC.AHBENR: FLITFEN, RCC.APB1ENR: 0, RCC.AHBLPENR: ahb}),
        write(RCC.APB2LPENR, apb2, unnoticed=LPENR),
        write(RCC.APB1LPENR, apb1, unnoticed=LPENR),
    ]


def sram(kib: int) -> tuple[Ram, ...]:
    """SRAM (RM0038 2.3)."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
INTERFACES = (
    Interface("USART1", "PA9/PA10"),
    Interface("USART2", "PD5/PD6"),
    Interface("USB DFU", "PA11/PA12"),
)
CRYSTAL = Note("USB DFU needs a crystal on HSE of 2, 3, 4, 6, 8, 12, 16 or 24 MHz")

# WRP (RM0038 3.9.8): a bit for 16 pages of 256 bytes
WRP = WriteProtection(
    1,
    (
        Bank(FLASH.WRPR1, 0, 0x08000000, (4,)),
        Bank(FURTHER.WRPR2, 0, 0x08020000, (4,)),
        Bank(FURTHER.WRPR3, 0, 0x08040000, (4,)),
        Bank(FURTHER.WRPR4, 0, 0x08060000, (4,)),
    ),
)
WATCHDOG = common.watchdog(FLASH.OBR, 20, "IWDG_SW")
# AN2606 Table 2 pattern 4; RM0038 3.9.7: nBFB2
DUAL_BOOT = (
    WATCHDOG,
    common.dual_boot(FLASH.OBR, 23, "nBFB2", 0),
)

SVDS = ("SVD", "collected SVD")
ALL_ONES = (
    "each implemented bit is 1 after a reset, as in the F4; the SVD files give every die "
    "the AHBLPENR of category 1, where that rule holds bit for bit, and 0 for the other two"
)
NO_FLITFRST = (
    "left out: FLITFRST works only while the flash is powered down, so the flash interface "
    "goes back register by register"
)
DISPUTED = (
    Disputed("RCC.*LPENR", SVDS, "", ALL_ONES),
    Disputed(
        "RCC.AHBRSTR bit 15", ("SVD", "modm-devices", "bench", "collection"), "1", NO_FLITFRST
    ),
    Disputed(
        "ROM: end", ("stlink",), "1FF01000", "stlink has that of categories 1 and 2",
    ),
)  # fmt: skip

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x437, "STM32L151xE/152xE/162xE", sram(80),
        registers("00FF0000 0B0010FF 0000521D B0FECA3F", "0B0190FF 0000521D B0FECA3F"),
        rom_id=0x1FF01FFE, ids=(0x40,), interfaces=INTERFACES,
        notes=(CRYSTAL, Note(common.HUB)), sectors=(32, 32, 32, 32), options=DUAL_BOOT,
        disputed=(
            Disputed(
                "parts", ("modm-devices",), "51/52/62 or 51xD/51xE/52xD/52xE/62xD/62xE",
                "xD-X, which is this die with 384 KiB, is xD in its list",
            ),
        ),
    ),
    Die(
        0x436, "STM32L151xD/152xD/162xD", sram(48),
        registers("00FF0000 4B0010FF 00005A1D B0FECA3F", "4B0190FF 00005A1D B0FECA3F"),
        rom_id=0x1FF01FFE, ids=(0x41, 0x42, 0x45), interfaces=INTERFACES,
        notes=(
            CRYSTAL,
            Note("when DFU is selected, the RTC and its backup registers are reset", (0x41,)),
            Note(common.HUB, (0x45,)),
        ),
        sectors=(32, 32, 32), options=DUAL_BOOT,
        disputed=(
            Disputed(
                "parts", ("modm-devices",), "51/52/62 or 51xC/51xD/52xC/52xD/62xC/62xD",
                "those with 256 KiB in a package of this die are xC in its list",
            ),
        ),
    ),
    Die(
        0x427, "STM32L100xC/151xC/152xC/162xC", sram(32),
        registers("00FF0000 0B0010FF 0000521D B0E6CA3F", "0B0190FF 0000521D B0E6CA3F"),
        rom_id=0x1FF01FFE, ids=(0x40,), interfaces=INTERFACES,
        notes=(CRYSTAL, Note(common.HUB)), sectors=(32, 32), options=(WATCHDOG,),
        disputed=(
            Disputed(
                "RCC.AHBRSTR bit ?", ("modm-devices",), "0",
                "GPIOF and GPIOG are in packages of 100 pins and more (header of xC-A)",
            ),
        ),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 and APB2 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR, slot))


FAMILY = Family(
    name="STM32L1",
    core=M3,
    idcode=0xE0042000,  # DBGMCU_BASE of the headers
    vectors=VECTORS,
    rom_end=0x1FF02000,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # RM0038 3.2
    flash_size=0x1FF800CC,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FF800D0, 0x1FF800D4, 0x1FF800E4),  # LL_GetUID_Word0 to 2
    geometry=Geometry((0.25,)),  # RM0038 3.2
    protection=FLASH.OBR,  # RDPRT in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (FLASH.OBR,),  # SPRMOD; RM0038 3.9.7
        bit=8,
        about="PCROP (FLASH_OBR.SPRMOD) is on: the ROM cannot read, write or erase the sectors "
        "under it. Only a readout regression from level 1 to 0 lifts it, which erases the flash",
    ),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRP,
    usart_kind=UsartKind.V1,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        *(apb1("USART2", 17), apb1("USART3", 18), apb1("UART4", 19), apb1("UART5", 20)),
    ),
    # The pull-up of D+ is in SYSCFG (RM0038 8.5.2: PMC.USB_PU)
    usb=(UsbPort("USB", Bit(RCC.APB1ENR, 23), SYSCFG.PMC.address, 1, 1),),
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
    disputed=DISPUTED,
)
