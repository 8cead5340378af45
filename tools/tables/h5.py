"""STM32H562, H563, H573 (0x484), H523 and H533 (0x478), and the way back to reset. The functions
here make the script of the H503 too.

Sources: ST's CMSIS device headers (addresses, bits), its LL and HAL drivers (HAL_DeInit: masks of
RSTR; HAL_RCC_DeInit, LL_RCC_DeInit, LL_EXTI_DeInit: values after a reset, order);
ST's SVD files of the H503 to H573 (values after a reset); AN2606 rev 70 tables 2, 3, 9, 127 to
129 and 226 (bootloader). The chapters of RM0481 say where to read on.

There is no remap: the ROM is entered where it lies, and VTOR names its vector table. A reset with
BOOT0 high starts the SFSP in front of it, which "maps all the needed resources by the BL to the
nonsecure domain. A jump from the BL (Go) to an application using other resources does not work"
(AN2606 4.10, boot model V3_2); a jump from an application does not pass there.

After a reset SYSCLK is HSI at 32 MHz (64 MHz, HSIDIV 1), VCORE is at scale 3. Product states stand
in the place of readout protection levels. The STM32H503 has its ROM elsewhere (h503.py).

The ROM of the H523 and H533: 0x0BF97000 in AN2606 tables 124 and 226; a debugger showed a jump
there arrive in the ROM of an H573 and of an H523 (ST community, 165808), a user of an H533 goes
there too (td-p/901053). The address of its ID in table 3, 0x0BF8FFFE, is that of the H503 and not
in this ROM: here it is that of the H563, which nobody has confirmed.

What a system reset leaves alone stays here too: BDCR of RCC (LSI too) and of PWR, the reset flags,
PWR.SCCR (the supply), DBGMCU. What stays, as only a reset clears it: the window watchdog and its
clock, clock security of HSE, a half-written quad-word (states below); the locks in SBS.CFGR2 and
CNSLCKR, hide protection levels, EXTI.LOCKR, which no ROM needs; of GTZC what AHB1RSTR bit 24 does
not reset.

Where sources disagree:
- RCC.CR: 0000002B (SVD of the H523, H533), 00000023 (SVD of the others), 64 MHz (HAL_RCC_DeInit).
- RCC.APB1HLPENR: bit 30 is 1 in the SVD files; no field is there.
- EXTI.EMR1, EMR2: 0 (LL_EXTI_DeInit, SVD); those of IMR1, IMR2 (SVD of the H503).
"""

from __future__ import annotations

from . import common, cortex_m, st_cache
from .family import (
    M33,
    Bank,
    Bit,
    Check,
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
    WriteProtection,
    is_set,
    usb_fs,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 133  # of the H533, the most (IRQn_Type)
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL, without TrustZone)
VECTORS = 0x0BF97000  # AN2606 rev 70 Table 226

