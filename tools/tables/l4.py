"""STM32L4 and L4+: one row for each die, and the way back to reset that all of them share.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL and HAL drivers
(LL_RCC_DeInit, HAL_RCC_DeInit, LL_EXTI_DeInit, HAL_PWREx_DisableLowPowerRunMode: values after a
reset, order); AN2606 rev 70 tables 2, 3, 162 to 177 and 226 (bootloader). The chapters of RM0351
(L47x, L48x, L49x, L4Ax), which RM0394 (L41x to L46x) and RM0432 (L4+) share, say where to read on.

After a reset SYSCLK is MSI at 4 MHz, VCORE is in range 1, the flash has no wait state and its
caches are on. What a system reset leaves alone stays here too: RCC.BDCR and the RTC, the reset
flags, PWR.SR1 (wake-up flags), DBGMCU. What software cannot put back, as only a reset clears it:
the window watchdog and its clock, the firewall and its clock, clock security of HSE, and MSIRGSEL,
which says that the range of MSI is that of RCC.CR, not of RCC.CSR: both are 4 MHz then, so a ROM
can live with it, and where no reset is possible it stays. Not proven: that SYSCFGRST clears the
locks in SYSCFG.CFGR2 and SWPR, of which the manual says that a system reset does.

PWRRST resets PWR.CR1 (range 1, 20 us before the ROM may want it), CR2 and no more (RM0351 5.4), so
CR3, CR4 and the pulls are written.

Where sources disagree:
- See `disputed` of the family and of the dies, and docs/facts.md.
- EXTI.IMR2: 00000087 or 00000187 (LL_EXTI_DeInit), FFFFFF87 (SVD). They agree in all bits that
  have a line.
- RSTR: the watchdogs have no bit.
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
    bits_of_others,
    is_set,
    only,
    otg,
    usb_fs,
)
from .geometry import Geometry, Other
from .language import Block, Register, Script, change, columns, fill, row, wait, write

IRQS = 95  # IRQn_Type of the L4+
REGIONS = 8  # of the MPU (MPU_REGION_NUMBER7 is the last in ST's HAL)

# RM0351 6.4, in the order of the addresses
RCC = Block(
    "RCC", 0x40021000,
    CR=0x00, ICSCR=0x04, CFGR=0x08, PLLCFGR=0x0C, PLLSAI1CFGR=0x10, PLLSAI2CFGR=0x14,
    CIER=0x18, CIFR=0x1C, CICR=0x20,
    AHB1RSTR=0x28, AHB2RSTR=0x2C, AHB3RSTR=0x30, APB1RSTR1=0x38, APB1RSTR2=0x3C, APB2RSTR=0x40,
    AHB1ENR=0x48, AHB2ENR=0x4C, AHB3ENR=0x50, APB1ENR1=0x58, APB1ENR2=0x5C, APB2ENR=0x60,
    AHB1SMENR=0x68, AHB2SMENR=0x6C, AHB3SMENR=0x70, APB1SMENR1=0x78, APB1SMENR2=0x7C,
    APB2SMENR=0x80, CCIPR=0x88, BDCR=0x90, CSR=0x94, CRRCR=0x98, CCIPR2=0x9C, DLYCFGR=0xA4,
)  # fmt: skip
# RM0351 3.7
FLASH = Block(
    "FLASH", 0x40022000,
    ACR=0x00, KEYR=0x08, SR=0x10, CR=0x14, ECCR=0x18, OPTR=0x20,
    PCROP1SR=0x24, PCROP1ER=0x28, WRP1AR=0x2C, WRP1BR=0x30,
    PCROP2SR=0x44, PCROP2ER=0x48, WRP2AR=0x4C, WRP2BR=0x50,
)  # fmt: skip
PULLS = [f"P{way}CR{port}" for port in "ABCDEFGHI" for way in "UD"]
# RM0351 5.4
PWR = Block(
    "PWR", 0x40007000,
    CR1=0x00, CR2=0x04, CR3=0x08, CR4=0x0C, SR1=0x10, SR2=0x14, CR5=0x80,
    **{name: 0x20 + 4 * i for i, name in enumerate(PULLS)},
)  # fmt: skip
SYSCFG = Block("SYSCFG", 0x40010000, MEMRMP=0x00)  # RM0351 9.2.1
# RM0351 14.5
EXTI = Block(
    "EXTI", 0x40010400,
    IMR1=0x00, EMR1=0x04, RTSR1=0x08, FTSR1=0x0C, SWIER1=0x10, PR1=0x14,
    IMR2=0x20, EMR2=0x24, RTSR2=0x28, FTSR2=0x2C, SWIER2=0x30, PR2=0x34,
)  # fmt: skip

MSION, MSIRDY, MSIPLLEN, MSIRANGE, MSI_4_MHZ = 1 << 0, 1 << 1, 1 << 2, 15 << 4, 6 << 4  # RCC.CR
MSI_ONLY = MSION | MSIRDY | MSI_4_MHZ
HSIRDY, HSERDY, PLLRDY, PLLSAI1RDY, PLLSAI2RDY = 1 << 10, 1 << 17, 1 << 25, 1 << 27, 1 << 29
SW, SWS, HALVED = 3, 3 << 2, 8 << 4  # RCC.CFGR; HALVED: of HPRE
LSION, LSIPREDIV, MSISRANGE, MSIS_4_MHZ = 1 << 0, 1 << 4, 15 << 8, 6 << 8  # RCC.CSR
PWREN, FLASHEN, SYSCFGEN = 1 << 28, 1 << 8, 1 << 0  # RCC.APB1ENR1, AHB1ENR, APB2ENR
LPR, REGLPF = 1 << 14, 1 << 9  # PWR.CR1, PWR.SR2
BSY = 1 << 16  # FLASH.SR
LOCKED = 3 << 30  # FLASH.CR: OPTLOCK, LOCK
MEM_MODE, SYSTEM_MEMORY = 7, 1  # SYSCFG.MEMRMP

# Why no state misses these steps (see Step.unnoticed)
OF_L4_PLUS = "only an L4+ has more than 80 MHz (HAL_RCC_ClockConfig), and no board has one"
MSI_ELSEWHERE = "MSI is not at 4 MHz only with MSIRGSEL, which no jump clears: states go by reset"

BEFORE: Script = [
    cortex_m.systick_off(),
    cortex_m.interrupts_off(IRQS),
    "power (RM0351 5.1.7, 5.4): no low-power run, which is for 2 MHz and less",
    change(RCC.APB1ENR1, set=PWREN),
    wait(RCC.APB1ENR1, PWREN, PWREN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(PWR.CR1, clear=LPR),
    wait(PWR.SR2, REGLPF, 0, unnoticed="it takes 20 us, and so do the next steps at 2 MHz"),
    "clocks (RM0351 6.4; order: LL_RCC_DeInit)",
    change(RCC.CFGR, set=HALVED, unnoticed=OF_L4_PLUS),  # from above 80 MHz in two steps
    change(RCC.CR, set=MSION),
    wait(RCC.CR, MSIRDY, MSIRDY, unnoticed=MSI_ELSEWHERE),  # MSIRANGE must not change before
    change(RCC.CR, clear=MSIPLLEN | MSIRANGE, set=MSI_4_MHZ, unnoticed=MSI_ELSEWHERE),
    change(RCC.CFGR, clear=SW),  # SYSCLK from MSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CCIPR, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CR, MSI_ONLY),  # HSI16, HSE and every PLL off
    wait(RCC.CR, HSIRDY | HSERDY | PLLRDY | PLLSAI1RDY | PLLSAI2RDY, 0),
    write(RCC.CR, MSI_ONLY),  # again: HSEBYP yields only while HSE is off
    write(RCC.CFGR, 0),  # no prescalers, MCO
    write(RCC.PLLCFGR, 0x1000),
    write(RCC.CIER, 0),
    change(RCC.CSR, clear=LSION | LSIPREDIV | MSISRANGE, set=MSIS_4_MHZ),  # with RMVF 0
    "power (RM0351 5.4): what PWRRST leaves alone",
    row({PWR.CR3: 0x8000, PWR.CR4: 0}),
    fill(PWR.PUCRA, 0, 10),  # of the ports A to E
    "flash (RM0351 3.3, 3.7)",
    change(RCC.AHB1ENR, set=FLASHEN),  # off, if the flash was powered down
    wait(FLASH.SR, BSY, 0),  # a page takes 25 ms at the most
    write(FLASH.ACR, 0),  # no wait states (4 MHz), caches off,
    write(FLASH.ACR, 0x1800),  # emptied (ICRST, DCRST),
    write(FLASH.ACR, 0x600),  # and on
    write(FLASH.SR, 0xC3FB),  # flags
    write(FLASH.ECCR, 0xC0000000),  # flags, and no interrupt
    write(FLASH.CR, LOCKED),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked (PG, EOPIE) stays;
    write(FLASH.CR, LOCKED),  # cleared and locked; option bytes as they are
]  # fmt: skip

AFTER: Script = [
    "exti (RM0351 14.5)",
    write(EXTI.IMR1, 0xFF820000),
    fill(EXTI.EMR1, 0, 4),
    write(EXTI.PR1, 0xFFFFFFFF),
    write(EXTI.IMR2, 0xFFFFFF87),
    fill(EXTI.EMR2, 0, 4),
    write(EXTI.PR2, 0xFFFFFFFF),
    cortex_m.armv7m(mpu_regions=REGIONS, fpu=True),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0351 9.2.1)",
    write(RCC.APB2ENR, SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    write(SYSCFG.MEMRMP, SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.MEMRMP, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APB2ENR, 0),
]

# The registers of RCC in which dies differ, for the rows below. First those that are pulsed: CICR,
# to clear flags, and RSTR, to reset every peripheral. Then SMENR. Of ENR only APB1ENR1 differs;
# APB2ENR is last, for the remap.
PULSED = "   CICR AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR1 APB1RSTR2 APB2RSTR"
LOW_POWER = "     AHB1SMENR AHB2SMENR AHB3SMENR APB1SMENR1 APB1SMENR2 APB2SMENR"
RTCAPBEN = 1 << 10  # RCC.APB1ENR1


def registers(pulsed: str, low_power: str, *more: Register, rtc: int = RTCAPBEN) -> Script:
    """A die's rows of RCC. more: registers of the second half that are 0 after a reset."""
    enabled = {RCC.AHB1ENR: FLASHEN, RCC.AHB2ENR: 0, RCC.AHB3ENR: 0}
    enabled |= {RCC.APB1ENR1: rtc, RCC.APB1ENR2: 0, **dict.fromkeys(more, 0)}
    return [
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row(enabled | columns(LOW_POWER, RCC, low_power)),
    ]


