"""STM32H7, but for H7A3, H7B0 and H7B3: one row for each die, and the way back to reset.

Those three have a table of their own (h7a.py), as their ROM and their clock enables are elsewhere;
the functions here make their script too.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(HAL_DeInit, HAL_RCC_DeInit, LL_RCC_DeInit, LL_EXTI_DeInit: masks of RSTR, values after a reset,
order); AN2606 rev 70 tables 3, 133 to 136 and 226 (bootloader); Renode's models of H7 RCC, EXTI
and FLASH. RM0399 rev 4 (dual core, the same die 0x450) was read: RCC.CR, PLLCKSELR, PLLCFGR,
PLL1DIVR, D3AMR, CSR (9.7.2 to 9.7.37), AHB3LPENR to APB4LPENR (9.7.48 to 9.7.56), FLASH (4.9.40),
PWR.D3CR and WKUPEPR (7.8.7, 7.8.10), EXTI.CnIMR (21.6.19 to 21.6.25), flash size, unique ID and
line identifier (64.1 to 64.3); the values of 0x450 here are those. For the rest the chapters of
RM0433 (H74x/H75x), which RM0468 (H72x/H73x) shares, say where to read on.

There is no remap: the ROM is entered where it lies, and VTOR names its vector table. A reset that
boots system memory would start at 0x1FF00000 (AN2606 pattern 10: BOOT_ADDx is 0x1FF0), whose code
goes on to the bootloader at 0x1FF09800 (AN2606 tables 133, 135).

What a system reset leaves alone stays here too: PWR.CR2, CR3 (the supply, written once after
power-on) and the backup domain, the reset flags, DBGMCU. What software cannot put back, as only a
reset clears it: WWDG1 and its clock, RCC.CR.CSSHSEON, RCC.GCR; those lead to a reset (`states`). A
Cortex-M4 that starts at each reset (dual core, option byte BCM4) is refused, as it would run on
beside the ROM. Not proven: that revision Y has the line identifier, which tells one core from two.
What stays although a reset may clear it: what is the Cortex-M4's alone (PWR.CPU2CR, EXTI.C2xxx,
RCC.C2_xxx, IWDG2), RAMECC, RCC.CKGAENR and FLASH.CRCCR, which no firmware is known to use, and
the AXI interconnect, but for AXI_TARG7_FN_MOD: ST's SystemInit writes 1 to it on revision Y,
against an erratum of AXI SRAM, where the script runs.

Where sources disagree:
- RCC.CR: 00000001 (RM0399 9.7.2; HAL_RCC_DeInit and SystemInit clear all else), SVD 00000083.
- RCC.APB4ENR: RTCAPBEN is 1 (RM0399 9.7.47, Renode), SVD 0.
- LPENR: each implemented bit is 1 after a reset (RM0399 9.7.48 to 9.7.56, of 0x450; of the others
  it is the headers' bits). The SVD files say 0.
- See `disputed` of the family and of the dies, and docs/facts.md.
- FLASH.ACR: 00000037 (RM0399 4.9.40, SVD, Renode; FLASH_LATENCY_DEFAULT is 7 in the headers).
- EXTI.CPUIMR3 of 0x450: 018BFFFF (RM0399 21.6.25), with line 88, which the headers have not.
- RCC.HSICFGR: revision Y of 0x450 has HSITRIM in bits 17:12, later ones in 30:24 (HAL: REV_Y).
  Only bits 30:24 are written: 40 is right for both, as it is CSITRIM 10 on revision Y.
"""

from __future__ import annotations

from . import common, cortex_m
from .family import (
    M7,
    Area,
    Bank,
    Bit,
    Check,
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
    WriteProtection,
    is_set,
    only,
    otg,
)
from .geometry import Geometry
from .language import Block, Register, Script, change, columns, fill, row, wait, write

IRQS = 163  # of the H72x, the most of any H7 (IRQn_Type of the headers)
REGIONS = 16  # of the MPU (MPU_REGION_NUMBER15 is the last in ST's HAL)

