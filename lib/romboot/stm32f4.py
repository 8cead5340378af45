# STM32F4: one row per die, and the way back to reset that all of them share.
#
# To add a die, add its row here, and to stm32f4_facts.py what info() says of it. host_tests/tables
# compares every number with public data that nobody here wrote (ST's SVD files, modm-devices, the
# tables of other loaders).
#
# Sources: RM0090 (F405 to F439), RM0368 (F401), RM0383 (F411), RM0386 (F469), RM0390 (F446),
# RM0402 (F412), RM0430 (F413), chapters RCC, PWR, FLASH, SYSCFG, EXTI; AN2606 rev 70 Table 226
# (bootloader); ST's CMSIS device headers (bits that a die implements).
#
# Where sources disagree:
# - SRAM: AN2606 Table 226 gives the F469 384 KiB, counting 64 KiB of CCM at 0x10000000; 320 are
#   contiguous (modm-devices).
# - RSTR: the SVD files forget SPI4 (F401, F411), SPI5 (F411) and CEC (F446); headers have them.
# - LPENR: each implemented bit is 1 after a reset (RM0090 7.3.15 to 7.3.19). The SVD files repeat
#   the F40x values for every F4, so here it is the headers' bits.
# - PLLI2SCFGR, PLLSAICFGR: PLLCFGR's reset value in the fields that the register has. The SVD
#   files give Q = 0, a forbidden value, and forget M of the F411.
# - AHB1ENR: the SVD files say 00100000 everywhere; only dies with CCM have that bit.
# - CCR: STKALIGN is set after a reset (ARM DDI 0439); the SVD files say 0.
# - APB1ENR of F412, F413: SVD 0; a header hints at RTCAPBEN (bit 10), unproven.

from machine import mem32
from micropython import const

IDCODE = 0xE0042000  # DBGMCU_IDCODE, RM0090 38.6.1
ROM_END = 0x1FFF7800  # end of system memory; AN2606 Table 226, every F4
VECTORS = 0x1FFF0000  # its vector table
FLASH = 0x08000000  # RM0090 3.3
FLASH_SIZE = 0x1FFF7A22  # KiB, 16 bits; RM0090 39.2
OPTCR = 0x40023C14  # FLASH_OPTCR, RDP in bits 15:8; RM0090 3.9.10
RCC_CSR = 0x40023874
IWDG = 0x40003000  # RM0090 table 1; after a reset PR is 0 and RLR 0xFFF (RM0090 21.4)
RAM = 0x20000000

# The last field of a row is its part of the script (see script.py): the RCC registers in which
# dies differ. From CIR (0x0C) on those that are pulsed, CIR to clear its flags and the others to
# reset every peripheral; from AHB1ENR (0x30) on those that get their reset value.