def trim(hsi: int) -> Script:
    """MSITRIM is 0; the calibration is read-only."""
    return [write(RCC.ICSCR, hsi << 24)]


def sai_plls(count: int) -> Script:
    """While they are off, as after a reset."""
    return [fill(RCC.PLLSAI1CFGR, 0x1000, count)]


def ports(first: str, last: str) -> Script:
    """The pulls of these ports and of those between them."""
    words = 2 * (ord(last) - ord(first) + 1)
    return [fill(getattr(PWR, f"PUCR{first}"), 0, words)]


def sram(sram1: int, sram2: int, *, apart: bool = False) -> tuple[Ram, ...]:
    """KiB of SRAM1 and SRAM2 (RM0351 2.2). SRAM2 is seen from 0x10000000 on, and behind SRAM1 if
    it is not `apart`."""
    whole = sram1 if apart else sram1 + sram2
    return (Ram(0x20000000, whole * 1024), Ram(0x10000000, sram2 * 1024))


def whole(said: str, *sources: str) -> Disputed:
    return Disputed("RAM at 20000000", sources, said, "counts SRAM1, without SRAM2 behind it")


SDMMC = Disputed(
    "RCC.APB2RSTR bit 10", ("modm-devices",), "1",
    "SDMMC1 is on AHB2 there (headers: RCC_AHB2RSTR_SDMMC1RST)",
)  # fmt: skip
TRIM = Disputed(
    "RCC.ICSCR", ("SVD",), "10000000 in 7F00FF00",
    "HSITRIM is 64 where it has 7 bits (LL_RCC_DeInit); the SVD files have the 16 of 5 bits",
)  # fmt: skip


