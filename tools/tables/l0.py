"""STM32L0: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_EXTI_DeInit, HAL_PWREx_DisableLowPowerRunMode: values after a
reset, order) and its SVD files of L0x1, L05x and L06x; AN2606 rev 70 tables 3, 142 to 151 and 226
(bootloader); Renode's models of L0 RCC, PWR and FLASH. The chapters of RM0367 (L0x3), which RM0376
(L0x2) and RM0377 (L0x1) share, say where to read on.

After a reset SYSCLK is MSI at 2.1 MHz, VCORE is in range 2, there is no wait state. What a system
reset leaves alone stays here too: the RTC's domain (in RCC.CSR all from LSEON to RTCRST; not
LSION), the reset flags, and DBGMCU, of which only a power-on reset clears anything. What software
cannot put back, as only a reset clears it: the firewall and its clock (RCC.APB2ENR.FWEN). That
clock is what `states` looks at: without it the firewall has no segments, and SYSCFG.CFGR2.FWDIS, 0
while it is on, reads as 0 while SYSCFG has no clock, too.

Where sources disagree:
- See `disputed` of the family and of the dies, and docs/facts.md.
- EXTI.IMR: 3F840000 (LL_EXTI_DeInit) or FF840000 (SVD): 1 for the lines that come from a
  peripheral directly. They agree in all bits that have a line (headers: 37FFFFFF).
- RCC.CSR: RMVF is bit 23 (headers, SVD of L0x1), not 24.
- FLASH.SR: 0000000C (Renode) or 00000004 (SVD); only its flags can be written.
- USB, HSI48: the die 0x417 has them although the header of the L051 has not.
- The jump: AN2606 4.1 says of dual bank devices that "for STM32L0 series, the jump to system
  memory from user code is not possible". Reports: ROM 4.0 of the L07x is entered, ROM 4.1 goes
  back to the application (stackoverflow.com/questions/42020893, LibreSolar/
  charge-controller-firmware issue 26): 4.1 and 11.2 look for a bank to boot (AN2606 tables 149,
  151). The ROM of L01x/L02x looks whether the flash is empty (table 142).
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M0PLUS,
    Bank,
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
    WriteProtection,
    is_set,
    only,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 32  # IRQn_Type of the headers
REGIONS = 8  # of the MPU (ARM DDI 0484C, chapter MPU)
VECTORS = 0x1FF00000  # AN2606 rev 70 Table 226

# RM0367 7.3, in the order of the addresses
RCC = Block(
    "RCC", 0x40021000,
    CR=0x00, ICSCR=0x04, CRRCR=0x08, CFGR=0x0C, CIER=0x10, CIFR=0x14, CICR=0x18,
    IOPRSTR=0x1C, AHBRSTR=0x20, APB2RSTR=0x24, APB1RSTR=0x28,
    IOPENR=0x2C, AHBENR=0x30, APB2ENR=0x34, APB1ENR=0x38,
    IOPSMENR=0x3C, AHBSMENR=0x40, APB2SMENR=0x44, APB1SMENR=0x48, CCIPR=0x4C, CSR=0x50,
)  # fmt: skip
# RM0367 3.7
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, PECR=0x04, PEKEYR=0x0C, SR=0x18, OPTR=0x1C, WRPR=0x20,
)  # fmt: skip
SECOND = Block("FLASH", 0x40022000, WRPR2=0x80)  # of dies with 192 KiB (headers, RM0367 3.7.10)
PWR = Block("PWR", 0x40007000, CR=0x00, CSR=0x04)  # RM0367 6.4
SYSCFG = Block("SYSCFG", 0x40010000, CFGR1=0x00)  # RM0367 10.2
EXTI = Block("EXTI", 0x40010400, IMR=0x00, EMR=0x04, RTSR=0x08, FTSR=0x0C, SWIER=0x10, PR=0x14)

MSION, MSIRDY = 1 << 8, 1 << 9  # RCC.CR
HSIRDY, HSERDY, PLLRDY = 1 << 2, 1 << 17, 1 << 25
MSI_ONLY = MSION | MSIRDY
SW, SWS = 3, 3 << 2  # RCC.CFGR
LSION = 1 << 0  # RCC.CSR
WWDGRST, PWREN = 1 << 11, 1 << 28  # RCC.APB1RSTR, RCC.APB1ENR
SYSCFGEN, MIFEN = 1 << 0, 1 << 8  # RCC.APB2ENR, RCC.AHBENR
LPRUN, REGLPF = 1 << 14, 1 << 5  # PWR.CR, PWR.CSR
BSY = 1 << 0  # FLASH.SR
LOCKED = 7  # FLASH.PECR: PELOCK, PRGLOCK, OPTLOCK
MEM_MODE, SYSTEM_MEMORY = 3, 1  # SYSCFG.CFGR1

BEFORE: Script = [
    cortex_m.systick_off(),
    "watchdog: WWDG goes on while others are waited for, IWDG cannot be stopped",
    write(RCC.APB1RSTR, WWDGRST),
    write(RCC.APB1RSTR, 0, unnoticed="the pulse of the peripherals ends this one too"),
    cortex_m.interrupts_off(IRQS),
    "power (RM0367 6.3, 6.4): no low-power run, which is for 131 kHz and less",
    change(RCC.APB1ENR, set=PWREN),
    wait(RCC.APB1ENR, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(PWR.CR, clear=LPRUN),
    wait(PWR.CSR, REGLPF, 0, unnoticed="at 131 kHz the next step takes longer than the regulator"),
    "clocks (RM0367 7.3; order: LL_RCC_DeInit)",
    change(RCC.CR, set=MSION),
    wait(
        RCC.CR, MSIRDY, MSIRDY,  # MSIRANGE must not change before
        unnoticed="the bench takes MSIRANGE at any time, and the switch waits for MSI by itself",
    ),
    write(RCC.ICSCR, 0xB000),  # MSIRANGE 5, HSI16TRIM 16, MSITRIM 0; calibration is read-only
    change(RCC.CFGR, clear=SW),  # SYSCLK from MSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CR, MSI_ONLY),  # HSI16, HSE, CSS, PLL off
    wait(RCC.CR, HSIRDY | HSERDY | PLLRDY, 0),
    write(RCC.CR, MSI_ONLY),  # again: HSEBYP and RTCPRE yield only while HSE is off
    write(RCC.CFGR, 0),  # no prescalers, MCO; PLL fields yield only while the PLL is off
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSION),  # with RMVF 0; the RTC's bits are written as they are read
    "flash (RM0367 3.3.4, 3.7)",
    change(RCC.AHBENR, set=MIFEN),  # off, if the flash was powered down
    wait(FLASH.SR, BSY, 0),  # a page takes 3.2 ms
    write(FLASH.ACR, 0),  # no wait state, no prefetch, buffers on
    write(FLASH.SR, 0x32F02),  # flags
    write(FLASH.PECR, LOCKED),  # locked: keys that come twice are a bus error;
    write(FLASH.PEKEYR, 0x89ABCDEF),  # unlocked, since what was set before it
    write(FLASH.PEKEYR, 0x02030405),  # was locked (PROG, EOPIE) stays;
    write(FLASH.PECR, LOCKED),  # cleared and locked
]  # fmt: skip

AFTER: Script = [
    "exti (RM0367 13.5)",
    write(EXTI.IMR, 0x3F840000),
    fill(EXTI.EMR, 0, 4),
    write(EXTI.PR, 0xFFFFFFFF),
    cortex_m.armv6m(mpu_regions=REGIONS, vtor=0),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0367 10.2)",
    write(RCC.APB2ENR, SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(SYSCFG.CFGR1, clear=MEM_MODE, set=SYSTEM_MEMORY),  # system memory at 0; UFB stays
    wait(SYSCFG.CFGR1, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APB2ENR, 0),
]

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral (PWR goes back to range 2, which is enough
# for 2.1 MHz). Then SMENR. ENR is the same on all: MIFEN only; APB2ENR is last, for the remap.
PULSED = "   CICR IOPRSTR AHBRSTR APB2RSTR APB1RSTR"
LOW_POWER = "IOPSMENR AHBSMENR APB2SMENR APB1SMENR"


def registers(hsi48: bool, pulsed: str, low_power: str) -> Script:
    """A die's part of the script."""
    reset = {RCC.IOPENR: 0, RCC.AHBENR: MIFEN, RCC.APB1ENR: 0}
    return [
        write(RCC.CRRCR, 0) if hsi48 else [],  # HSI48 off
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row(reset | columns(LOW_POWER, RCC, low_power)),
    ]


