// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "family.h"

volatile uint32_t uwTick;

uint32_t HAL_GetTick(void) {
    return uwTick;
}

uint32_t HAL_RCC_GetSysClockFreq(void) {
    return family_hclk();
}

bool hal_wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    for (uint32_t tries = 0; tries < 300000; ++tries) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

void systick_configure(void) {
    SysTick->LOAD = family_hclk() / 1000 - 1;
    SysTick->VAL = 0;
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk // HCLK
        | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
}