# Where ROMs listen, AN2606 rev 70: "configuration in system memory boot mode" of each line.
# Pins: TX/RX, SCL/SDA, NSS-MOSI, CAN TX/RX.
SERIAL = (
    Interface("USART1", "PA9/PA10"),
    Interface("USART2", "PA2/PA3"),
    Interface("USART3", "PC10/PC11"),
)
I2C = (
    Interface("I2C1", "PB6/PB7"),
    Interface("I2C2", "PB10/PB11"),
    Interface("I2C3", "PC0/PC1"),
)
SPI = (Interface("SPI1", "PA4-PA7"), Interface("SPI2", "PB12-PB15"))
CAN1 = Interface("CAN1", "PB9/PB8")
DFU = Interface("USB DFU", "PA11/PA12")
EVERY = (*SERIAL, *I2C, *SPI, CAN1, DFU)

V10, V9 = (0xA1, 0xA2, 0xA3), (0x90, 0x92)  # of the L47x and L48x; 0x91 was never used
HSI48 = Note("USB DFU needs no crystal (HSI48)")
JITTER = common.jitter(5)
CAN_CRYSTAL = Note("CAN needs HSE: 4, 6, 8, 9, 12, 16, 18, 20 or 24 MHz")
# AN2606 rev 70 tables 165, 167, 171, 173
SPI_WRITE = "over SPI wait 4 ms after a write, or bytes may stay erased"
DFU_WRITE = "over DFU writes of more than 256 bytes must be multiples of 8, or are corrupted"


