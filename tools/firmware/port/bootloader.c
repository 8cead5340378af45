// machine.bootloader() through a reset, equal in behaviour to powerctrl.c of MicroPython's stm32
// port: a 64-bit word just above the stack says where to go, and the start-up code goes there if
// the reset was a software reset.  The low word is passed in r0; the high word is the address of
// the vector table (4 KiB aligned), with a key in its low 12 bits.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "board.h"
#include "bootloader.h"

#define KEY 0x5a5u
#define KEY_MASK 0xfffu

extern uint64_t _bl_state; // the linker script puts it at _estack

NORETURN static void reset_with(uint64_t state) {
    _bl_state = state;
    #if __DCACHE_PRESENT
    SCB_CleanDCache();
    #endif
    NVIC_SystemReset();
}

NORETURN void powerctrl_mcu_reset(void) {
    reset_with(0);
}

NORETURN void powerctrl_enter_bootloader(uint32_t r0, uint32_t address) {
    reset_with((uint64_t)(address | KEY) << 32 | r0);
}

NORETURN static __attribute__((naked)) void branch_to_bootloader(uint32_t r0, uint32_t address) {
    __asm volatile (
        "ldr r2, [r1, #0]\n"
        "msr msp, r2\n"
        "ldr r2, [r1, #4]\n"
        "bx r2\n");
    MP_UNREACHABLE;
}

// Where a family has it, the ROM appears at address 0.  The real port writes MEM_MODE without a
// clock for SYSCFG; the manuals ask for one (RM0090 7.3.14).
static inline void remap(void) {
    #if BOARD_REMAP
    #if BOARD_SYSCFG_ENABLE
    clock_enable(BOARD_SYSCFG_ENABLE, BOARD_SYSCFG_ENABLE_BIT);
    #endif
    REGISTER(BOARD_REMAP) = (REGISTER(BOARD_REMAP) & ~BOARD_REMAP_MASK) | BOARD_REMAP_ROM;
    #endif
}

void powerctrl_check_enter_bootloader(void) {
    uint64_t state = _bl_state;
    _bl_state = 0;
    uint32_t address = state >> 32;
    if ((address & KEY_MASK) != KEY || !(REGISTER(BOARD_RESET_FLAGS) & BOARD_RESET_SOFTWARE)) {
        return;
    }
    REGISTER(BOARD_RESET_FLAGS) = BOARD_RESET_CLEAR;
    remap();
    branch_to_bootloader((uint32_t)state, address & ~KEY_MASK);
}
