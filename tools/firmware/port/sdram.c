// External SDRAM for the heap, 8 MiB, 16 bits wide: an IS42S16400J on bank 2 of the FMC, as on the
// STM32F429I-DISCO (UM1670), or half of an MT48LC4M32B2 on bank 1, as on the STM32F746G-DISCO
// (UM1907).  RM0090 37.7.3 (how to initialise it) and 37.7.5 (registers).
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "family.h"
#include "gpio.h"
#include "sdram.h"

#if BOARD_SDRAM

#define BANK1 (BOARD_SDRAM == 0xc0000000)
#define TARGET (BANK1 ? 1u << 4 : 1u << 3) // SDCMR.CTB1, CTB2
#define ROWS 4096u
#define FIRST_REGION 4 // of the MPU, as in the real port
#define BUSY (1u << 5) // SDSR

typedef struct { // 37.7.5
    __IO uint32_t SDCR[2], SDTR[2], SDCMR, SDRTR, SDSR;
} FMC_SDRAM_TypeDef;

#define FMC_SDRAM ((FMC_SDRAM_TypeDef *)(BOARD_FMC + 0x140))

enum { CLOCK_ON = 1, PRECHARGE_ALL = 2, AUTO_REFRESH = 3, LOAD_MODE = 4 };

// One bit per pin, for the ports B to H; all are alternate function 12 (datasheets).
static const uint16_t sdram_pins[] = {
    BANK1 ? 0 : 0x0060, // B: SDCKE1 5, SDNE1 6
    BANK1 ? 0x0008 : 0x0001, // C: SDCKE0 3, or SDNWE 0
    0xc703, // D: D2 D3 0-1, D13-D15 8-10, D0 D1 14-15
    0xff83, // E: NBL0 NBL1 0-1, D4-D12 7-15
    0xf83f, // F: A0-A5 0-5, SDNRAS 11, A6-A9 12-15
    0x8133, // G: A10 A11 0-1, BA0 BA1 4-5, SDCLK 8, SDNCAS 15
    BANK1 ? 0x0028 : 0, // H: SDNE0 3, SDNWE 5
};

static bool usable;

static void pins_configure(void) {
    for (uint32_t pin = 0; pin < 16 * MP_ARRAY_SIZE(sdram_pins); ++pin) {
        if (sdram_pins[pin / 16] & 1u << pin % 16) {
            gpio_configure(16 + pin, GPIO_ALTERNATE, GPIO_NO_PULL, 12);
        }
    }
}

static void command(uint32_t mode, uint32_t refreshes, uint32_t mode_register) {
    FMC_SDRAM->SDCMR = mode | TARGET | (refreshes - 1) << 5 | mode_register << 9;
    hal_wait_for(&FMC_SDRAM->SDSR, BUSY, 0);
}

// Where there are caches the real port has two regions: nothing may be there, but for this SDRAM,
// which is normal memory that is cached and that code may run in.
static void mpu_configure(void) {
    #if __DCACHE_PRESENT
    ARM_MPU_SetRegion(ARM_MPU_RBAR(FIRST_REGION, BOARD_SDRAM),
        ARM_MPU_RASR(1, ARM_MPU_AP_NONE, 0, 0, 0, 0, 0, ARM_MPU_REGION_SIZE_512MB));
    ARM_MPU_SetRegion(ARM_MPU_RBAR(FIRST_REGION + 1, BOARD_SDRAM),
        ARM_MPU_RASR(0, ARM_MPU_AP_FULL, 1, 0, 1, 1, 0, ARM_MPU_REGION_SIZE_8MB));
    __DSB();
    __ISB();
    #endif
}

// Each address line gets its own pattern, so a line that is stuck or shorted shows.
static bool keeps_what_is_written(void) {
    volatile uint32_t *memory = (uint32_t *)BOARD_SDRAM;
    for (uint32_t i = 1; i < BOARD_SDRAM_SIZE / 4; i <<= 1) {
        memory[i] = ~i;
    }
    memory[0] = 0x55aa33cc;
    for (uint32_t i = 1; i < BOARD_SDRAM_SIZE / 4; i <<= 1) {
        if (memory[i] != ~i) {
            return false;
        }
    }
    return memory[0] == 0x55aa33cc;
}

bool sdram_init(void) {
    pins_configure();
    clock_enable(BOARD_FMC_ENABLE, BOARD_FMC_ENABLE_BIT);
    // SDCLK = HCLK / 2, read pipe 1; then CAS 3, 4 banks, 16 bits, 12 row and 8 column bits.  The
    // clock and pipe fields count in bank 1's register only.
    FMC_SDRAM->SDCR[0] = 1u << 13 | 2u << 10;
    FMC_SDRAM->SDCR[!BANK1] |= 3u << 7 | 1u << 6 | 1u << 4 | 1u << 2 | 0u;
    // In clocks, each minus one: TRC 7 and TRP 2 (bank 1's register); TRCD 2, TWR 2, TRAS 4,
    // TXSR 7, TMRD 2.
    FMC_SDRAM->SDTR[0] = 1u << 20 | 6u << 12;
    FMC_SDRAM->SDTR[!BANK1] |= 1u << 24 | 1u << 16 | 3u << 8 | 6u << 4 | 1u;
    command(CLOCK_ON, 1, 0);
    mp_hal_delay_us(200);
    command(PRECHARGE_ALL, 1, 0);
    command(AUTO_REFRESH, 8, 0);
    command(LOAD_MODE, 1, 0x230); // single writes, CAS 3, burst length 1
    // All rows in 64 ms, minus the 20 clocks that RM0090 37.7.5 asks for as a margin.
    FMC_SDRAM->SDRTR = (family_hclk() / 2 / 1000 * 64 / ROWS - 20) << 1;
    usable = keeps_what_is_written();
    mpu_configure();
    return usable;
}

bool sdram_is_usable(void) {
    return usable;
}

#else

bool sdram_init(void) {
    return false;
}

bool sdram_is_usable(void) {
    return false;
}

#endif