def pages(register: Register, second_bank: bool) -> Area:
    """The first page in bits 7:0, the last one in bits 23:16 (RM0351 3.7.12)."""
    return Area(register, register, 16, 0xFF, second_bank)


def pcrop_area(start: Register, end: Register) -> Area:
    """Units of 8 or 16 bytes, the first and the last one each in a register (RM0351 3.7.9)."""
    return Area(start, end, 0, 0x1FFFF)


WRP = AreaProtection(
    (
        *(pages(register, False) for register in (FLASH.WRP1AR, FLASH.WRP1BR)),
        *(pages(register, True) for register in (FLASH.WRP2AR, FLASH.WRP2BR)),
    ),
    page_kib=2,  # FLASH_PAGE_SIZE of the HAL
)
BANK, BANKS = (1, 1), (1, 1, 1, 1)  # a 1 for each area
# L4+: FLASH_PAGE_SIZE, and FLASH_PAGE_SIZE_128_BITS, twice that (stm32l4xx_hal_flash.h), if
# OPTR.DBANK is 0 (RM0432 3.3.1); what WRP2xR says is of all the flash then, as on the G4.
PLUS_PAGE_KIB, DBANK = 4, Bit(FLASH.OPTR, 22)

WATCHDOG = common.watchdog(FLASH.OPTR, 16, "IWDG_SW")
# Headers: FLASH_OPTR_SRAM2_RST. Not of an L4+, where SRAM3 is the last
ERASED = common.erased_by_reset(FLASH.OPTR, 25, "SRAM2_RST", "SRAM2")
# AN2606 Table 2 patterns 6, 7 and 16
BOOT0_BIT = common.boot_from_option(FLASH.OPTR)
EMPTY = common.empty(FLASH.SR, 17, "PEMPTY")
# AN2606 4.1 and figures 98, 100, 102, 104, 106. Mapped to 0 first, as it is here, the ROM stays.
DUAL_BOOT = (WATCHDOG, common.dual_boot(FLASH.OPTR, 20), common.bank_2_runs(SYSCFG.MEMRMP, 8))

# RM0432 3.3.1, 3.7.8 (OPTR.DBANK), 3.4.1: without two banks 128 bits are read at once, and
# pages are twice as large
PLUS_GEOMETRY = Geometry(
    (4,), other=Other(Geometry((8,)), 0, FLASH.OPTR.address, 22, 0x1FF00000, 22)
)

