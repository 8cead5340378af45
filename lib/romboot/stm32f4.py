# STM32F4: one row per die, and the way back to reset that all of them share.
#
# To add a die, add its row. host_tests/test_tables.py compares every number with public data
# that nobody here wrote (ST's SVD files, modm-devices, stm32loader's table).
#
# Sources: RM0090 (F405 to F439), RM0368 (F401), RM0383 (F411), RM0386 (F469), RM0390 (F446),
# RM0402 (F412), RM0430 (F413), chapters RCC, PWR, FLASH, SYSCFG, EXTI; AN2606 rev 70 Table 226
# (bootloader) and the "configuration in system memory boot mode" table of each line (pins);
# ST's CMSIS device headers (bits that a die implements).

from binascii import unhexlify

from machine import mem32

IDCODE = 0xE0042000  # DBGMCU_IDCODE, RM0090 38.6.1
ROM_END = 0x1FFF7800  # end of system memory; AN2606 Table 226, every F4
VECTORS = 0x1FFF0000  # its vector table
FLASH_SIZE = 0x1FFF7A22  # KiB, 16 bits; RM0090 39.2
UNIQUE_ID = 0x1FFF7A10  # 96 bits; RM0090 39.1
OPTCR = 0x40023C14  # FLASH_OPTCR, RDP in bits 15:8; RM0090 3.9.10
RCC_CSR = 0x40023874
RAM = 0x20000000

# The ROM measures HSE against HSI, so not every crystal will do (AN2606, e.g. 24.1 for F42x).
USB_CLOCK = "a crystal on HSE of a whole number of MHz, 4 to 26; 8 MHz measures best"

_USB = "USB DFU PA11/PA12, "
_UART13 = "USART1 PA9/PA10, USART3 PB10/PB11 or PC10/PC11, CAN2 PB13/PB5, " + _USB
_UART12 = "USART1 PA9/PA10, USART2 PD5/PD6, " + _USB
_F401 = (
    _UART12 + "I2C1 PB6/PB7, I2C2 PB10/PB3, I2C3 PA8/PB4, "
    "SPI1 PA4-PA7, SPI2 PB12-PB15, SPI3 PA15/PC10-PC12"
)
_F412 = (
    _UART12 + "USART3 PB10/PB11, CAN2 PB13/PB5, I2C1 PB6/PB7, I2C2 PF1/PF0, I2C3 PA8/PB4, "
    "I2C4 PB15/PB14, SPI1 PA4-PA7, SPI3 PA15/PC10-PC12, SPI4 PE11-PE14"
)
_F405 = _UART13 + "from ID 0x90 on: I2C1 PB6/PB7, I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, "
_F42X = (
    _UART13 + "I2C1 PB6/PB9, from ID 0x90 on: I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, "
    "SPI2 PI0-PI3, SPI4 PE11-PE14"
)
_F446 = (
    _UART13 + "I2C1 PB6/PB9, I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, SPI2 PB12/PC7/PB14/PB15, "
    "SPI4 PE11-PE14"
)
_F469 = (
    _UART13 + "I2C1 PB6/PB9, I2C2 PF0/PF1 (so printed; likely PF1/PF0), I2C3 PA8/PC9, "
    "SPI1 PA4-PA7, SPI2 PI0-PI3, SPI4 PE11-PE14"
)

# The RCC registers in which dies differ: the ones that pulse every peripheral, then the ones
# that get their reset value. LPENR: each implemented bit is 1 after a reset (RM0090 7.3.15 to
# 7.3.19); the SVD files repeat the F40x values for every F4, so the headers' bits are used.
_PULSED = ("10", "14", "18", "20", "24")
_VALUES = ("0c", "30", "38", "50", "54", "58", "60", "64", "84", "88", "8c", "90", "94")

_RCC = """
AHB1RSTR AHB2RSTR AHB3RSTR APB1RSTR APB2RSTR
CIR AHB1ENR AHB3ENR AHB1LPENR AHB2LPENR AHB3LPENR APB1LPENR APB2LPENR
PLLI2SCFGR PLLSAICFGR DCKCFGR CKGATENR DCKCFGR2
"""