# RM0481 11.8, in the order of the addresses
RCC = Block(
    "RCC", 0x44020C00,
    CR=0x00, HSICFGR=0x10, CRRCR=0x14, CSICFGR=0x18, CFGR1=0x1C, CFGR2=0x20,
    PLL1CFGR=0x28, PLL2CFGR=0x2C, PLL3CFGR=0x30, PLL1DIVR=0x34, PLL1FRACR=0x38, PLL2DIVR=0x3C,
    PLL2FRACR=0x40, PLL3DIVR=0x44, PLL3FRACR=0x48, CIER=0x50, CIFR=0x54, CICR=0x58,
    AHB1RSTR=0x60, AHB2RSTR=0x64, AHB4RSTR=0x6C, APB1LRSTR=0x74, APB1HRSTR=0x78, APB2RSTR=0x7C,
    APB3RSTR=0x80,
    AHB1ENR=0x88, AHB2ENR=0x8C, AHB4ENR=0x94, APB1LENR=0x9C, APB1HENR=0xA0, APB2ENR=0xA4,
    APB3ENR=0xA8,
    AHB1LPENR=0xB0, AHB2LPENR=0xB4, AHB4LPENR=0xBC, APB1LLPENR=0xC4, APB1HLPENR=0xC8,
    APB2LPENR=0xCC, APB3LPENR=0xD0,
    CCIPR1=0xD8, CCIPR2=0xDC, CCIPR3=0xE0, CCIPR4=0xE4, CCIPR5=0xE8, BDCR=0xF0, RSR=0xF4,
    PRIVCFGR=0x114,
)  # fmt: skip
# RM0481 7.11
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, NSKEYR=0x04, OPTCR=0x1C, NSSR=0x20, NSCR=0x28, NSCCR=0x30, PRIVCFGR=0x3C,
    OPTSR_CUR=0x50, OPTSR2_CUR=0x70, PRIVBB1R1=0xC0, PRIVBB1R2=0xC4, PRIVBB1R3=0xC8,
    PRIVBB1R4=0xCC, WRP1R_CUR=0xE8, ECCCORR=0x100, ECCDETR=0x104,
    PRIVBB2R1=0x1C0, PRIVBB2R2=0x1C4, PRIVBB2R3=0x1C8, PRIVBB2R4=0x1CC, WRP2R_CUR=0x1E8,
)  # fmt: skip
# RM0481 10.11
PWR = Block(
    "PWR", 0x44020800,
    PMCR=0x00, VOSCR=0x10, VOSSR=0x14, DBPCR=0x24, UCPDR=0x2C, VMCR=0x34, USBSCR=0x38, WUCR=0x48,
    IORETR=0x50, PRIVCFGR=0x104,
)  # fmt: skip
# RM0481 14.3: in the place of SYSCFG
SBS = Block("SBS", 0x44000400, PMCR=0x100, FPUIMR=0x104, CCCSR=0x110, CCSWCR=0x118, ECCNMIR=0x14C)
# RM0481 19.6
EXTI = Block(
    "EXTI", 0x44022000,
    RTSR1=0x00, FTSR1=0x04, SWIER1=0x08, RPR1=0x0C, FPR1=0x10, PRIVCFGR1=0x18,
    RTSR2=0x20, FTSR2=0x24, SWIER2=0x28, RPR2=0x2C, FPR2=0x30, PRIVCFGR2=0x38,
    EXTICR1=0x60, EXTICR2=0x64, EXTICR3=0x68, EXTICR4=0x6C,
    IMR1=0x80, EMR1=0x84, IMR2=0x90, EMR2=0x94,
)  # fmt: skip

HSION, HSIRDY, HSIDIV_2, HSIDIVF = 1 << 0, 1 << 1, 1 << 3, 1 << 5  # RCC.CR
CSIRDY, HSI48RDY, HSERDY = 1 << 9, 1 << 13, 1 << 17
HSI_ONLY = HSION | HSIDIV_2
SW, SWS = 3, 3 << 3  # RCC.CFGR1
FLITFEN, DCACHE1EN, SBSEN = 1 << 8, 1 << 30, 1 << 1  # RCC.AHB1ENR, RCC.APB3ENR
VOSRDY = 1 << 3  # PWR.VOSSR
BSY, DBNE = 1 << 0, 1 << 3  # FLASH.NSSR
ERASE_TRIES = 0x400000  # 1.5 s; HAL_FLASH waits 1 s for the erase of a bank
LOCK, OPTLOCK, ECCC, ECCD = 1 << 0, 1 << 0, 1 << 30, 1 << 31  # NSCR, OPTCR, ECCCORR, ECCDETR

PLL_RESETS = {"CFGR": 0, "DIVR": 0x01010280, "FRACR": 0}


