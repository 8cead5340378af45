// machine.bootloader() through a reset, equal in behaviour to powerctrl.c of MicroPython's stm32
// port: a 64-bit word just above the stack says where to go, and the start-up code goes there if
// the reset was a software reset.  The low word is passed in r0; the high word is the address of
// the vector table (4 KiB aligned), with a key in its low 12 bits.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "bootloader.h"

#define KEY 0x5a5u
#define KEY_MASK 0xfffu

extern uint64_t _bl_state; // the linker script puts it at _estack

NORETURN void powerctrl_mcu_reset(void) {
    _bl_state = 0;
    NVIC_SystemReset();
}

NORETURN void powerctrl_enter_bootloader(uint32_t r0, uint32_t address) {
    _bl_state = (uint64_t)(address | KEY) << 32 | r0;
    NVIC_SystemReset();
}

NORETURN static __attribute__((naked)) void branch_to_bootloader(uint32_t r0, uint32_t address) {
    __asm volatile (
        "ldr r2, [r1, #0]\n"
        "msr msp, r2\n"
        "ldr r2, [r1, #4]\n"
        "bx r2\n");
    MP_UNREACHABLE;
}

void powerctrl_check_enter_bootloader(void) {
    uint64_t state = _bl_state;
    _bl_state = 0;
    uint32_t address = state >> 32;
    if ((address & KEY_MASK) != KEY || !(RCC->CSR & RCC_CSR_SFTRSTF)) {
        return;
    }
    RCC->CSR = RCC_CSR_RMVF;
    // The ROM appears at address 0.  The real port writes MEMRMP without clocking SYSCFG; RM0090
    // asks for the clock.
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    SYSCFG->MEMRMP = (SYSCFG->MEMRMP & ~SYSCFG_MEMRMP_MEM_MODE) | SYSCFG_MEMRMP_MEM_MODE_ROM;
    branch_to_bootloader((uint32_t)state, address & ~KEY_MASK);
}
