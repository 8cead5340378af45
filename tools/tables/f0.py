"""STM32F0: the die of the STM32F09x and F030xC, and its way back to reset.

Sources: ST's CMSIS device headers (addresses, bits that a die implements), its LL drivers
(LL_RCC_DeInit, LL_EXTI_DeInit: values after a reset, order) and its SVD files; AN2606 rev 70
tables 3, 43, 44 and 226 (bootloader). The chapters of RM0091 say where to read on.

After a reset SYSCLK is HSI at 8 MHz, there is no wait state. The Cortex-M0 has no VTOR: its
vectors are at 0, and SYSCFG.CFGR1.MEM_MODE says which memory that is. DMA and CRC have no reset
bit: their registers are written. What a system reset leaves alone stays here too: the RTC's domain
(RCC.BDCR), the reset flags, and DBGMCU.

The smaller dies, whose ROMs are elsewhere, are in f04.py, f05.py and f07.py.

Where sources disagree:
- See `disputed`, and docs/facts.md.
"""

from __future__ import annotations

from . import cortex_m
from .family import (
    M0,
    Bank,
    Bit,
    Die,
    Disputed,
    Family,
    Interface,
    Note,
    Option,
    Ram,
    Usart,
    UsartKind,
    WriteProtection,
)
from .geometry import Geometry
from .language import Block, Script, change, columns, fill, row, wait, write

IRQS = 32  # IRQn_Type of the headers
VECTORS = 0x1FFFD800  # AN2606 rev 70 Table 226

# RM0091 6.4
RCC = Block(
    "RCC", 0x40021000,
    CR=0x00, CFGR=0x04, CIR=0x08, APB2RSTR=0x0C, APB1RSTR=0x10, AHBENR=0x14, APB2ENR=0x18,
    APB1ENR=0x1C, BDCR=0x20, CSR=0x24, AHBRSTR=0x28, CFGR2=0x2C, CFGR3=0x30, CR2=0x34,
)  # fmt: skip
FLASH = Block(
    "FLASH", 0x40022000, ACR=0x00, KEYR=0x04, SR=0x0C, CR=0x10, AR=0x14, OBR=0x1C, WRPR=0x20
)  # RM0091 3.5
OPTIONS = Block("OB", 0x1FFFF800, RDP=0x00)  # RM0091 4: the level is in OBR, the byte is here
SYSCFG = Block("SYSCFG", 0x40010000, CFGR1=0x00)  # RM0091 9.1
EXTI = Block("EXTI", 0x40010400, IMR=0x00, EMR=0x04, RTSR=0x08, FTSR=0x0C, SWIER=0x10, PR=0x14)


def dma(name: str, base: int, channels: int, **more: int) -> Block:
    """RM0091 10.6: each channel has four registers, and a word that is reserved."""
    words = ("CCR", "CNDTR", "CPAR", "CMAR", "RESERVED")
    found = {f"{word}{n + 1}": 8 + 20 * n + 4 * i
             for n in range(channels) for i, word in enumerate(words)}  # fmt: skip
    return Block(name, base, IFCR=0x04, **found, **more)


DMA1, DMA2 = dma("DMA1", 0x40020000, 7, CSELR=0xA8), dma("DMA2", 0x40020400, 5, CSELR=0xA8)
CRC_PLAIN = {"DR": 0x00, "IDR": 0x04, "CR": 0x08, "INIT": 0x10}
CRC = Block("CRC", 0x40023000, **CRC_PLAIN, POL=0x14)
CRC_WITHOUT_POL = Block("CRC", 0x40023000, **CRC_PLAIN)

HSION, HSIRDY, HSERDY, PLLRDY = 1 << 0, 1 << 1, 1 << 17, 1 << 25  # RCC.CR
HSI48RDY = 1 << 17  # RCC.CR2
SW, SWS = 3, 3 << 2  # RCC.CFGR
LSION = 1 << 0  # RCC.CSR
SRAM_FLITF = 0x14  # RCC.AHBENR: SRAMEN, FLITFEN
DMAEN, DMA2EN, CRCEN = 1 << 0, 1 << 1, 1 << 6
WWDGRST, SYSCFGEN = 1 << 11, 1 << 0  # RCC.APB1RSTR, RCC.APB2ENR
BSY, LOCK = 1 << 0, 1 << 7  # FLASH.SR, FLASH.CR
MEM_MODE, SYSTEM_MEMORY = 3, 1  # SYSCFG.CFGR1

NO_FLAGS = "the DMA of the bench raises no flags"