def before(irqs: int, plls: tuple[int, ...], clocks: int, caches: Script, power: Script) -> Script:
    """plls: their numbers; clocks: in AHB1ENR, of what is written to before the peripherals. The
    rest is of all dies."""
    ready = sum(1 << 2 * n + 23 for n in plls)
    registers = {name: [getattr(RCC, f"PLL{n}{name}") for n in plls] for name in PLL_RESETS}
    return [
        cortex_m.systick_off(),
        cortex_m.interrupts_off(irqs),
        "clocks (RM0481 11.8; order: HAL_RCC_DeInit)",
        change(RCC.CR, set=HSION),
        wait(RCC.CR, HSIRDY, HSIRDY, unnoticed="the switch waits for HSI by itself, SWS for both"),
        change(RCC.CFGR1, clear=SW),  # SYSCLK from HSI
        wait(RCC.CFGR1, SWS, 0),
        fill(RCC.CCIPR1, 0, 5),  # while the clocks run that were selected: a switch needs both
        write(RCC.CR, HSI_ONLY),  # CSI, HSI48, HSE and every PLL off
        wait(RCC.CR, CSIRDY | HSI48RDY | HSERDY | ready, 0),
        # again: HSIDIV yields only while no PLL is on, HSEBYP without HSE
        write(RCC.CR, HSI_ONLY),
        wait(
            *(RCC.CR, HSIRDY | HSIDIVF, HSIRDY | HSIDIVF),
            unnoticed="the bench divides at once, and nothing depends on how fast HSI is here",
        ),
        write(RCC.HSICFGR, 0x400000),  # HSITRIM; the calibration is read-only
        write(RCC.CSICFGR, 0x200000),
        fill(RCC.CFGR1, 0, 2),  # no prescalers, MCO
        row(
            {
                **{each: PLL_RESETS[name] for name, found in registers.items() for each in found},
                RCC.CIER: 0,
            }
        ),
        write(RCC.PRIVCFGR, 0),
        "flash (RM0481 7.11)",
        change(RCC.AHB1ENR, set=clocks),
        wait(FLASH.NSSR, BSY | DBNE, 0, tries=ERASE_TRIES),  # a running erase ends first
        write(FLASH.NSCCR, 0xFF0000),  # flags
        write(FLASH.NSCR, LOCK),  # locked, so that the keys are right;
        write(FLASH.NSKEYR, 0x45670123),  # unlocked, since what was set before it
        write(FLASH.NSKEYR, 0xCDEF89AB),  # was locked (PG, EOPIE) stays;
        write(FLASH.NSCR, LOCK),  # cleared and locked; option bytes as they are
        change(FLASH.OPTCR, set=OPTLOCK),
        write(FLASH.ACR, 0x13),
        write(FLASH.PRIVCFGR, 0),
        write(FLASH.PRIVBB1R1, 0),  # of the first 32 sectors of each bank
        write(FLASH.PRIVBB2R1, 0),
        write(FLASH.ECCCORR, ECCC),  # flags, and no interrupt
        write(FLASH.ECCDETR, ECCD, unnoticed="no error of the flash happens here"),
        caches,
        "power (RM0481 10.11): scale 3 is enough for 32 MHz. PWR has no reset",
        power,
        write(PWR.PRIVCFGR, 0),
        wait(PWR.VOSSR, VOSRDY, VOSRDY, unnoticed="32 MHz are slow enough for every scale"),
    ]