RCC_SHARED = {
    **{"CR": 0x00, "HSICFGR": 0x04, "CRRCR": 0x08, "CSICFGR": 0x0C, "CFGR": 0x10},
    **{"PLLCKSELR": 0x28, "PLLCFGR": 0x2C, "PLL1DIVR": 0x30, "PLL1FRACR": 0x34},
    **{"PLL2DIVR": 0x38, "PLL2FRACR": 0x3C, "PLL3DIVR": 0x40, "PLL3FRACR": 0x44},
    **{"CIER": 0x60, "CIFR": 0x64, "CICR": 0x68, "BDCR": 0x70, "CSR": 0x74},
    **{"AHB3RSTR": 0x7C, "AHB1RSTR": 0x80, "AHB2RSTR": 0x84, "AHB4RSTR": 0x88, "APB3RSTR": 0x8C},
    **{"APB1LRSTR": 0x90, "APB1HRSTR": 0x94, "APB2RSTR": 0x98, "APB4RSTR": 0x9C},
}


def clocks(base: int) -> dict[str, int]:
    """ENR and LPENR from an offset on, with a word between them."""
    buses = ("AHB3", "AHB1", "AHB2", "AHB4", "APB3", "APB1L", "APB1H", "APB2", "APB4")
    enables = {f"{bus}ENR": base + 4 * i for i, bus in enumerate(buses)}
    return enables | {f"{bus}LPENR": base + 0x28 + 4 * i for i, bus in enumerate(buses)}


# RM0433 8.7
RCC = Block(
    "RCC", 0x58024400,
    **RCC_SHARED,
    D1CFGR=0x18, D2CFGR=0x1C, D3CFGR=0x20,
    D1CCIPR=0x4C, D2CCIP1R=0x50, D2CCIP2R=0x54, D3CCIPR=0x58, GCR=0xA0, D3AMR=0xA8,
    **clocks(0xD4),
)  # fmt: skip
# RM0433 4.9
FLASH = Block(
    "FLASH", 0x52002000,
    ACR=0x00, KEYR1=0x04, CR1=0x0C, SR1=0x10, CCR1=0x14, OPTCR=0x18,
    OPTSR_CUR=0x1C, PRAR_CUR1=0x28, WPSN_CUR1=0x38, WPSN_CUR2=0x138,
    KEYR2=0x104, CR2=0x10C, SR2=0x110, CCR2=0x114,
    PRAR_CUR2=0x128,
)  # fmt: skip
# RM0433 6.8
PWR_SHARED = {"CR1": 0x00, "CPUCR": 0x10, "WKUPEPR": 0x28}
PWR = Block("PWR", 0x58024800, **PWR_SHARED, D3CR=0x18)
# RM0433 18.6, 19.6
DMAMUX1 = Block("DMAMUX1", 0x40020800, CCR=(0x00, 16), RGCR=(0x100, 8))
DMAMUX2 = Block("DMAMUX2", 0x58025800, CCR=(0x00, 8), RGCR=(0x100, 8))
# RM0433 20.6
# The AXI interconnect. SystemInit of ST's H74x changes this on revision Y (errata sheet ES0392).
AXI = Block("AXI", 0x51000000, TARG7_FN_MOD=0x8108)
EXTI = Block(
    "EXTI", 0x58000000,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, D3PMR1=0x0C, D3PCR1L=0x10, D3PCR1H=0x14,
    RTSR2=0x20, FTSR2=0x24, SWIER2=0x28, D3PMR2=0x2C, D3PCR2L=0x30, D3PCR2H=0x34,
    RTSR3=0x40, FTSR3=0x44, SWIER3=0x48, D3PMR3=0x4C, D3PCR3L=0x50, D3PCR3H=0x54,
    CPUIMR1=0x80, CPUEMR1=0x84, CPUPR1=0x88, CPUIMR2=0x90, CPUEMR2=0x94, CPUPR2=0x98,
    CPUIMR3=0xA0, CPUEMR3=0xA4, CPUPR3=0xA8,
)  # fmt: skip