CLOCKS_AND_FLASH: Script = [
    cortex_m.systick_off(),
    "watchdog: WWDG goes on while others are waited for, IWDG cannot be stopped",
    write(RCC.APB1RSTR, WWDGRST),
    write(RCC.APB1RSTR, 0, unnoticed="the pulse of the peripherals ends this one too"),
    cortex_m.interrupts_off(IRQS),
    "clocks (RM0091 6.2, 6.4; order: LL_RCC_DeInit)",
    change(RCC.CR, set=HSION),
    wait(
        RCC.CR, HSIRDY, HSIRDY,
        unnoticed="the clock switch waits for HSI by itself, and SWS for both",
    ),
    change(RCC.CFGR, clear=SW),  # SYSCLK from HSI
    wait(RCC.CFGR, SWS, 0),
    write(RCC.CR, 0x83),  # HSE, CSS, PLL off, HSITRIM 16
    wait(RCC.CR, HSERDY | PLLRDY, 0),
    write(RCC.CR, 0x83),  # again: HSEBYP yields only while HSE is off
    write(RCC.CFGR, 0),  # no prescalers, MCO; PLL fields yield only while the PLL is off
    write(RCC.CFGR2, 0),
    write(RCC.CFGR3, 0),  # while the clocks run that were selected: a switch needs both
    write(RCC.CR2, 0x80),  # HSI14, HSI48 off, HSI14TRIM 16
    change(RCC.CSR, clear=LSION),  # with RMVF 0
    "flash (RM0091 3.2, 3.5)",
    change(RCC.AHBENR, set=SRAM_FLITF),
    wait(FLASH.SR, BSY, 0),  # a page takes up to 40 ms
    write(FLASH.ACR, 0),  # no wait state, no prefetch
    write(FLASH.SR, 0x34),  # flags
    write(FLASH.CR, LOCK),  # locked, so that the keys are right;
    write(FLASH.KEYR, 0x45670123),  # unlocked, since what was set before it
    write(FLASH.KEYR, 0xCDEF89AB),  # was locked stays;
    write(FLASH.AR, 0),
    write(FLASH.CR, LOCK),  # cleared and locked
]  # fmt: skip
DMA_AND_CRC: Script = [
    "dma, crc (RM0091 10.6, 12.4): they have no reset bit",
    write(RCC.AHBENR, SRAM_FLITF | DMAEN | DMA2EN | CRCEN),
    fill(DMA1.CCR1, 0, 35),
    write(DMA1.IFCR, 0xFFFFFFFF, unnoticed=NO_FLAGS),
    write(DMA1.CSELR, 0),
    fill(DMA2.CCR1, 0, 25),
    write(DMA2.IFCR, 0xFFFFFFFF, unnoticed=NO_FLAGS),
    write(DMA2.CSELR, 0),
    write(CRC.IDR, 0),
    write(CRC.INIT, 0xFFFFFFFF),
    write(CRC.POL, 0x04C11DB7),
    write(CRC.CR, 1),  # RESET: DR takes INIT; the other bits become 0
]


def smaller(channels: int, crc: Block) -> tuple[Script, tuple[Block, ...]]:
    """What comes first in the script of smaller dies, and the blocks that their scripts name: one
    DMA, without CSELR; crc: with POL or without (headers)."""
    one = dma("DMA1", 0x40020000, channels)
    return _before(one, channels, crc), (RCC, FLASH, SYSCFG, EXTI, one, crc)


def _before(one: Block, channels: int, crc: Block) -> Script:
    return [
        CLOCKS_AND_FLASH,
        "dma, crc (RM0091 10.6, 12.4): they have no reset bit",
        write(RCC.AHBENR, SRAM_FLITF | DMAEN | CRCEN),
        fill(one.CCR1, 0, 5 * channels),
        write(one.IFCR, 0xFFFFFFFF, unnoticed=NO_FLAGS),
        write(crc.IDR, 0),
        write(crc.INIT, 0xFFFFFFFF),
        *([write(crc.POL, 0x04C11DB7)] if crc is CRC else []),
        write(crc.CR, 1),
    ]


AFTER: Script = [
    fill(EXTI.EMR, 0, 4),
    write(EXTI.PR, 0xFFFFFFFF),
    cortex_m.armv6m(vtor=None),
    cortex_m.nothing_pending(IRQS),
    "remap (RM0091 9.1.1)",
    write(RCC.APB2ENR, SYSCFGEN),
    wait(RCC.APB2ENR, SYSCFGEN, SYSCFGEN, tries=0x100, unnoticed=cortex_m.CLOCK_COMES),
    change(SYSCFG.CFGR1, clear=MEM_MODE, set=SYSTEM_MEMORY),  # system memory at 0
    wait(SYSCFG.CFGR1, MEM_MODE, SYSTEM_MEMORY, tries=0x100, unnoticed=cortex_m.REMAP_IS_QUICK),
    write(RCC.APB2ENR, 0),
]

PULSED = "   CIR      APB2RSTR APB1RSTR AHBRSTR"


def registers(pulsed: str, imr: int) -> Script:
    """A die's part of the script. Each peripheral is reset: CIR, to clear its flags, and RSTR are
    pulsed. APB2ENR is last, for the remap. DBGRST is left out: it would reset DBGMCU, which a
    system reset does not. imr: after a reset, with a bit for each line that has no edge."""
    return [
        "peripherals",
        row(columns(PULSED, RCC, pulsed), pulsed=True),
        row({RCC.AHBENR: SRAM_FLITF, RCC.APB1ENR: 0}),
        "exti (RM0091 11.3)",
        write(EXTI.IMR, imr),
    ]


