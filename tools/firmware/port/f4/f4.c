// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "storage.h"
#include "family.h"
#include "filesystem.h"

// The real port gives its first region to the buffers of the Ethernet DMA.  Here it covers the
// CCM, which has the cache of the file system and which the F4 cannot execute from anyway.  Chips
// without CCM have no Ethernet either, and the real port leaves their MPU alone.
static void ccm_init(void) {
    #if BOARD_CCM
    // Normal memory, shareable, not cacheable; full access, never execute.
    ARM_MPU_SetRegion(ARM_MPU_RBAR(0, BOARD_CCM),
        ARM_MPU_RASR(1, ARM_MPU_AP_FULL, 1, 1, 0, 0, 0, ARM_MPU_REGION_SIZE_64KB));
    ARM_MPU_Enable(MPU_CTRL_PRIVDEFENA_Msk);
    RCC->AHB1ENR |= RCC_AHB1ENR_CCMDATARAMEN;
    #endif
}

uint32_t family_console_clock(void) {
    return BOARD_CONSOLE_ENABLE == (uintptr_t)&RCC->APB2ENR ? clock_pclk2() : clock_pclk1();
}

void family_clocks(uint32_t hz[4]) {
    hz[0] = hz[1] = clock_hclk();
    hz[2] = clock_pclk1();
    hz[3] = clock_pclk2();
}

void family_start(void) {
    ccm_init();
    clock_init();
    sdram_init();
}

void family_init(void) {
    storage_init();
}

void family_interpreter_init(void) {
    machine_pin_init0();
    machine_timer_init0();
    filesystem_mount();
}

void family_interpreter_deinit(void) {
    machine_timer_deinit_all();
    machine_pin_deinit_all();
}

void family_flush(void) {
    storage_flush();
}

bool family_woke_from_standby(void) {
    bool woke = PWR->CSR & PWR_CSR_SBF;
    if (woke) {
        PWR->CR |= PWR_CR_CSBF;
    }
    return woke;
}

void family_standby(void) { // RM0090 5.3.6
    PWR->CR |= PWR_CR_PDDS | PWR_CR_CWUF;
}