HSION, HSIRDY, HSIDIVF = 1 << 0, 1 << 2, 1 << 5  # RCC.CR
CSIRDY, HSI48RDY, HSERDY = 1 << 8, 1 << 13, 1 << 17
PLL1RDY, PLL2RDY, PLL3RDY = 1 << 25, 1 << 27, 1 << 29
SW, SWS = 7, 7 << 3  # RCC.CFGR
BSY, QW, CRC_BUSY = 1 << 0, 1 << 2, 1 << 3  # FLASH.SR
LOCK = 1 << 0  # FLASH.CR
OPTLOCK, MER, OPTCHANGEERRIE = 1 << 0, 1 << 4, 1 << 30  # FLASH.OPTCR
DMA1EN, BDMAEN = 1 << 0, 1 << 21  # RCC.AHB1ENR, RCC.AHB4ENR (BDMA2EN on the H7A)
VOSRDY = 1 << 13  # PWR.D3CR, SRDCR
ERASE_TRIES = 0x2000000  # 4 s and more, as long as the erase of a sector may take (datasheets)


def before(rcc: Block, prescalers: Register, kernel: Register) -> Script:
    """prescalers: the first of three registers; kernel: the first of four, kernel clocks."""
    return [
        cortex_m.systick_off(),
        cortex_m.interrupts_off(IRQS),
        "clocks (RM0433 8.7; order: HAL_RCC_DeInit)",
        change(rcc.CR, set=HSION),
        wait(rcc.CR, HSIRDY, HSIRDY, unnoticed="the switch waits for HSI by itself, SWS for both"),
        change(rcc.CFGR, clear=SW),  # SYSCLK from HSI
        wait(rcc.CFGR, SWS, 0),
        fill(kernel, 0, 4),  # while the clocks run that were selected: a switch needs both
        write(rcc.CR, HSION),  # CSI, HSI48, HSE and every PLL off
        wait(rcc.CR, CSIRDY | HSI48RDY | HSERDY | PLL1RDY | PLL2RDY | PLL3RDY, 0),
        write(rcc.CR, HSION),  # again: HSIDIV yields only while no PLL is on, HSEBYP without HSE
        wait(
            *(rcc.CR, HSIRDY | HSIDIVF, HSIRDY | HSIDIVF),
            unnoticed="the bench divides at once, and nothing depends on how fast HSI is here",
        ),
        change(rcc.HSICFGR, clear=0x3F000000, set=0x40000000),  # HSITRIM, see above
        write(rcc.CSICFGR, 0x20000000),
        write(rcc.CFGR, 0),
        fill(prescalers, 0, 3),
        row(
            {
                rcc.PLLCKSELR: 0x02020200,
                rcc.PLLCFGR: 0x01FF0000,
                **dict.fromkeys((rcc.PLL1DIVR, rcc.PLL2DIVR, rcc.PLL3DIVR), 0x01010280),
                **dict.fromkeys((rcc.PLL1FRACR, rcc.PLL2FRACR, rcc.PLL3FRACR), 0),
                rcc.CIER: 0,
            }
        ),
        write(rcc.CSR, 0),  # LSI off
    ]


def bank(number: int, control: int, flags: int) -> Script:
    """A bank of the flash. control: CR after a reset; flags: all that CCR clears."""
    cr, sr, keyr, ccr = (getattr(FLASH, f"{name}{number}") for name in ("CR", "SR", "KEYR", "CCR"))
    return [
        wait(sr, BSY | QW | CRC_BUSY, 0, tries=ERASE_TRIES),  # a running erase ends first
        write(ccr, flags),
        write(cr, LOCK),  # locked, so that the keys are right;
        write(keyr, 0x45670123),  # unlocked, since what was set before it
        write(keyr, 0xCDEF89AB),  # was locked (PSIZE, EOPIE) stays;
        write(cr, control),  # as after a reset, and locked
    ]


def flash(banks: int, control: int, flags: int, acr: int) -> Script:
    """The banks, the option bytes as they are, and the wait states."""
    return [
        "flash (RM0433 4.9)",
        *(bank(number, control, flags) for number in range(1, banks + 1)),
        change(FLASH.OPTCR, clear=MER | OPTCHANGEERRIE, set=OPTLOCK),
        write(FLASH.ACR, acr),
    ]


# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral. Then LPENR. ENR is the same on all.
PULSED = "    AHB3RSTR AHB1RSTR AHB2RSTR AHB4RSTR APB3RSTR APB1LRSTR APB1HRSTR APB2RSTR APB4RSTR"
LOW_POWER = """ AHB3LPENR AHB1LPENR AHB2LPENR AHB4LPENR APB3LPENR
                APB1LLPENR APB1HLPENR APB2LPENR APB4LPENR"""
ENABLES = "AHB3ENR AHB1ENR AHB2ENR AHB4ENR APB3ENR APB1LENR APB1HENR APB2ENR APB4ENR"
RTCAPBEN = "0 0 0 0 0 0 0 0 10000"


def registers(rcc: Block, autonomous: Register, pulsed: str, low_power: str) -> Script:
    """A die's rows of RCC. autonomous: D3AMR or SRDAMR."""
    reset = columns(ENABLES, rcc, RTCAPBEN) | columns(LOW_POWER, rcc, low_power)
    return [
        "peripherals",
        row({rcc.CICR: 0x7FF} | columns(PULSED, rcc, pulsed), pulsed=True),
        "dmamux (RM0433 18.6, 19.6): no bit of RSTR is known to reset it; it has the DMAs' clocks",
        change(rcc.AHB1ENR, set=DMA1EN),
        change(rcc.AHB4ENR, set=BDMAEN),
        fill(DMAMUX1.CCR, 0, 16),
        fill(DMAMUX1.RGCR, 0, 8),
        fill(DMAMUX2.CCR, 0, 8),
        fill(DMAMUX2.RGCR, 0, 8),
        row(reset),
        write(autonomous, 0),
    ]


def power(pwr: Block, scaling: Register, vos: int) -> Script:
    """scaling: D3CR or SRDCR; vos: its value after a reset."""
    return [
        "power (RM0433 6.8): scale 3 is enough for 64 MHz. SYSCFG was reset, so there is no VOS0",
        write(pwr.CR1, 0xF000C000),
        write(pwr.CPUCR, 0),
        write(pwr.WKUPEPR, 0),  # wake-up pins and their pulls (RM0399 7.8.10)
        write(scaling, vos),
        wait(scaling, VOSRDY, VOSRDY, unnoticed="64 MHz are slow enough for every scale"),
    ]


def exti(imr2: int, imr3: int) -> Script:
    """CPUIMR2 and CPUIMR3 after a reset."""
    return [
        "exti (RM0433 20.6)",
        *(fill(register, 0, 6) for register in (EXTI.RTSR1, EXTI.RTSR2, EXTI.RTSR3)),
        row(
            {
                **{EXTI.CPUIMR1: 0xFFC00000, EXTI.CPUIMR2: imr2, EXTI.CPUIMR3: imr3},
                **dict.fromkeys((EXTI.CPUEMR1, EXTI.CPUEMR2, EXTI.CPUEMR3), 0),
                **dict.fromkeys((EXTI.CPUPR1, EXTI.CPUPR2, EXTI.CPUPR3), 0xFFFFFFFF),
            }
        ),
    ]


def after(vectors: int) -> Script:
    """The end of the script: no remap."""
    return [
        cortex_m.armv7m(mpu_regions=REGIONS, fpu=True, vtor=vectors, caches=True),
        cortex_m.nothing_pending(IRQS),
    ]


def rams(axi_kib: int) -> tuple[Ram, ...]:
    """AXI SRAM, where MicroPython has its stack, and DTCM (RM0433 2.4, AN2606 table 226)."""
    return (Ram(0x24000000, axi_kib * 1024), Ram(0x20000000, 128 * 1024))


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI.
USART1 = Interface("USART1", "PA9/PA10")
USART1_EITHER = Interface("USART1", "PA9/PA10 or PB14/PB15")
USART2 = Interface("USART2", "PA2/PA3")
USART3 = Interface("USART3", "PB10/PB11")
USART3_EITHER = Interface("USART3", "PB10/PB11 or PD8/PD9")
DFU = Interface("USB DFU", "PA11/PA12")
FDCAN1 = Interface("FDCAN1", "PH13/PH14")
FDCAN1_EITHER = Interface("FDCAN1", "PH13/PH14 or PD1/PD0")
I2C = (
    Interface("I2C1", "PB6/PB9"),
    Interface("I2C2", "PF1/PF0"),
    Interface("I2C3", "PA8/PC9"),
)
SPI1 = Interface("SPI1", "PA4-PA7")
SPI2 = Interface("SPI2", "PI0-PI3")
SPI3 = Interface("SPI3", "PA15/PC10-PC12")
SPI4 = Interface("SPI4", "PE11-PE14")
V9 = (0x90, 0x91, 0x92)  # 13.2 and 13.3 (0xD2, 0xD3) came first