# fmt: off
# DEV_ID: (name, SRAM in KiB from 0x20000000, address of the bootloader ID, interfaces,
#          values of the registers above, "-" where the die has no such register)
DIES = {
    0x413: ("STM32F405/407/415/417", 128, 0x1FFF77DE, _F405 + "SPI2 PI0-PI3",
        "226011FF 000000F1 00000001 36FEC9FF 00075933 "
        "00BF0000 00100000 00000000 7E6791FF 000000F1 00000001 36FEC9FF 00075F33 "
        "20003000 - - - -"),
    0x419: ("STM32F427/429/437/439", 192, 0x1FFF76DE, _F42X,
        "22E017FF 000000F1 00000001 F6FEC9FF 04777933 "
        "00FF0000 00100000 00000000 7EEF97FF 000000F1 00000001 F6FEC9FF 04777F33 "
        "24003000 24003000 00000000 - -"),
    0x421: ("STM32F446", 128, 0x1FFF76DE, _F446,
        "206010FF 00000081 00000003 3FFFC9FF 00C77933 "
        "00FF0000 00000000 00000000 606790FF 00000081 00000003 3FFFC9FF 00C77F33 "
        "24003010 04003010 00000000 00000000 00000000"),
    0x423: ("STM32F401xB/xC", 64, 0x1FFF76DE, _F401,
        "0060109F 00000080 - 10E2C80F 00077931 "
        "00BF0000 00000000 - 0061909F 00000080 - 10E2C80F 00077931 "
        "20003000 - 00000000 - -"),
    0x431: ("STM32F411", 128, 0x1FFF76DE, _F401,
        "0060109F 00000080 - 10E2C80F 00177931 "
        "00BF0000 00000000 - 0061909F 00000080 - 10E2C80F 00177931 "
        "20003010 - 00000000 - -"),
    0x433: ("STM32F401xD/xE", 96, 0x1FFF76DE, _F401,
        "0060109F 00000080 - 10E2C80F 00077931 "
        "00BF0000 00000000 - 0061909F 00000080 - 10E2C80F 00077931 "
        "20003000 - 00000000 - -"),
    0x434: ("STM32F469/479", 320, 0x1FFF76DE, _F469,
        "22E017FF 000000F1 00000003 F6FEC9FF 0C777933 "
        "00FF0000 00100000 00000000 7EEF97FF 000000F1 00000003 F6FEC9FF 0C777F33 "
        "24003000 24003000 00000000 - -"),
    0x441: ("STM32F412", 256, 0x1FFF76DE, _F412,
        "006010FF 000000C0 00000003 17E6C9FF 01177933 "
        "00BF0000 00000000 00000000 006190FF 000000C0 00000003 17E6CDFF 0117F933 "
        "24003010 - 00000000 00000000 00000000"),
    0x463: ("STM32F413/423", 320, 0x1FFF76DE, _F412,
        "006010FF 000000D0 00000003 FFFECBFF 035779F3 "
        "00BF0000 00000000 00000000 006390FF 000000D0 00000003 FFFECFFF 0357F9F3 "
        "24003010 - 00000000 00000000 00000000"),
}

# Address and value, as script.py reads them: +1 fills (value, words), +2 changes bits (clear,
# set), +3 waits (mask, expected, tries).
_BEFORE = (
    # step: systick
    "e000e011" "00000000" "00000003"  # CTRL, LOAD, VAL: off, cleared
    # step: interrupts
    "e000e181" "ffffffff" "00000004"  # NVIC.ICER0-3: all disabled
    "e000e401" "00000000" "0000001a"  # NVIC.IPR0-25: priorities (102 interrupts, F413)
    # step: clocks (RM0090 7.3.1 to 7.3.3, 7.3.21, 7.3.22)
    "40023802" "00000000" "00000001"  # RCC.CR HSION
    "40023803" "00000002" "00000002" "00010000"  # HSIRDY
    "4002380a" "00000003" "00000000"  # RCC.CFGR SW: SYSCLK from HSI,
    "4002380b" "0000000c" "00000000" "00010000"  # SWS,
    "40023808" "00000000"  # and only then no prescalers: APB1 must not see the PLL's clock
    "40023800" "00000083"  # RCC.CR: HSE, CSS and every PLL off, HSITRIM 16
    "40023803" "2a020000" "00000000" "00010000"  # HSERDY, PLLRDY, PLLI2SRDY, PLLSAIRDY gone
    "40023800" "00000083"  # again: HSEBYP can only be cleared while HSE is off
    "40023804" "24003010"  # RCC.PLLCFGR
    "40023880" "00000000"  # RCC.SSCGR
    "40023874" "00000000"  # RCC.CSR: LSI off; reset flags stay, as RMVF is 0
    # step: flash (RM0090 3.9.1 to 3.9.6)
    "40023c0f" "00010000" "00000000" "00800000"  # SR.BSY: a running erase ends first
    "40023c00" "00000000"  # ACR: no wait states (16 MHz), caches off,
    "40023c00" "00001800"  # emptied,
    "40023c00" "00000000"  # and back
    "40023c0c" "000001f3"  # SR: flags
    "40023c10" "80000000"  # CR: locked
    "40023c16" "00000000" "00000001"  # OPTCR: locked, option bytes as they are
    # step: peripherals
)