def sram(kib: int) -> tuple[Ram, ...]:
    """SRAM (RM0367 2.2)."""
    return (Ram(0x20000000, kib * 1024),)


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI.
USART1 = Interface("USART1", "PA9/PA10")
USART2 = Interface("USART2", "PA2/PA3")
USART2_EITHER = Interface("USART2", "PA2/PA3 or PA9/PA10")
SPI1 = Interface("SPI1", "PA4-PA7")
SPI2 = Interface("SPI2", "PB12-PB15")
DFU = Interface("USB DFU", "PA11/PA12")
I2C1 = Interface("I2C1", "PB6/PB7")
I2C2 = Interface("I2C2", "PB10/PB11")
V4, V11 = (0x40, 0x41), (0xB1, 0xB2)  # of L072/073/082/083 and of L071/081

AN2606 = "AN2606 says that no L0 can be jumped into"
STAYS = f"users report that a jump to this ROM works, though {AN2606}"
UNKNOWN = f"nobody has reported yet whether a jump to this ROM works; {AN2606}"
# WRPROT (RM0367 3.7.9, 3.7.10)
WRPROT = WriteProtection(
    1, (Bank(FLASH.WRPR, 0, 0x08000000, (4,)), Bank(SECOND.WRPR2, 0, 0x08020000, (4,)))
)