WRONG_SIZE = "over USB it tells a wrong size of flash or sectors"
PB15 = Note("with PB15 low only USB answers", V9)  # AN2606 table 136
HSI48 = "USB DFU needs no crystal (HSI48)"
# AN2606 rev 70 tables 133, 135, 137: then only the next power-on unlocks PWR_CR3, and firmware
# that wants an SMPS may wait for it for ever. Seen on silicon: commaai/panda, pull request 1561
LOCKS_SUPPLY = "a power-on with BOOT0 fixes the supply (PWR_CR3)"
RDP_LOOP = "at protection level 1 with a USB cable the ROM resets for ever"
# AN2606 rev 70 table 136
NOTES_H74 = (
    Note("USB DFU needs a crystal on HSE", (0xD2,)),
    Note(HSI48, (0xD3, *V9)),
    Note("no Go, USART2, SPI1; I2C mass erase is of bank 2", (0xD2,)),
    Note("no bank erase, no DFU mass erase", (0xD3,)),
    PB15,
    Note(LOCKS_SUPPLY, (0xD2, 0xD3, 0x90)),
    Note("Go may fail: the stack is in the last 16 bytes of SRAM", V9),
    Note("USART1 sends on PA9 and PB14", (0x90, 0x91)),
    Note("after power-on it needs a reset or a pull-up on PA11", (0x90,)),
    # the first half: of 9.1; the other: betaflight-configurator, pull requests 1861 and 5348
    Note("wait after erasing bank 2; DFU may hang", V9),
)


def wrpsn(kib: int, unit: str = "sectors") -> WriteProtection:
    """WRPSn of each bank (RM0433 4.9.20; headers: FLASH_WPSN_CUR1, FLASH_SECTOR_SIZE)."""
    return WriteProtection(
        0,
        (
            Bank(FLASH.WPSN_CUR1, 0, 0x08000000, (kib,)),
            Bank(FLASH.WPSN_CUR2, 0, 0x08100000, (kib,)),
        ),
        unit,
    )


WATCHDOG = common.watchdog(FLASH.OPTSR_CUR, 4, "IWDG1_SW")
SWAP = Option(
    FLASH.OPTSR_CUR, 31, 1,
    "the banks are swapped (SWAP_BANK_OPT): 0x08000000 is bank 2; sectors here are without it",
)  # fmt: skip