def sbs() -> Script:
    """Between the pulses of RSTR and the row with ENR."""
    return [
        "sbs (RM0481 14.3): without a reset",
        change(RCC.APB3ENR, set=SBSEN),
        wait(RCC.APB3ENR, SBSEN, SBSEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
        row(
            {
                **dict.fromkeys((SBS.PMCR, SBS.CCCSR, SBS.ECCNMIR), 0),
                **{SBS.FPUIMR: 0x1F, SBS.CCSWCR: 0x7878},
            }
        ),
    ]


def exti_masks(imr1: int, imr2: int) -> Script:
    """A line without a trigger is not masked after a reset."""
    return [row({EXTI.IMR1: imr1, EXTI.EMR1: 0, EXTI.IMR2: imr2, EXTI.EMR2: 0})]


def after(irqs: int, vectors: int) -> Script:
    """What follows a die's own lines."""
    return [
        "exti (RM0481 19.6)",
        fill(EXTI.RTSR1, 0, 3),
        fill(EXTI.RPR1, 0xFFFFFFFF, 2),
        write(EXTI.PRIVCFGR1, 0),
        fill(EXTI.RTSR2, 0, 3),
        fill(EXTI.RPR2, 0xFFFFFFFF, 2),
        write(EXTI.PRIVCFGR2, 0),
        fill(EXTI.EXTICR1, 0, 4),
        cortex_m.armv8m(mpu_regions=REGIONS, fpu=True, vtor=vectors),
        cortex_m.nothing_pending(irqs),
    ]


# Of all but the H503
BEFORE = before(
    IRQS,
    (1, 2, 3),
    clocks=FLITFEN | DCACHE1EN,
    caches=[st_cache.icache_off(), st_cache.dcache_off(st_cache.DCACHE1)],
    power=[
        row(
            {
                PWR.PMCR: 0xC,
                **dict.fromkeys((PWR.VOSCR, PWR.DBPCR, PWR.UCPDR, PWR.VMCR, PWR.USBSCR), 0),
                **dict.fromkeys((PWR.WUCR, PWR.IORETR), 0),
            }
        )
    ],
)

# CICR clears flags; RSTR resets every peripheral
PULSED = "   CICR AHB1RSTR AHB2RSTR AHB4RSTR APB1LRSTR APB1HRSTR APB2RSTR APB3RSTR"
RESET = "    5FF  10AD003  1F1DFF   111880   DFFEC1FF  80022B    17F7800  10F9E0"
RESET_533 = "5FF  1021003  1F1CFF   110880   13FEC07F  800228    1097800  100AC0"
CLOCKS = "   AHB1ENR  AHB2ENR  AHB4ENR APB1LENR APB1HENR APB2ENR APB3ENR"
ENABLED = "  D0000100 C0000000 0       0        0        0       0"
LOW_POWER = "AHB1LPENR AHB2LPENR AHB4LPENR APB1LLPENR APB1HLPENR APB2LPENR APB3LPENR"
SLEEPING = " F13AD103  C01F1DFF  111880    DFFEC9FF   80022B     17F7800   30F9E2"
SLEEP_533 = "F1021103  C01F1CFF  110880    13FEC87F   800228     1097800   300AC2"


def script(reset: str, sleeping: str) -> Script:
    """What differs from die to die."""
    return [
        "peripherals (RM0481 11.8)",
        row(columns(PULSED, RCC, reset), pulsed=True),
        sbs(),
        row(columns(CLOCKS, RCC, ENABLED) | columns(LOW_POWER, RCC, sleeping)),
    ]


AFTER = after(IRQS, VECTORS)

CRYSTAL = "USB DFU needs no crystal (HSI48)"
GO = (  # AN2606 rev 70 4.10
    "if a reset with BOOT0 high has started it, Go may not start an application: reset the chip"
)
SWAP = Option(
    FLASH.OPTSR_CUR, 31, 1,
    "the banks are swapped (SWAP_BANK): 0x08000000 is bank 2; addresses of protected sectors here "
    "are without the swap",
)  # fmt: skip
PROVISIONING = Option(  # AN2606 table 2, pattern 17
    FLASH.OPTSR_CUR, 8, 0x17,
    "the product state is Provisioning: every reset starts the ROM, not the flash",
    bits=8,
)  # fmt: skip

OPTIONS = (
    common.watchdog(FLASH.OPTSR_CUR, 3, "IWDG_SW"),
    SWAP,
    PROVISIONING,
    common.erased_by_reset(FLASH.OPTSR2_CUR, 2, "SRAM1_3_RST", "SRAM1 and SRAM3"),
)  # fmt: skip

H563 = Die(
    0x484, "STM32H562/563/573", (Ram(0x20000000, 640 * 1024),),  # SRAM1 to SRAM3
    [
        "flash (RM0481 7.11)",  # privileges of the sectors 32 to 127 of each bank
        fill(FLASH.PRIVBB1R2, 0, 3),
        fill(FLASH.PRIVBB2R2, 0, 3),
        script(RESET, SLEEPING),
        exti_masks(0xFFFE0000, 0x03DBBFFF),
    ],
    rom_id=0x0BF9FAFE, ids=(0xE3, 0xE4, 0xE5),  # AN2606 rev 70 tables 3 and 129
    # AN2606 rev 70 table 127. TX/RX, SCL/SDA, NSS-MOSI
    interfaces=(
        Interface("USART1", "PA9/PA10"),
        Interface("USART2", "PA2/PA3"),
        Interface("USART3", "PD8/PD9"),
        Interface("USB DFU", "PA11/PA12"),
        Interface("I2C3", "PA8/PC9"),
        Interface("I2C4", "PD12/PD13"),
        Interface("SPI1", "PA4-PA7"),
        Interface("SPI2", "PB12/PB10/PB14/PC1"),
        Interface("SPI3", "PA15/PC10-PC12"),
        Interface("FDCAN2", "PB13/PB5"),
        Interface("I3C1", "PB6/PB7"),
    ),
    notes=(
        Note(CRYSTAL),
        Note(GO),
        Note("one user reports an H573 that was entered by a jump and not seen on USB"),
        # AN2606 rev 70 table 129
        Note("an erase of sectors for data does not work on parts with 1 MiB", (0xE4,)),
    ),
    sectors=(32, 32), options=OPTIONS,
    disputed=(
        Disputed(
            "ROM: vector table", ("stlink",), "0BF80000",
            "where the system memory begins; the bootloader has the last 36 KiB (AN2606 tables "
            "127, 226)",
        ),
        Disputed("ROM: end", ("stlink",), "0BF88000", "as above: it has 32 KiB of it"),
        Disputed(
            "RCC.CR", ("collection",), "0000002B in 3F1F373F", "before HSIRDY and HSIDIVF rise"
        ),
    ),
)  # fmt: skip

H533 = Die(
    0x478, "STM32H523/533", (Ram(0x20000000, 272 * 1024),),  # SRAM1 to SRAM3
    [script(RESET_533, SLEEP_533), exti_masks(0x7FFE0000, 0x040B8FE0)],
    rom_id=0x0BF9FAFE, ids=(0xE0, 0xE2),  # see above; AN2606 rev 70 table 126
    # AN2606 rev 70 table 124, the packages with more than 48 pins first
    interfaces=(
        Interface("USART1", "PA9/PA10"),
        Interface("USART2", "PA2/PA3"),
        Interface("USART3", "PD8/PD9"),
        Interface("USB DFU", "PA11/PA12"),
        Interface("I2C1", "PB8/PB9"),
        Interface("I2C3", "PA8/PC9 or PA8/PB4"),
        Interface("SPI1", "PA4-PA7"),
        Interface("SPI2", "PB12/PB10/PB14/PC1 or PB12/PB10/PB14/PB15"),
        Interface("SPI3", "PA15/PC10-PC12"),
        Interface("FDCAN2", "PB13/PB5"),
        Interface("I3C1", "PB6/PB7 or PB8/PB7"),
    ),
    notes=(
        Note(CRYSTAL),
        Note(GO),
        Note("one user reports an H523 that was entered by a jump and not seen on USB"),
        Note("I2C and I3C are on wrong pins", (0xE0,)),  # AN2606 rev 70 table 126
    ),
    sectors=(8, 8), options=OPTIONS,  # a bit for four sectors; 32 in each bank (header)
)  # fmt: skip


def slots(bus: int, enable: str, **bits: int) -> tuple[Usart, ...]:
    """On an APB the block of clock bit n lies n KiB up the bus (headers)."""
    register = getattr(RCC, enable)
    return tuple(Usart(name, bus + bit * 0x400, Bit(register, bit)) for name, bit in bits.items())


TRUST_ZONE = State(
    "TrustZone is on (TZEN), and the ROM is for a core that is not in Secure state",
    (Check(FLASH.OPTSR2_CUR.address, 0xFF000000, 0xB4000000),),
    lasting=True,
)
STATES = (
    common.window_watchdog(FLASH.OPTSR_CUR, 4),
    State(
        # Open is ED, Provisioning 17, NS-Regression A3; all others are even (stm32h5xx_hal_
        # flash_ex.h). AN2606 table 2, pattern 17: Open and Provisioning
        "the product state (FLASH_OPTSR.PRODUCT_STATE) is neither Open nor Provisioning, and "
        "in others the ROM is closed to a host",
        (Check(FLASH.OPTSR_CUR.address, 1 << 8, 0),),
        lasting=True,
    ),
    common.window_watchdog_clock(RCC.APB1LENR),
    common.clock_security(RCC.CR),
    State("a quad-word of the flash is half written (FLASH_NSSR.WBNE)", (is_set(FLASH.NSSR, 1),)),
)

FAMILY = Family(
    name="STM32H5",
    core=M33,
    idcode=0x44024000,  # DBGMCU_BASE of the headers
    vectors=VECTORS,
    rom_end=0x0BFA0000,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # FLASH_BASE_NS of the headers
    flash_size=0x08FFF80C,  # FLASHSIZE_BASE of the headers
    unique_id=(0x08FFF800, 0x08FFF804, 0x08FFF808),  # UID_BASE of the headers
    geometry=Geometry((8,)),  # RM0481 7.3.1
    protection=None,
    states=(TRUST_ZONE, *STATES),
    lsi=RCC.BDCR,
    lsi_bit=26,
    iwdg=0x40003000,  # IWDG_BASE_NS of the headers
    # WRPSGn: a bit for four sectors of 8 KiB (SVD; FLASH_SECTOR_SIZE of the headers)
    write_protection=WriteProtection(
        0,
        (Bank(FLASH.WRP1R_CUR, 0, 0x08000000, (32,)), Bank(FLASH.WRP2R_CUR, 0, None, (32,))),
        "groups of 4 sectors",
    ),
    usart_kind=UsartKind.V2,
    usarts=(
        *slots(
            0x40000000, "APB1LENR",
            USART2=17, USART3=18, UART4=19, UART5=20, USART6=25, USART10=26, USART11=27, UART7=30,
            UART8=31,
        ),
        *slots(0x40008000, "APB1HENR", UART9=0, UART12=1),
        *slots(0x40010000, "APB2ENR", USART1=14),
        *slots(0x44000C00, "APB3ENR", LPUART1=6),
    ),
    usb=(usb_fs("USB", 0x40016000, Bit(RCC.APB2ENR, 24)),),  # USB_DRD_FS of the headers
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=(H563, H533),
    blocks=(RCC, FLASH, PWR, SBS, EXTI, st_cache.ICACHE, st_cache.DCACHE1),
)  # fmt: skip