WATCHDOG = common.watchdog(FLASH.OPTR, 20, "WDG_SW")
# AN2606 Table 2 pattern 7, figures 83 and 85; headers: OPTR.BFB2, SYSCFG_CFGR1.UFB
DUAL_BOOT = (
    WATCHDOG,
    common.dual_boot(FLASH.OPTR, 23),
    common.bank_2_runs(SYSCFG.CFGR1, 3),
)

SVDS = ("SVD", "collected SVD")
DISPUTED = (
    Disputed(
        "RCC.*SMENR", SVDS, "",
        "each implemented bit is 1 after a reset; the SVD files give all dies the values of the "
        "L05x and L06x, where that rule holds bit for bit; for the others it is the headers' bits",
    ),
    Disputed(
        "RCC.AHBRSTR bit 8", ("SVD", "modm-devices", "bench", "collection"), "1",
        "left out: MIFRST works only while the flash is powered down, so the flash interface goes "
        "back register by register",
    ),
    Disputed(
        "RCC.APB2RSTR bit 22", ("SVD", "bench", "collection"), "1",
        "left out: DBGRST would reset DBGMCU, which a system reset does not",
    ),
)  # fmt: skip

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x447, "STM32L071/072/073/081/082/083", sram(20),
        registers(
            True, "1FF 9F 01111001 00005225 F8FE4A33",
            "0000009F 01111301 00405225 F8FE4A33",
        ),
        rom_id=0x1FF01FFE, ids=(0x40, 0x41, 0xB1, 0xB2), closed=(0x41, 0xB2),
        interfaces=(USART1, USART2, *only(V4, DFU), *only(V11, I2C1, I2C2, SPI1, SPI2)),
        notes=(
            Note(STAYS, (0x40,)),
            Note(f"users report that this ROM starts the application; {AN2606}", (0x41,)),
            Note(UNKNOWN, (0xB1,)),
            Note("this ROM looks for a bank to start, as 4.1 does", (0xB2,)),
            Note("USB DFU needs no crystal", V4),  # AN2606 below table 148
            Note(common.HUB, (0x41,)),  # AN2606 table 149
        ),
        sectors=(32, 16), options=DUAL_BOOT,
    ),
    Die(
        0x417, "STM32L051/052/053/062/063", sram(8),
        registers(
            True, "1FF 8F 01111001 00005225 B8E64A11",
            "0000008F 01111301 00405225 B8E64A11",
        ),
        rom_id=0x1FF00FFE, ids=(0xC0,), interfaces=(USART1, USART2, SPI1, SPI2),
        notes=(Note(STAYS),),
        sectors=(16,), options=(WATCHDOG,),
    ),
    Die(
        0x425, "STM32L031/041", sram(8),
        registers(
            False, "1BF 87 01001001 00001225 90260801",
            "00000087 01001301 00401225 90260801",
        ),
        rom_id=0x1FF00FFE, ids=(0xC0,), interfaces=(USART2_EITHER, SPI1),
        notes=(Note(UNKNOWN),),
        sectors=(8,), options=(WATCHDOG,),
    ),
    Die(
        0x457, "STM32L011/021", sram(2),
        registers(
            False, "0BF 07 01001001 00001205 90260801",
            "00000007 01001301 00401205 90260801",
        ),
        rom_id=0x1FF00FFE, ids=(0xC2, 0xC3), closed=(0xC2, 0xC3),
        interfaces=(
            USART2_EITHER,
            *only((0xC2,), SPI1),
            # in TSSOP14 the second one, which 12.2 has not got (AN2606 table 143)
            *only((0xC3,), Interface("SPI1", "PA4-PA7 or PA4/PA13/PA14/PA7")),
        ),
        notes=(
            Note("this ROM starts the application unless the first word of the flash is erased"),
            Note("no SPI1 in package TSSOP14", (0xC2,)),
            Note("in TSSOP14 SPI1 needs a falling edge of NSS first", (0xC3,)),
        ),
        disputed=(
            Disputed(
                "RAM at 20000000", ("stlink",), "00002000",
                "stlink has that of categories 2 and 3 (L03x, L05x)",
            ),
        ),
        sectors=(4,), options=(WATCHDOG,),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 and APB2 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR, slot))