# Address of the bootloader ID and the last of its values: AN2606 rev 70 Table 3; earlier values:
# the tables of bootloader versions of each line.
DIES = (
    Die(
        0x415, "STM32L471/475/476/486", sram(96, 32, apart=True),
        [
            trim(16), sai_plls(2), ports("F", "H"),
            registers(
                "3FF 11003 000530FF 101 F2FEC23F 25 01677C01",
                "11303 000532FF 101 F2FECA3F 25 01677C01",
                rtc=0,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(*V10, *V9),
        interfaces=(*SERIAL, *I2C, *only(V9, *SPI, CAN1), DFU),
        notes=(
            Note("USB DFU needs a crystal on HSE", (0xA1, 0xA2)),
            Note("USB DFU needs a crystal, on LSE or on HSE", (0xA3, *V9)),
            Note("without a crystal on LSE it takes 2.6 s to start", (0xA3, *V9)),
            Note("writes to SRAM are corrupted", (0xA1, 0x90)),
            JITTER,
            Note(DFU_WRITE),
            Note(SPI_WRITE, (0x92,)),
        ),
        sectors=BANKS, options=(*DUAL_BOOT, ERASED),
    ),
    Die(
        0x461, "STM32L496/4A6", sram(256, 64),
        [
            trim(64), sai_plls(2), ports("F", "I"),
            registers(
                "7FF 31003 000771FF 101 F7FEC23F 27 01677C01",
                "31303 000773FF 101 F7FECE3F 27 01677C01",
                RCC.CRRCR, RCC.CCIPR2,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0x93,), interfaces=EVERY,
        notes=(
            HSI48, JITTER, CAN_CRYSTAL, Note(SPI_WRITE),
            Note("bank erase is refused: erase pages"),
        ),
        sectors=BANKS, options=(*DUAL_BOOT, BOOT0_BIT, ERASED),
        disputed=(whole("00040000", "modm-devices", "stm32flash"),),
    ),
    Die(
        0x462, "STM32L451/452/462", sram(128, 32),
        [
            trim(64), sai_plls(1), ports("H", "H"),
            registers(
                "77F 11003 0005209F 100 F7EEC013 23 01235C01",
                "11303 0005229F 100 F7EECC13 23 01235C01",
                RCC.CRRCR, RCC.CCIPR2,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0x92,), interfaces=EVERY,
        notes=(HSI48, JITTER, CAN_CRYSTAL, Note(SPI_WRITE)),
        sectors=BANK, options=(WATCHDOG, BOOT0_BIT, EMPTY, ERASED),
        disputed=(
            whole("00020000", "modm-devices", "stlink", "stm32flash"),
            Disputed(
                "RCC.AHB2RSTR bit [56]", ("modm-devices",), "1",
                "the headers of the die have no port F and G",
            ),
        ),
    ),
    Die(
        0x435, "STM32L431/432/433/442/443", sram(48, 16),
        [
            trim(16), sai_plls(1), ports("H", "H"),
            registers(
                "77F 11003 0005209F 100 F7E6C231 25 00235C01",
                "11303 0005229F 100 F7E6CE31 25 00235C01",
                RCC.CRRCR,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0x91,), interfaces=EVERY,
        notes=(
            HSI48, JITTER, CAN_CRYSTAL, Note(SPI_WRITE),
            Note("USB may fail at times if 0x1FFF6FF2 has 0xFF; " + DFU_WRITE),
            Note("after use of the RTC CAN may fail until its domain is reset"),
        ),
        sectors=BANK, options=(WATCHDOG, BOOT0_BIT, EMPTY, ERASED),
        disputed=(
            whole("0000C000", "modm-devices", "stlink", "stm32flash"),
            Disputed(
                "DEV_ID 0x435", ("stlink",), "STM32L41x_L42x",
                "stlink has that name for 0x464, too; AN2606 table 226",
            ),
            *bits_of_others("APB1RSTR1 19, APB1RSTR2 1, APB2RSTR 24"),
        ),
    ),
    Die(
        0x464, "STM32L412/422", sram(32, 8),
        [
            trim(64), ports("H", "H"),
            registers(
                "73F 11003 0005208F 100 D5E64011 21 00035801",
                "11303 0005228F 100 D5E64C11 21 00035801",
                RCC.CRRCR,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0xD1,), interfaces=(*SERIAL, *I2C, *SPI, DFU),
        notes=(HSI48, JITTER, Note("over USART it answers the first byte with two ACK bytes")),
        sectors=BANK, options=(WATCHDOG, BOOT0_BIT, EMPTY, ERASED),
        disputed=(
            whole("00008000", "modm-devices", "stm32flash"),
            Disputed("RCC.CR", ("SVD",), "00000000 in 010D0BFD", "the chip starts from MSI"),
        ),
    ),
    Die(
        0x470, "STM32L4R5/4R7/4R9/4S5/4S7/4S9", sram(576, 64),  # SRAM1 and SRAM3
        [
            trim(64), sai_plls(2), ports("F", "I"),
            write(PWR.CR5, 0x100),  # R1MODE: no boost
            registers(
                "7FF 71007 005771FF 301 F3FEC03F 23 0D677801",
                "71307 005777FF 301 F3FECC3F 23 0D677801",
                RCC.CRRCR, RCC.CCIPR2, RCC.DLYCFGR,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0x90, 0x95), interfaces=EVERY, notes=(HSI48, JITTER, CAN_CRYSTAL),
        sectors=BANKS, page_kib=PLUS_PAGE_KIB, dual_bank=DBANK, geometry=PLUS_GEOMETRY,
        options=(*DUAL_BOOT, BOOT0_BIT, EMPTY),
        disputed=(
            Disputed("RAM at 20000000", ("modm-devices",), "00030000", "counts SRAM1 alone"),
            SDMMC,
            TRIM,
        ),
    ),
    Die(
        0x471, "STM32L4P5/4Q5", sram(256, 64),
        [
            trim(64), sai_plls(2), ports("F", "I"),
            write(PWR.CR5, 0x100),
            registers(
                "7FF 31007 00D7F1FF 301 F3FEC03F 23 05677801",
                "31307 00D7F7FF 301 F3FECC3F 23 05677801",
                RCC.CRRCR, RCC.CCIPR2, RCC.DLYCFGR,
            ),
        ],
        rom_id=0x1FFF6FFE, ids=(0x90,), interfaces=EVERY, notes=(HSI48, JITTER, CAN_CRYSTAL),
        sectors=BANKS, page_kib=PLUS_PAGE_KIB, dual_bank=DBANK, geometry=PLUS_GEOMETRY,
        options=(*DUAL_BOOT, BOOT0_BIT, EMPTY),
        disputed=(
            Disputed("RAM at 20000000", ("modm-devices",), "00020000", "counts SRAM1 alone"),
            Disputed(
                "RAM at 20000000", ("stlink",), "000A0000",
                "stlink has that of 0x470; AN2606 table 226: 0x2004FFFF is the last byte",
            ),
            SDMMC,
            TRIM,
            *bits_of_others("APB2RSTR 27"),
        ),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 and APB2 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR1, slot))


FAMILY = Family(
    name="STM32L4",
    core=M4,
    idcode=0xE0042000,  # DBGMCU_BASE of the headers
    vectors=0x1FFF0000,  # AN2606 rev 70 Table 226, every L4
    rom_end=0x1FFF7000,
    flash=0x08000000,  # FLASH_BASE of the headers
    flash_size=0x1FFF75E0,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FFF7590, 0x1FFF7594, 0x1FFF7598),  # UID_BASE of the headers
    geometry=Geometry((2,)),  # RM0351 3.3.1, RM0394 3.3.1
    protection=FLASH.OPTR,  # RDP in bits 7:0
    protection_shift=0,
    pcrop=Pcrop(
        (),
        areas=(
            pcrop_area(FLASH.PCROP1SR, FLASH.PCROP1ER),
            pcrop_area(FLASH.PCROP2SR, FLASH.PCROP2ER),
        ),
        about=common.PCROP_AREAS,
    ),
    states=(
        common.window_watchdog(FLASH.OPTR),
        common.window_watchdog_clock(RCC.APB1ENR1),
        State("the firewall has its clock (APB2ENR.FWEN)", (is_set(RCC.APB2ENR, 7),)),
        common.clock_security(RCC.CR),
        State(
            "the range of MSI is that of RCC_CR (MSIRGSEL)", (is_set(RCC.CR, 3),), harmless=True
        ),
    ),
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRP,
    usart_kind=UsartKind.V2,
    usarts=(
        *(apb1("USART2", 17), apb1("USART3", 18), apb1("UART4", 19), apb1("UART5", 20)),
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        Usart("LPUART1", 0x40008000, Bit(RCC.APB1ENR2, 0)),
    ),
    usb=(
        otg("OTG_FS", 0x50000000, Bit(RCC.AHB2ENR, 12)),  # USB_OTG_FS_PERIPH_BASE of the headers
        # USB_BASE; on the L496 that is CAN2, which reads 0 at BCDR
        usb_fs("USB", 0x40006800, Bit(RCC.APB1ENR1, 26)),
    ),
    mpu_regions=REGIONS,
    before=BEFORE,
    after=AFTER,
    dies=DIES,
    blocks=(RCC, FLASH, PWR, SYSCFG, EXTI),
    disputed=(
        Disputed(
            "RCC.*SMENR*",
            ("SVD", "collected SVD"),
            "",
            "each implemented bit is 1 after a reset (headers); the SVD files give all dies the "
            "values of the L476",
        ),
        Disputed(
            "RCC.APB1ENR?",
            ("SVD", "collected SVD"),
            "",
            "RTCAPBEN is 1 after a reset: AN2606 table 165 takes it for a fault of a ROM that Go "
            "leaves 0 there",
        ),
        Disputed("FLASH.ECCR", ("SVD",), "", "ones clear its flags"),
        Disputed(
            "RCC.AHB1RSTR bit 8",
            ("SVD", "bench", "collection", "modm-devices"),
            "1",
            "FLASHRST works only while the flash is powered down, so it is left out",
        ),
        Disputed(
            "RCC.AHB1RSTR bit 11",
            ("SVD",),
            "1",
            "CRCRST is bit 12 (headers: RCC_AHB1RSTR_CRCRST)",
        ),
    ),
)