# WRP (RM0091 3.5.9): a bit for two pages of 2 KiB, the last one for all from 124 KiB on
WRP = WriteProtection(0, (Bank(FLASH.WRPR, 0, 0x08000000, (*[4] * 31, 132)),))
WATCHDOG = Option(
    FLASH.OBR, 8, 0,
    "the watchdog starts with every reset (WDG_SW is 0): new firmware must refresh it, and so "
    "must the ROM, of which AN2606 says nothing",
)  # fmt: skip

MEM_MODE_STAYS = Note(
    "firmware that leaves SYSCFG.CFGR1.MEM_MODE as it is needs a reset after Go: its vectors are "
    "those of the ROM until then"
)
NO_DBGRST = "left out: DBGRST would reset DBGMCU, which a system reset does not"
CRC_RESET = "bit 0 resets the unit and clears itself"
PREFETCH_OFF = Disputed(
    "FLASH.ACR", ("SVD",), "00000030 in 00000037",
    "0 in RM0091 3.5.1; bit 5 shows that the prefetch is on",
)  # fmt: skip


def disputed(*sources: str) -> tuple[Disputed, ...]:
    """Of the smaller dies."""
    return (
        Disputed("RCC.APB2RSTR bit 22", sources, "1", NO_DBGRST),
        Disputed("CRC.CR", sources, "", CRC_RESET),
        PREFETCH_OFF,
    )


def parts(modm: str) -> Disputed:
    """modm-devices has each name with each size."""
    return Disputed("parts", ("modm-devices",), modm, "it has sizes that were never made, too")


V50 = (0x50,)
DIES = (
    Die(
        0x442, "STM32F030xC/091xB/091xC/098xC", (Ram(0x20000000, 32 * 1024),),
        registers("00FF0000 00075AE1 7A7E4933 017E0000", 0x7F840000),
        rom_id=0x1FFFF796, ids=(0x50, 0x52),
        interfaces=(
            Interface("USART1", "PA9/PA10"),
            Interface("USART2", "PA2/PA3 or PA14/PA15", V50),
            Interface("I2C1", "PB6/PB7"),
        ),
        notes=(
            MEM_MODE_STAYS,
            Note("after USART2 was used at PA14/PA15, SWD is gone until a reset", V50),
        ),
        sectors=(32,), options=(WATCHDOG,),
        disputed=(parts("30/91/98 or 30xB/30xC/91xB/91xC/98xB/98xC"),),
    ),
)  # fmt: skip


def apb1(name: str, slot: int) -> Usart:
    """On APB1 the block of clock bit n lies n KiB up the bus (headers)."""
    return Usart(name, 0x40000000 + slot * 0x400, Bit(RCC.APB1ENR, slot))


FAMILY = Family(
    name="STM32F0",
    core=M0,
    idcode=0x40015800,  # DBGMCU_BASE of the headers
    idcode_clock=Bit(RCC.APB2ENR, 22),  # DBGMCUEN
    vectors=VECTORS,
    rom_end=0x1FFFF800,  # AN2606 rev 70 Table 226
    flash=0x08000000,  # RM0091 3.2
    flash_size=0x1FFFF7CC,  # FLASHSIZE_BASE of the headers
    unique_id=(0x1FFFF7AC, 0x1FFFF7B0, 0x1FFFF7B4),  # UID_BASE of the headers
    geometry=Geometry((2,)),  # RM0091 3.2.1, RM0360 3.2.1
    protection=OPTIONS.RDP,
    protection_shift=0,
    lsi=RCC.CSR,
    iwdg=0x40003000,  # IWDG_BASE of the headers
    write_protection=WRP,
    usart_kind=UsartKind.V2,
    usarts=(
        Usart("USART1", 0x40013800, Bit(RCC.APB2ENR, 14)),
        *(apb1(f"USART{n}", n + 15) for n in (2, 3, 4, 5)),
        *(Usart(f"USART{n}", 0x40010000 + (n - 1) * 0x400, Bit(RCC.APB2ENR, n - 1))
          for n in (6, 7, 8)),
    ),
    usb=(),
    mpu_regions=0,
    before=[CLOCKS_AND_FLASH, DMA_AND_CRC],
    after=AFTER,
    dies=DIES,
    disputed=(
        Disputed(
            "RCC.APB2RSTR bit 22", ("SVD", "bench", "collection"), "1", NO_DBGRST
        ),
        Disputed(
            "RCC.APB1RSTR bit 23", ("SVD",), "1", "its file has the USB of the F07x (header: none)"
        ),
        Disputed("CRC.CR", ("SVD", "bench"), "", CRC_RESET),
        Disputed(
            "EXTI.IMR", ("SVD",), "0F940000 in 0FFFFFFF",
            "7F840000 in RM0091 11.3.1 for F07x and F09x; 0F940000 is that of the F05x",
        ),
        PREFETCH_OFF,
    ),
    blocks=(RCC, FLASH, SYSCFG, EXTI, DMA1, DMA2, CRC),
)  # fmt: skip
