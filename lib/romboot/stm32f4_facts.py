# STM32F4: what info() tells, one row per die of stm32f4.py.
#
# Sources: AN2606 rev 70, Table 3 (bootloader ID) and the "configuration in system memory boot
# mode" table of each line (pins); RM0090 39 (device electronic signature).

from micropython import const

UNIQUE_ID = 0x1FFF7A10  # 96 bits; RM0090 39.1

# The ROM measures HSE against HSI, so not every crystal will do (AN2606, e.g. 24.1 for F42x).
USB_CLOCK = "a crystal on HSE of a whole number of MHz, 4 to 26; 8 MHz measures best"

# TX/RX, SCL/SDA, CAN TX/RX
_F401 = const(
    "USART1 PA9/PA10, USART2 PD5/PD6, USB DFU PA11/PA12, I2C1 PB6/PB7, I2C2 PB10/PB3, "
    "I2C3 PA8/PB4, SPI1 PA4-PA7, SPI2 PB12-PB15, SPI3 PA15/PC10-PC12"
)
_F412 = const(
    "USART1 PA9/PA10, USART2 PD5/PD6, USB DFU PA11/PA12, USART3 PB10/PB11, CAN2 PB13/PB5, "
    "I2C1 PB6/PB7, I2C2 PF1/PF0, I2C3 PA8/PB4, I2C4 PB15/PB14, SPI1 PA4-PA7, "
    "SPI3 PA15/PC10-PC12, SPI4 PE11-PE14"
)

# DEV_ID: (name, address of the bootloader ID, where the ROM listens)
DIES = {
    0x413: (
        "STM32F405/407/415/417",
        0x1FFF77DE,
        "USART1 PA9/PA10, USART3 PB10/PB11 or PC10/PC11, CAN2 PB13/PB5, USB DFU PA11/PA12, "
        "from ID 0x90 on: I2C1 PB6/PB7, I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, SPI2 PI0-PI3",
    ),
    0x419: (
        "STM32F427/429/437/439",
        0x1FFF76DE,
        "USART1 PA9/PA10, USART3 PB10/PB11 or PC10/PC11, CAN2 PB13/PB5, USB DFU PA11/PA12, "
        "I2C1 PB6/PB9, from ID 0x90 on: I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, SPI2 PI0-PI3, "
        "SPI4 PE11-PE14",
    ),
    0x421: (
        "STM32F446",
        0x1FFF76DE,
        "USART1 PA9/PA10, USART3 PB10/PB11 or PC10/PC11, CAN2 PB13/PB5, USB DFU PA11/PA12, "
        "I2C1 PB6/PB9, I2C2 PF1/PF0, I2C3 PA8/PC9, SPI1 PA4-PA7, SPI2 PB12/PC7/PB14/PB15, "
        "SPI4 PE11-PE14",
    ),
    0x423: ("STM32F401xB/xC", 0x1FFF76DE, _F401),
    0x431: ("STM32F411", 0x1FFF76DE, _F401),
    0x433: ("STM32F401xD/xE", 0x1FFF76DE, _F401),
    0x434: (
        "STM32F469/479",
        0x1FFF76DE,
        "USART1 PA9/PA10, USART3 PB10/PB11 or PC10/PC11, CAN2 PB13/PB5, USB DFU PA11/PA12, "
        "I2C1 PB6/PB9, I2C2 PF0/PF1 (so printed; likely PF1/PF0), I2C3 PA8/PC9, SPI1 PA4-PA7, "
        "SPI2 PI0-PI3, SPI4 PE11-PE14",
    ),
    0x441: ("STM32F412", 0x1FFF76DE, _F412),
    0x463: ("STM32F413/423", 0x1FFF76DE, _F412),
}
