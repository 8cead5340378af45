// Code in external flash: what a reset starts, in internal flash, and what a boot loader like mboot
// would have done.  It makes that flash readable and goes on with Reset_Handler there, so nothing
// here may call or read what is linked elsewhere (external_text.py places it).
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "external_text.h"
#include "gpio.h"

#if BOARD_TEXT

#define INLINE static inline __attribute__((always_inline))

enum { PORT_A, PORT_B, PORT_C, PORT_D, PORT_E, PORT_F, PORT_G };

void __attribute__((long_call)) Reset_Handler(void);

INLINE void clock_on(uint32_t reg, uint32_t bit) {
    REGISTER(reg) |= 1u << bit;
    (void)REGISTER(reg);
}

// A bit of `pins` per pin, all at full speed (RM0090 8.4).
INLINE void alternate(uint32_t port, uint32_t pins, uint32_t function) {
    GPIO_TypeDef *gpio = GPIO(port);
    clock_on(BOARD_GPIO_ENABLE, BOARD_GPIO_ENABLE_BIT + port);
    for (uint32_t n = 0; n < 16; ++n) {
        if (pins & 1u << n) {
            gpio->AFR[n / 8] |= function << n % 8 * 4;
            gpio->OSPEEDR |= 3u << n * 2;
            gpio->MODER |= 2u << n * 2;
        }
    }
}

#if BOARD_TEXT == 0x90000000

typedef struct { // RM0386 13.5; only what memory-mapped mode needs
    __IO uint32_t CR, DCR, SR, FCR, DLR, CCR;
} QUADSPI_TypeDef;

#define QUADSPI ((QUADSPI_TypeDef *)BOARD_TEXT_CONTROLLER)
#define QUADSPI_CR_EN (1u << 0)
#define QUADSPI_CR_SSHIFT (1u << 4)
#define QUADSPI_CR_PRESCALER_Pos 24
#define QUADSPI_DCR_CSHT_Pos 8
#define QUADSPI_DCR_FSIZE_Pos 16
#define QUADSPI_CCR_IMODE_Pos 8
#define QUADSPI_CCR_ADMODE_Pos 10
#define QUADSPI_CCR_ADSIZE_Pos 12
#define QUADSPI_CCR_DCYC_Pos 18
#define QUADSPI_CCR_DMODE_Pos 24
#define QUADSPI_CCR_FMODE_MAPPED (3u << 26)

#if __DCACHE_PRESENT

#define FLASH_BITS 21 // 2^21 bytes

// PYBD: PB2 CLK, PB6 NCS, PD11 PD12 PE2 PD13 IO0-IO3 (boards/PYBD_SF6/pins.csv of the real port);
// functions by DS11532 table 13.
INLINE void pins_init(void) {
    alternate(PORT_B, 1u << 2, 9);
    alternate(PORT_B, 1u << 6, 10);
    alternate(PORT_D, 1u << 11 | 1u << 12 | 1u << 13, 9);
    alternate(PORT_E, 1u << 2, 9);
}

// No access, but for the first eighth.
INLINE void region(uint32_t number, uint32_t size) {
    MPU->RBAR = ARM_MPU_RBAR(number, BOARD_TEXT);
    MPU->RASR = ARM_MPU_RASR(1, ARM_MPU_AP_NONE, 0, 0, 0, 0, 1, size);
}

// As the real port: so that speculation does not read where there is no flash.
INLINE void mpu_init(void) {
    region(1, ARM_MPU_REGION_SIZE_256MB);
    region(2, ARM_MPU_REGION_SIZE_32MB);
    region(3, ARM_MPU_REGION_SIZE_16MB);
}

#else

#define FLASH_BITS 24

// N25Q128A of the STM32F469I-DISCO (UM1932): PF10 CLK, PB6 NCS, PF8 PF9 PF7 PF6 IO0-IO3; functions
// by DS11189 table 12.
INLINE void pins_init(void) {
    alternate(PORT_B, 1u << 6, 10);
    alternate(PORT_F, 1u << 6 | 1u << 7 | 1u << 10, 9);
    alternate(PORT_F, 1u << 8 | 1u << 9, 10);
}

INLINE void mpu_init(void) {
}

#endif

// RM0386 13.5.
INLINE void flash_init(void) {
    pins_init();
    clock_on(BOARD_TEXT_ENABLE, BOARD_TEXT_ENABLE_BIT);
    QUADSPI->DCR = (FLASH_BITS - 1u) << QUADSPI_DCR_FSIZE_Pos
        | 4u << QUADSPI_DCR_CSHT_Pos; // deselected for 5 clocks: 50 ns at 84 MHz are 4.2
    QUADSPI->CR = 1u << QUADSPI_CR_PRESCALER_Pos // HCLK / 2: the chip bears 108 MHz
        | QUADSPI_CR_SSHIFT | QUADSPI_CR_EN;
    // Quad output fast read, as the flash understands it after power-on: instruction and a 24-bit
    // address on one line, 8 dummy clocks, data on four lines.
    QUADSPI->CCR = QUADSPI_CCR_FMODE_MAPPED | 3u << QUADSPI_CCR_DMODE_Pos
        | 8u << QUADSPI_CCR_DCYC_Pos | 2u << QUADSPI_CCR_ADSIZE_Pos
        | 1u << QUADSPI_CCR_ADMODE_Pos | 1u << QUADSPI_CCR_IMODE_Pos | 0x6b;
    mpu_init();
}

#else

typedef struct { // RM0090 37.5.6; only bank 1 of the FMC's NOR and PSRAM registers
    __IO uint32_t BCR1, BTR1;
} FMC_NOR_TypeDef;

#define FMC_NOR ((FMC_NOR_TypeDef *)BOARD_TEXT_CONTROLLER)
#define FMC_BCR_MBKEN (1u << 0)
#define FMC_BCR_MTYP_NOR (2u << 2)
#define FMC_BCR_MWID_16 (1u << 4)
#define FMC_BCR_FACCEN (1u << 6)
#define FMC_BCR_RESERVED (1u << 7) // "must be kept at reset value"
#define FMC_BTR_ADDSET_Pos 0
#define FMC_BTR_DATAST_Pos 8

// M29W128GL of the STM32429I-EVAL (UM1667), 16 bits wide, 70 ns; every pin is function 12 (DS9405
// table 12).  RM0090 37.5.
INLINE void flash_init(void) {
    alternate(PORT_D, 0xdfb3, 12); // D2 D3, NOE NWE, NE1, D13-D15, A16-A18 (11-12), D0 D1
    alternate(PORT_E, 0xfffc, 12); // A23, A19-A22 (3-6), D4-D12
    alternate(PORT_F, 0xf03f, 12); // A0-A5, A6-A9
    alternate(PORT_G, 0x003f, 12); // A10-A15
    clock_on(BOARD_TEXT_ENABLE, BOARD_TEXT_ENABLE_BIT);
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