# fmt: off
# DEV_ID: (SRAM in KiB from 0x20000000,
#          script: per row of registers which ones the die has, then their values)
DIES = {
    0x413: (128,  # STM32F405/407/415/417
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x22\x60\x11\xff" b"\x00\x00\x00\xf1" b"\x00\x00\x00\x01"
        b"\x36\xfe\xc9\xff" b"\x00\x07\x59\x33"
        b"\x40\x02\x38\x31" b"\x00\x20\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x10\x00\x00" b"\x00\x00\x00\x00" b"\x7e\x67\x91\xff" b"\x00\x00\x00\xf1"
        b"\x00\x00\x00\x01" b"\x36\xfe\xc9\xff" b"\x00\x07\x5f\x33"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x20\x00\x30\x00"),
    0x419: (192,  # STM32F427/429/437/439
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xff\x00\x00" b"\x22\xe0\x17\xff" b"\x00\x00\x00\xf1" b"\x00\x00\x00\x01"
        b"\xf6\xfe\xc9\xff" b"\x04\x77\x79\x33"
        b"\x40\x02\x38\x31" b"\x00\xe0\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x10\x00\x00" b"\x00\x00\x00\x00" b"\x7e\xef\x97\xff" b"\x00\x00\x00\xf1"
        b"\x00\x00\x00\x01" b"\xf6\xfe\xc9\xff" b"\x04\x77\x7f\x33"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x24\x00\x30\x00" b"\x24\x00\x30\x00" b"\x00\x00\x00\x00"),
    0x421: (128,  # STM32F446
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xff\x00\x00" b"\x20\x60\x10\xff" b"\x00\x00\x00\x81" b"\x00\x00\x00\x03"
        b"\x3f\xff\xc9\xff" b"\x00\xc7\x79\x33"
        b"\x40\x02\x38\x31" b"\x03\xe0\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x60\x67\x90\xff" b"\x00\x00\x00\x81"
        b"\x00\x00\x00\x03" b"\x3f\xff\xc9\xff" b"\x00\xc7\x7f\x33"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x24\x00\x30\x10" b"\x04\x00\x30\x10" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00"),
    0x423: (64,  # STM32F401xB/xC
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x67" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x00\x60\x10\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x07\x79\x31"
        b"\x40\x02\x38\x31" b"\x00\xa0\x33\x01" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x61\x90\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x07\x79\x31"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x20\x00\x30\x00" b"\x00\x00\x00\x00"),
    0x431: (128,  # STM32F411
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x67" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x00\x60\x10\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x17\x79\x31"
        b"\x40\x02\x38\x31" b"\x00\xa0\x33\x01" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x61\x90\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x17\x79\x31"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x20\x00\x30\x10" b"\x00\x00\x00\x00"),
    0x433: (96,  # STM32F401xD/xE
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x67" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x00\x60\x10\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x07\x79\x31"
        b"\x40\x02\x38\x31" b"\x00\xa0\x33\x01" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x61\x90\x9f" b"\x00\x00\x00\x80"
        b"\x10\xe2\xc8\x0f" b"\x00\x07\x79\x31"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x20\x00\x30\x00" b"\x00\x00\x00\x00"),
    0x434: (320,  # STM32F469/479
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xff\x00\x00" b"\x22\xe0\x17\xff" b"\x00\x00\x00\xf1" b"\x00\x00\x00\x03"
        b"\xf6\xfe\xc9\xff" b"\x0c\x77\x79\x33"
        b"\x40\x02\x38\x31" b"\x00\xe0\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x10\x00\x00" b"\x00\x00\x00\x00" b"\x7e\xef\x97\xff" b"\x00\x00\x00\xf1"
        b"\x00\x00\x00\x03" b"\xf6\xfe\xc9\xff" b"\x0c\x77\x7f\x33"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x24\x00\x30\x00" b"\x24\x00\x30\x00" b"\x00\x00\x00\x00"),
    0x441: (256,  # STM32F412
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x00\x60\x10\xff" b"\x00\x00\x00\xc0" b"\x00\x00\x00\x03"
        b"\x17\xe6\xc9\xff" b"\x01\x17\x79\x33"
        b"\x40\x02\x38\x31" b"\x03\xa0\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x00\x61\x90\xff" b"\x00\x00\x00\xc0"
        b"\x00\x00\x00\x03" b"\x17\xe6\xcd\xff" b"\x01\x17\xf9\x33"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x24\x00\x30\x10" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00"),
    0x463: (320,  # STM32F413/423
        b"\x40\x02\x38\x0d" b"\x80\x00\x00\x6f" b"\x00\x00\x00\x00"  # from CIR: CIR, RSTR
        b"\x00\xbf\x00\x00" b"\x00\x60\x10\xff" b"\x00\x00\x00\xd0" b"\x00\x00\x00\x03"
        b"\xff\xfe\xcb\xff" b"\x03\x57\x79\xf3"
        b"\x40\x02\x38\x31" b"\x03\xa0\x37\x05" b"\x00\x00\x00\x00"  # from AHB1ENR: ENR, LPENR,
        b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x00\x63\x90\xff" b"\x00\x00\x00\xd0"
        b"\x00\x00\x00\x03" b"\xff\xfe\xcf\xff" b"\x03\x57\xf9\xf3"
        # PLLI2SCFGR, PLLSAICFGR, DCKCFGR, CKGATENR, DCKCFGR2
        b"\x24\x00\x30\x10" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00" b"\x00\x00\x00\x00"),
}

# Address and value, as script.py reads them: +1 fills (value, words), +2 changes bits (clear,
# set), +3 waits (mask, expected, tries).
_BEFORE = const(
    # step: systick
    b"\xe0\x00\xe0\x11" b"\x00\x00\x00\x00" b"\x00\x00\x00\x03"  # CTRL, LOAD, VAL: off, cleared
    # step: watchdog: WWDG goes on while the flash is waited for, IWDG cannot be stopped
    b"\x40\x02\x38\x20" b"\x00\x00\x08\x00"  # RCC.APB1RSTR WWDGRST
    b"\x40\x02\x38\x20" b"\x00\x00\x00\x00"  # RCC.APB1RSTR
    # step: interrupts
    b"\xe0\x00\xe1\x81" b"\xff\xff\xff\xff" b"\x00\x00\x00\x04"  # NVIC.ICER0-3: all disabled
    b"\xe0\x00\xe4\x01" b"\x00\x00\x00\x00" b"\x00\x00\x00\x1a"  # NVIC.IPR0-25: priorities (102 interrupts, F413)
    # step: clocks (RM0090 7.3.1 to 7.3.3, 7.3.21, 7.3.22)
    b"\x40\x02\x38\x02" b"\x00\x00\x00\x00" b"\x00\x00\x00\x01"  # RCC.CR HSION
    b"\x40\x02\x38\x03" b"\x00\x00\x00\x02" b"\x00\x00\x00\x02" b"\x00\x01\x00\x00"  # HSIRDY
    b"\x40\x02\x38\x0a" b"\x00\x00\x00\x03" b"\x00\x00\x00\x00"  # RCC.CFGR SW: SYSCLK from HSI,
    b"\x40\x02\x38\x0b" b"\x00\x00\x00\x0c" b"\x00\x00\x00\x00" b"\x00\x01\x00\x00"  # SWS,
    b"\x40\x02\x38\x08" b"\x00\x00\x00\x00"  # then no prescalers: not while the PLL drives
    b"\x40\x02\x38\x00" b"\x00\x00\x00\x83"  # RCC.CR: HSE, CSS and every PLL off, HSITRIM 16
    b"\x40\x02\x38\x03" b"\x2a\x02\x00\x00" b"\x00\x00\x00\x00" b"\x00\x01\x00\x00"  # HSERDY, PLLRDY, PLLI2SRDY, PLLSAIRDY gone
    b"\x40\x02\x38\x00" b"\x00\x00\x00\x83"  # again: HSEBYP yields only while HSE is off
    b"\x40\x02\x38\x04" b"\x24\x00\x30\x10"  # RCC.PLLCFGR
    b"\x40\x02\x38\x80" b"\x00\x00\x00\x00"  # RCC.SSCGR
    b"\x40\x02\x38\x74" b"\x00\x00\x00\x00"  # RCC.CSR: LSI off; reset flags stay, as RMVF is 0
    # step: flash (RM0090 3.9.1 to 3.9.6)
    b"\x40\x02\x3c\x0f" b"\x00\x01\x00\x00" b"\x00\x00\x00\x00" b"\x00\x80\x00\x00"  # SR.BSY: a running erase ends first
    b"\x40\x02\x3c\x00" b"\x00\x00\x00\x00"  # ACR: no wait states (16 MHz), caches off,
    b"\x40\x02\x3c\x00" b"\x00\x00\x18\x00"  # emptied,
    b"\x40\x02\x3c\x00" b"\x00\x00\x00\x00"  # and back
    b"\x40\x02\x3c\x0c" b"\x00\x00\x01\xf3"  # SR: flags
    b"\x40\x02\x3c\x10" b"\x80\x00\x00\x00"  # CR: locked, so that the keys are right;
    b"\x40\x02\x3c\x04" b"\x45\x67\x01\x23"  # KEYR: unlocked, since what was set before it
    b"\x40\x02\x3c\x04" b"\xcd\xef\x89\xab"  # KEYR: was locked (PSIZE, by ST's HAL) stays;
    b"\x40\x02\x3c\x10" b"\x80\x00\x00\x00"  # CR: cleared and locked
    b"\x40\x02\x3c\x16" b"\x00\x00\x00\x00" b"\x00\x00\x00\x01"  # OPTCR: locked, option bytes as they are
    # step: peripherals
)

_AFTER = const(
    b"\x40\x02\x38\x34" b"\x00\x00\x00\x00"  # RCC.AHB2ENR
    b"\x40\x02\x38\x40" b"\x00\x00\x00\x00"  # RCC.APB1ENR
    # step: exti (RM0090 12.3)
    b"\x40\x01\x3c\x01" b"\x00\x00\x00\x00" b"\x00\x00\x00\x05"  # IMR, EMR, RTSR, FTSR, SWIER
    b"\x40\x01\x3c\x14" b"\xff\xff\xff\xff"  # PR
    # step: core (ARM DDI 0403E B3.2, B3.5)
    b"\xe0\x00\xe0\x08" b"\x00\x00\x00\x00"  # ACTLR
    b"\xe0\x00\xed\x94" b"\x00\x00\x00\x00"  # MPU.CTRL
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x10" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # MPU.RBAR, MPU.RASR of region 0
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x11" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 1
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x12" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 2
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x13" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 3
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x14" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 4
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x15" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 5
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x16" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 6
    b"\xe0\x00\xed\x9c" b"\x00\x00\x00\x17" b"\xe0\x00\xed\xa0" b"\x00\x00\x00\x00"  # region 7
    b"\xe0\x00\xed\x98" b"\x00\x00\x00\x00"  # MPU.RNR
    b"\xe0\x00\xef\x34" b"\xc0\x00\x00\x00"  # FPU: FPCCR,
    b"\xe0\x00\xef\x39" b"\x00\x00\x00\x00" b"\x00\x00\x00\x02"  # FPCAR, FPDSCR
    b"\xe0\x00\xed\x88" b"\x00\x00\x00\x00"  # CPACR: FPU off
    b"\xe0\x00\xed\x08" b"\x00\x00\x00\x00"  # VTOR: the vectors are at 0, where the ROM will be
    b"\xe0\x00\xed\x0c" b"\x05\xfa\x00\x00"  # AIRCR.PRIGROUP
    b"\xe0\x00\xed\x10" b"\x00\x00\x00\x00"  # SCR: no sleep-on-exit
    b"\xe0\x00\xed\x14" b"\x00\x00\x02\x00"  # CCR
    b"\xe0\x00\xed\x19" b"\x00\x00\x00\x00" b"\x00\x00\x00\x04"  # SHPR1-3, SHCSR
    b"\xe0\x00\xed\x29" b"\xff\xff\xff\xff" b"\x00\x00\x00\x02"  # CFSR, HFSR
    # step: pending
    b"\xe0\x00\xed\x04" b"\x0a\x00\x00\x00"  # ICSR: PendSV, SysTick
    b"\xe0\x00\xe2\x81" b"\xff\xff\xff\xff" b"\x00\x00\x00\x04"  # NVIC.ICPR0-3
    # step: remap (RM0090 9.3.1)
    b"\x40\x02\x38\x44" b"\x00\x00\x40\x00"  # RCC.APB2ENR SYSCFGEN
    b"\x40\x02\x38\x47" b"\x00\x00\x40\x00" b"\x00\x00\x40\x00" b"\x00\x00\x01\x00"  # the clock is there
    b"\x40\x01\x38\x00" b"\x00\x00\x00\x01"  # SYSCFG.MEMRMP: system memory at 0
    b"\x40\x01\x38\x03" b"\x00\x00\x00\x07" b"\x00\x00\x00\x01" b"\x00\x00\x01\x00"  # and it is there
    b"\x40\x02\x38\x44" b"\x00\x00\x00\x00"  # RCC.APB2ENR
)
# fmt: on


def facts():
    """The module with what info() and plan() say about this family: seldom wanted, so apart."""
    from . import stm32f4_facts

    return stm32f4_facts


def script(die):
    """The writes that put this die back to reset and system memory at 0: three byte strings."""
    return _BEFORE, die[1], _AFTER


# USARTs: (bus, its RCC.xxxENR, their bits there). On APB1 and APB2 the block of bit n lies n * 1 KiB
# up the bus (RM0090 table 1, 7.3.13, 7.3.14).
_USARTS = const(
    (
        (0x40000000, 0x40023840, b"\x11\x12\x13\x14\x1e\x1f"),  # USART2, 3, UART4, 5, 7, 8
        (0x40010000, 0x40023844, b"\x04\x05\x06\x07"),  # USART1, 6, UART9, 10
    )
)


def usarts():
    """Base addresses of the USARTs that have a clock and a running transmitter."""
    for bus, enables, bits in _USARTS:
        clocks = mem32[enables]
        for bit in bits:
            if clocks >> bit & 1:
                base = bus + 1024 * bit
                if mem32[base + 12] & 0x2008 == 0x2008:  # CR1: UE, TE
                    yield base


def usb_ports():
    """OTG device register blocks (DCFG) of the USB cores that have a clock and are attached."""
    ports = []
    if mem32[0x40023834] & 0x80:  # RCC.AHB2ENR OTGFSEN
        ports.append(0x50000800)
    if mem32[0x40023830] & 1 << 29:  # RCC.AHB1ENR OTGHSEN
        ports.append(0x40040800)
    return [port for port in ports if not mem32[port + 4] & 2]  # DCTL.SDIS
