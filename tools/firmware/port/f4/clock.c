// Clocks as MicroPython's stm32 port leaves them on an STM32F4: SYSCLK = HCLK from HSE x PLL, a
// quarter of it on APB1, half of it on APB2, HSI off.  RM0090 7.2 and 7.3.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "family.h"

#define HSI_HZ 16000000u
#define MHZ 1000000u

typedef struct {
    uint32_t n, p, q;
} pll_t;

// The PLL input is 1 MHz (M = HSE in MHz), so that its VCO, 192 to 432 MHz, is N MHz.
static bool pll_find(uint32_t hz, pll_t *pll) {
    for (uint32_t p = 2; p <= 8; p += 2) {
        uint32_t n = hz / MHZ * p;
        if (hz % MHZ == 0 && hz <= BOARD_SYSCLK_MAX_HZ && n >= 192 && n <= 432) {
            *pll = (pll_t) {n, p, (n + 47) / 48}; // Q: USB and RNG need at most 48 MHz
            return true;
        }
    }
    return false;
}

static bool switch_to(uint32_t source) {
    RCC->CFGR = (RCC->CFGR & ~RCC_CFGR_SW) | source;
    return hal_wait_for(&RCC->CFGR, RCC_CFGR_SW << RCC_CFGR_SWS_Pos, source << RCC_CFGR_SWS_Pos);
}

static bool on(uint32_t enable, uint32_t ready) {
    RCC->CR |= enable;
    return hal_wait_for(&RCC->CR, ready, ready);
}

// Wait states for 2.7 V to 3.6 V: one per 30 MHz begun (RM0090 table 11).  Five serve every
// frequency up to 168 MHz, so they are set before the switch and stay, as in the real port.
static void flash_configure(void) {
    FLASH->ACR = FLASH_ACR_ICEN | FLASH_ACR_DCEN | FLASH_ACR_PRFTEN | 5;
    hal_wait_for(&FLASH->ACR, FLASH_ACR_LATENCY, 5);
}

// PLLCFGR can be written only while the PLL is off, so HSI takes over meanwhile.
static bool pll_restart(const pll_t *pll) {
    if (!on(RCC_CR_HSION, RCC_CR_HSIRDY) || !switch_to(RCC_CFGR_SW_HSI)) {
        return false;
    }
    RCC->CR &= ~RCC_CR_PLLON;
    if (!hal_wait_for(&RCC->CR, RCC_CR_PLLRDY, 0) || !on(RCC_CR_HSEON, RCC_CR_HSERDY)) {
        return false;
    }
    RCC->PLLCFGR = (RCC->PLLCFGR & RCC_PLLCFGR_RESERVED) | RCC_PLLCFGR_PLLSRC_HSE
        | BOARD_HSE_HZ / MHZ | pll->n << RCC_PLLCFGR_PLLN_Pos
        | (pll->p / 2 - 1) << RCC_PLLCFGR_PLLP_Pos | pll->q << RCC_PLLCFGR_PLLQ_Pos;
    return on(RCC_CR_PLLON, RCC_CR_PLLRDY);
}

bool clock_set(uint32_t hz) {
    pll_t pll;
    if (!pll_find(hz, &pll)) {
        return false;
    }
    bool ok = pll_restart(&pll);
    if (ok) {
        flash_configure();
        RCC->CFGR = RCC_CFGR_DIV4 << RCC_CFGR_PPRE1_Pos | RCC_CFGR_DIV2 << RCC_CFGR_PPRE2_Pos;
        ok = switch_to(RCC_CFGR_SW_PLL);
    }
    if (ok) {
        RCC->CR &= ~RCC_CR_HSION; // as the real port: HSI is not used, so it saves its power
    }
    systick_configure();
    return ok;
}

uint32_t clock_hclk(void) {
    switch (RCC->CFGR >> RCC_CFGR_SWS_Pos & RCC_CFGR_SW) {
        case 1:
            return BOARD_HSE_HZ;
        case RCC_CFGR_SW_PLL: {
            uint32_t cfgr = RCC->PLLCFGR;
            uint32_t source = cfgr & RCC_PLLCFGR_PLLSRC_HSE ? BOARD_HSE_HZ : HSI_HZ;
            uint32_t vco = source / (cfgr & 0x3f) * (cfgr >> RCC_PLLCFGR_PLLN_Pos & 0x1ff);
            return vco / (((cfgr >> RCC_PLLCFGR_PLLP_Pos & 3) + 1) * 2);
        }
        default:
            return HSI_HZ;
    }
}

static uint32_t bus_clock(uint32_t position) {
    uint32_t code = RCC->CFGR >> position & 7;
    return clock_hclk() >> (code < 4 ? 0 : code - 3);
}

uint32_t clock_pclk1(void) {
    return bus_clock(RCC_CFGR_PPRE1_Pos);
}

uint32_t clock_pclk2(void) {
    return bus_clock(RCC_CFGR_PPRE2_Pos);
}

// Timers run at twice their bus clock, unless the bus is not divided (RM0090 7.2).
uint32_t clock_apb1_timers(void) {
    uint32_t pclk1 = clock_pclk1();
    return pclk1 == clock_hclk() ? pclk1 : 2 * pclk1;
}

void clock_init(void) {
    RCC->APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC->APB1ENR; // a clock takes two cycles to reach its peripheral (RM0090 7.2)
    PWR->CR = (PWR->CR & ~PWR_CR_VOS) | BOARD_VOS << PWR_CR_VOS_Pos;
    clock_set(BOARD_SYSCLK_HZ);
}