ROM_AREA = (
    Disputed(
        "ROM: vector table",
        ("stm32flash", "stlink"),
        "1FF00000",
        "the ROM begins there, and goes on to the bootloader (AN2606 tables 133, 135, 137)",
    ),
    Disputed(
        "ROM: end",
        ("stlink",),
        "1FF20000",
        "128 KiB, as in AN2606 tables 133, 135 and 137; table 226 is right, as the bootloader ID "
        "(table 3) is in the last two bytes that it has",
    ),
)
DIRECT_LINES = Disputed(
    "EXTI.CPUIMR[23]",
    ("collected SVD",),
    "",
    "1 for the lines that come from a peripheral directly (RM0399 21.6.19 to 21.6.25, note in "
    "stm32h7xx_ll_exti.h), which is each line of the headers that has no RTSR; SVD and "
    "LL_EXTI_DeInit say 0",
)
DISPUTED = (
    *ROM_AREA,
    DIRECT_LINES,
    Disputed(
        "RCC.AHB3RSTR bit 31",
        ("collection", "Linux"),
        "1",
        "left out, as in HAL_DeInit: CPURST (header of the H72x) resets this core",
    ),
    Disputed(
        "RCC.APB4RSTR bit 26",
        ("Linux",),
        "1",
        "the temperature sensor is on the H72x and H7A (headers: DTSRST); there it is reset",
    ),
    Disputed(
        "FLASH.CR1",
        ("collected SVD",),
        "",
        "PSIZE 3, LOCK (RM0399 4.9.40); the SVD file has 0 for bank 1 and 31 for bank 2",
    ),
)

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x450, "STM32H742/743/745/747/750/753/755/757", rams(512),
        [
            flash(2, control=0x31, flags=0x1FEF0000, acr=0x37),
            registers(
                RCC, RCC.D3AMR,
                "15031 0A00C023 271 032807FF 18 E8FFC3FF 136 31D73033 0020DEAA",
                "F0015131 1E03C023 E0000271 312807FF 58 E8FFCBFF 136 31D73033 0421DEAA",
            ),
            power(PWR, PWR.D3CR, 0x4000),
            "axi (RM0433 2.2)",
            write(AXI.TARG7_FN_MOD, 0),
            exti(0xFFF5FFFF, 0x018BFFFF),
        ],
        rom_id=0x1FF1E7FE, ids=(*V9, 0xD2, 0xD3),
        interfaces=(
            USART1_EITHER, *only((*V9, 0xD3), USART2), USART3, DFU, *I2C,
            *only((*V9, 0xD3), SPI1), SPI2, SPI3, SPI4, *only(V9, FDCAN1),
        ),
        notes=NOTES_H74,
        sectors=(8, 8),
        options=(WATCHDOG, SWAP),
        disputed=(
            Disputed(
                "RCC.APB2RSTR bit 30", ("modm-devices",), "1",
                "DFSDM1 has bit 28 on these dies (headers); bit 30 is that of the H72x",
            ),
        ),
    ),
    Die(
        0x483, "STM32H723/725/730/733/735", rams(320),
        [
            flash(1, control=0x31, flags=0x1FEF0000, acr=0x37),
            registers(
                RCC, RCC.D3AMR,
                "00E95011 02008023 30271 032806FF 8 EAFFC3FF 3000136 405730F3 0420DEAA",
                "F0E95111 06038023 60030271 312806FF 48 EAFFC3FF 3000136 405730F3 0421DEAA",
            ),
            power(PWR, PWR.D3CR, 0x4000),
            exti(0xFFF5DFFF, 0x0F817FFF),
        ],
        rom_id=0x1FF1E7FE, ids=(0x91, 0x92, 0x93),
        interfaces=(
            USART1, USART2, USART3_EITHER, DFU, *I2C, SPI1, SPI3, SPI4, FDCAN1_EITHER,
        ),
        # AN2606 rev 70 table 134
        notes=(
            Note(HSI48), Note(WRONG_SIZE, (0x91,)), Note(RDP_LOOP, (0x92,)),
            Note(LOCKS_SUPPLY, (0x91, 0x92)),
        ),
        sectors=(8,), options=(WATCHDOG,), geometry=Geometry((128,)),  # RM0468 4.3.4
        disputed=(
            Disputed(
                "RCC.APB1LLPENR", ("collection",), "E8FFC3FF in EAFFC3FF",
                "each implemented bit is 1 after a reset (headers); the other value, of stm32-rs, "
                "forgets I2C5",
            ),
        ),
    ),
)  # fmt: skip