_AFTER = (
    "40023834" "00000000"  # RCC.AHB2ENR
    "40023840" "00000000"  # RCC.APB1ENR
    # step: exti (RM0090 12.3)
    "40013c01" "00000000" "00000005"  # IMR, EMR, RTSR, FTSR, SWIER
    "40013c14" "ffffffff"  # PR
    # step: core (ARM DDI 0403E B3.2, B3.5)
    "e000e008" "00000000"  # ACTLR
    "e000ed94" "00000000"  # MPU.CTRL
    "e000ed9c" "00000010" "e000eda0" "00000000"  # MPU.RBAR, MPU.RASR of region 0
    "e000ed9c" "00000011" "e000eda0" "00000000"  # region 1
    "e000ed9c" "00000012" "e000eda0" "00000000"  # region 2
    "e000ed9c" "00000013" "e000eda0" "00000000"  # region 3
    "e000ed9c" "00000014" "e000eda0" "00000000"  # region 4
    "e000ed9c" "00000015" "e000eda0" "00000000"  # region 5
    "e000ed9c" "00000016" "e000eda0" "00000000"  # region 6
    "e000ed9c" "00000017" "e000eda0" "00000000"  # region 7
    "e000ed98" "00000000"  # MPU.RNR
    "e000ef34" "c0000000"  # FPU: FPCCR,
    "e000ef39" "00000000" "00000002"  # FPCAR, FPDSCR
    "e000ed88" "00000000"  # CPACR: FPU off
    "e000ed08" "00000000"  # VTOR: the vectors are at 0, where the ROM will be
    "e000ed0c" "05fa0000"  # AIRCR.PRIGROUP
    "e000ed10" "00000000"  # SCR: no sleep-on-exit
    "e000ed14" "00000200"  # CCR
    "e000ed19" "00000000" "00000004"  # SHPR1-3, SHCSR
    "e000ed29" "ffffffff" "00000002"  # CFSR, HFSR
    # step: pending
    "e000ed04" "0a000000"  # ICSR: PendSV, SysTick
    "e000e281" "ffffffff" "00000004"  # NVIC.ICPR0-3
    # step: remap (RM0090 9.3.1)
    "40023844" "00004000"  # RCC.APB2ENR SYSCFGEN
    "40023847" "00004000" "00004000" "00000100"  # the clock is there
    "40013800" "00000001"  # SYSCFG.MEMRMP: system memory at 0
    "40013803" "00000007" "00000001" "00000100"  # and it is there
    "40023844" "00000000"  # RCC.APB2ENR
)
# fmt: on


def script(die):
    """The writes that put this die back to reset and system memory at 0, as bytes chunks."""
    values = die[4].split()
    yield unhexlify(_BEFORE)
    pulsed = [r + v for r, v in zip(_PULSED, values) if v != "-"]
    for line in pulsed:
        yield unhexlify("400238" + line)
    for line in pulsed:
        yield unhexlify("400238" + line[:2] + "00000000")
    for register, value in zip(_VALUES, values[len(_PULSED) :]):
        if value != "-":
            yield unhexlify("400238" + register + value)
    yield unhexlify(_AFTER)


# USARTs, RM0090 table 1: (bit in APB1ENR or APB2ENR, base); bit + 32 means APB2ENR.
_USARTS = (
    (17, 0x40004400),
    (18, 0x40004800),
    (19, 0x40004C00),
    (20, 0x40005000),
    (30, 0x40007800),
    (31, 0x40007C00),
    (36, 0x40011000),
    (37, 0x40011400),
    (38, 0x40011800),
    (39, 0x40011C00),
)


def usarts():
    """Base addresses of the USARTs that have a clock and a running transmitter."""
    clocks = mem32[0x40023840] & 0xFFFFFFFF, mem32[0x40023844]
    return [
        base
        for bit, base in _USARTS
        if clocks[bit >> 5] >> (bit & 31) & 1 and mem32[base + 12] & 0x2008 == 0x2008  # UE, TE
    ]


def usb_ports():
    """OTG device register blocks (DCFG) of the USB cores that have a clock and are attached."""
    ports = []
    if mem32[0x40023834] & 0x80:  # RCC.AHB2ENR OTGFSEN
        ports.append(0x50000800)
    if mem32[0x40023830] & 1 << 29:  # RCC.AHB1ENR OTGHSEN
        ports.append(0x40040800)
    return [port for port in ports if not mem32[port + 4] & 2]  # DCTL.SDIS
