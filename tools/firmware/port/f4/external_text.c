// Code in external flash: what a reset starts, in internal flash, and what a boot loader like mboot
// would have done.  It makes that flash readable and goes on with Reset_Handler there, so nothing
// here may call or read what is linked elsewhere (boardfiles.py places it).
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "external_text.h"
#include "gpio.h"

#if BOARD_TEXT

enum { PORT_A, PORT_B, PORT_C, PORT_D, PORT_E, PORT_F, PORT_G };

void __attribute__((long_call)) Reset_Handler(void);

// A bit of `pins` per pin, all at full speed (RM0090 8.4).
static inline __attribute__((always_inline)) void alternate(
    uint32_t port, uint32_t pins, uint32_t function) {
    GPIO_TypeDef *gpio = GPIO(port);
    RCC->AHB1ENR |= 1u << port;
    (void)RCC->AHB1ENR;
    for (uint32_t n = 0; n < 16; ++n) {
        if (pins & 1u << n) {
            gpio->AFR[n / 8] |= function << n % 8 * 4;
            gpio->OSPEEDR |= 3u << n * 2;
            gpio->MODER |= 2u << n * 2;
        }
    }
}

#if BOARD_TEXT == 0x90000000

// N25Q128A of the STM32F469I-DISCO (UM1932): PF10 CLK, PB6 NCS, PF8 PF9 PF7 PF6 IO0-IO3; functions
// by DS11189 table 12.  RM0386 13.5.
static inline __attribute__((always_inline)) void flash_init(void) {
    alternate(PORT_B, 1u << 6, 10);
    alternate(PORT_F, 1u << 6 | 1u << 7 | 1u << 10, 9);
    alternate(PORT_F, 1u << 8 | 1u << 9, 10);
    RCC->AHB3ENR |= RCC_AHB3ENR_QSPIEN;
    (void)RCC->AHB3ENR;
    QUADSPI->DCR = 23u << QUADSPI_DCR_FSIZE_Pos // 2^24 bytes
        | 4u << QUADSPI_DCR_CSHT_Pos; // deselected for 5 clocks: 50 ns at 84 MHz are 4.2
    QUADSPI->CR = 1u << QUADSPI_CR_PRESCALER_Pos // HCLK / 2: the chip bears 108 MHz
        | QUADSPI_CR_SSHIFT | QUADSPI_CR_EN;
    // Quad output fast read, as the flash understands it after power-on: instruction and a 24-bit
    // address on one line, 8 dummy clocks, data on four lines.
    QUADSPI->CCR = QUADSPI_CCR_FMODE_MAPPED | 3u << QUADSPI_CCR_DMODE_Pos
        | 8u << QUADSPI_CCR_DCYC_Pos | 2u << QUADSPI_CCR_ADSIZE_Pos
        | 1u << QUADSPI_CCR_ADMODE_Pos | 1u << QUADSPI_CCR_IMODE_Pos | 0x6b;
}

#else

// M29W128GL of the STM32429I-EVAL (UM1667), 16 bits wide, 70 ns; every pin is function 12 (DS9405
// table 12).  RM0090 37.5.
static inline __attribute__((always_inline)) void flash_init(void) {
    alternate(PORT_D, 0xdfb3, 12); // D2 D3, NOE NWE, NE1, D13-D15, A16-A18 (11-12), D0 D1
    alternate(PORT_E, 0xfffc, 12); // A23, A19-A22 (3-6), D4-D12
    alternate(PORT_F, 0xf03f, 12); // A0-A5, A6-A9
    alternate(PORT_G, 0x003f, 12); // A10-A15
    RCC->AHB3ENR |= RCC_AHB3ENR_FMCEN;
    (void)RCC->AHB3ENR;
    FMC_NOR->BTR1 = 12u << FMC_BTR_DATAST_Pos | 4u << FMC_BTR_ADDSET_Pos; // 95 ns at 168 MHz
    FMC_NOR->BCR1 = FMC_BCR_RESERVED | FMC_BCR_FACCEN | FMC_BCR_MWID_16 | FMC_BCR_MTYP_NOR
        | FMC_BCR_MBKEN;
}

#endif

__attribute__((section(".text_first"))) void external_text_reset(void) {
    flash_init();
    Reset_Handler();
}

#endif // BOARD_TEXT