FAMILY = Family(
    name="STM32L0",
    core=M0PLUS,
    idcode=0x40015800,  # DBGMCU_BASE of the headers
    idcode_clock=Bit(RCC.APB2ENR, 22),  # DBGEN
    vectors=VECTORS,
    rom_end=0x1FF02000,  # of 0x447; 0x1FF01000 of the others (AN2606 rev 70 Table 226)
    flash=0x08000000,  # RM0367 3.3
    flash_size=0x1FF8007C,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FF80050, 0x1FF80054, 0x1FF80064),  # LL_GetUID_Word0 to 2
    geometry=Geometry((0.125,)),  # RM0367 3.3.1, RM0377 3.3.1
    protection=FLASH.OPTR,  # RDPROT in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (FLASH.OPTR,),  # WPRMOD; RM0367 3.7
        bit=8,
        about="PCROP (FLASH_OPTR.WPRMOD) is on: the ROM cannot read, write or erase the sectors "
        "under it. Only a readout regression from level 1 to 0 lifts it, which erases the flash",
    ),
    states=(State("the firewall has its clock (APB2ENR.FWEN)", (is_set(RCC.APB2ENR, 7),)),),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRPROT,
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        *(apb1("USART2", 17), apb1("LPUART1", 18), apb1("USART4", 19), apb1("USART5", 20)),
    ),
    usb=(usb_fs("USB", 0x40005C00, Bit(RCC.APB1ENR, 23)),),  # USB_BASE of the headers
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
    disputed=DISPUTED,
)