def slot(name: str, bus: int, clock: Bit) -> Usart:
    """On an APB the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, bus + clock.number * 0x400, clock)


def usarts(rcc: Block) -> tuple[Usart, ...]:
    """UART9 and USART10 are on H72x, H73x and H7A only."""
    low = {"USART2": 17, "USART3": 18, "UART4": 19, "UART5": 20, "UART7": 30, "UART8": 31}
    high = {"USART1": 4, "USART6": 5, "UART9": 6, "USART10": 7}
    return (
        *(slot(name, 0x40000000, Bit(rcc.APB1LENR, bit)) for name, bit in low.items()),
        *(slot(name, 0x40010000, Bit(rcc.APB2ENR, bit)) for name, bit in high.items()),
        slot("LPUART1", 0x58000000, Bit(rcc.APB4ENR, 3)),
    )


def pcrop(*registers: Register) -> Pcrop:
    """Of each bank. As delivered the areas run from 0xFF to 0 (STM32CubeProgrammer); DMEP of them:
    HAL."""
    return Pcrop(
        (),
        areas=tuple(Area(register, register, 16, 0xFFF) for register in registers),
        about="PCROP (FLASH_PRAR_CUR) is on: the ROM cannot read, write or erase that area. Only "
        "level 1, then 0, with DMEP lifts it, and erases the flash",
    )


def states(rcc: Block) -> tuple[State, ...]:
    """Of any H7: HAL and LL say of CSSHSEON that only a reset or Standby changes it, RM0433 8.7.44
    of WWDG1EN that hardware resets it."""
    return (
        State("the window watchdog has its clock (APB3ENR.WWDG1EN)", (is_set(rcc.APB3ENR, 6),)),
        State("clock security of HSE is on (RCC_CR.CSSHSEON)", (is_set(rcc.CR, 19),)),
    )


# "H745", "H747", "H755" or "H757" in ASCII (RM0399 rev 4, 64.3). DEV_ID 0x450, its REV_IDs and the
# option byte BCM4 (1 as delivered on an STM32H750, too) do not tell one core from two.
DUAL_CORE = Check(0x1FF1E8C0, 0xFFFFFEFD, 0x48373435)
BCM4 = is_set(FLASH.OPTSR_CUR, 22)  # header of the STM32H745

FAMILY = Family(
    name="STM32H7",
    core=M7,
    idcode=0x5C001000,  # DBGMCU_BASE of the headers
    vectors=0x1FF09800,  # AN2606 rev 70 tables 133, 135
    rom_end=0x1FF1E800,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # RM0433 2.4
    flash_size=0x1FF1E880,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FF1E800, 0x1FF1E804, 0x1FF1E808),  # UID_BASE of the headers
    geometry=Geometry((128,), bank_kib=1024, second=8, far=0x08100000),  # RM0433 4.3.4; headers
    protection=FLASH.OPTSR_CUR,  # RDP in bits 15:8
    protection_shift=8,
    pcrop=pcrop(FLASH.PRAR_CUR1, FLASH.PRAR_CUR2),
    states=(
        *states(RCC),
        # "cleared by hardware after a system reset": HAL_RCCEx_WWDGxSysResetConfig, EnableBootCore
        State("WWDG1's scope is the system (RCC_GCR.WW1RSC)", (is_set(RCC.GCR, 0),)),
        State("WWDG2's scope is the system (RCC_GCR.WW2RSC)", (is_set(RCC.GCR, 1),)),
        State("the Cortex-M7 was started (RCC_GCR.BOOT_C1)", (is_set(RCC.GCR, 2),)),
        State("the Cortex-M4 was started (RCC_GCR.BOOT_C2)", (is_set(RCC.GCR, 3),)),
        State("WWDG2 has its clock (APB1LENR.WWDG2EN)", (is_set(RCC.APB1LENR, 11),)),
        State(
            "the Cortex-M4 of this dual-core chip starts at each reset (option byte "
            "FLASH_OPTSR.BCM4) and runs on beside the ROM",
            (DUAL_CORE, BCM4),
            lasting=True,
        ),
    ),
    dual_core=DUAL_CORE,
    lsi=RCC.CSR,
    iwdg=0x58004800,  # IWDG1_BASE of the headers
    write_protection=wrpsn(128),
    usart_kind=UsartKind.V2,
    usarts=usarts(RCC),
    usb=(
        otg("OTG_FS", 0x40080000, Bit(RCC.AHB1ENR, 27)),  # not on H72x, H73x and H7A
        otg("OTG_HS", 0x40040000, Bit(RCC.AHB1ENR, 25)),
    ),
    mpu_regions=REGIONS,
    before=before(RCC, RCC.D1CFGR, RCC.D1CCIPR),
    after=after(0x1FF09800),
    dies=DIES,
    blocks=(AXI, RCC, FLASH, PWR, EXTI, DMAMUX1, DMAMUX2),
    disputed=DISPUTED,
)
