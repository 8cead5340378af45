// Start-up and the life of the interpreter, in the order of main.c of MicroPython's stm32 port.
//
// SPDX-License-Identifier: MIT
#include <string.h>

#include "py/compile.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "shared/readline/readline.h"
#include "shared/runtime/pyexec.h"
#include "shared/runtime/softtimer.h"
#include "boardctrl.h"
#include "gccollect.h"
#include "pendsv.h"
#include "pybthread.h"
#include "bootloader.h"
#include "console.h"
#include "family.h"
#include "modules.h"

#if MICROPY_PY_THREAD
static pyb_thread_t main_thread;
#endif

static void vectors_to_ram(void) {
    #if BOARD_VECTORS_IN_RAM
    extern uint32_t __isr_vector_flash_addr, __isr_vector_ram_start, __isr_vector_ram_end;
    size_t length = (uintptr_t)&__isr_vector_ram_end - (uintptr_t)&__isr_vector_ram_start;
    memcpy(&__isr_vector_ram_start, &__isr_vector_flash_addr, length);
    SCB->VTOR = (uint32_t)&__isr_vector_ram_start;
    #elif __VTOR_PRESENT
    SCB->VTOR = BOARD_FLASH;
    #else // the ROM is still at 0 if it started this with its command Go
    *(volatile uint32_t *)BOARD_SYSCFG_ENABLE |= 1u << BOARD_SYSCFG_ENABLE_BIT;
    *(volatile uint32_t *)BOARD_REMAP &= ~BOARD_REMAP_MASK;
    #endif
}

static void core_init(void) {
    #if __FPU_PRESENT
    SCB->CPACR |= 0xfu << 20; // full access to CP10 and CP11
    #endif
    vectors_to_ram();
    #if __CORTEX_M >= 3 && defined(SCB_CCR_STKALIGN_Msk) // it is fixed on ARMv6-M and ARMv8-M
    SCB->CCR |= SCB_CCR_STKALIGN_Msk;
    #endif
    powerctrl_check_enter_bootloader();
    #if __DCACHE_PRESENT // as the real port on the STM32F7 and H7: all caches, the default map
    SCB_EnableICache();
    SCB_EnableDCache();
    ARM_MPU_Enable(MPU_CTRL_PRIVDEFENA_Msk);
    #endif
    #ifdef BOARD_ICACHE // as the real port on the STM32H5
    *(volatile uint32_t *)BOARD_ICACHE |= 1; // ICACHE_CR.EN
    #endif
}

static void hardware_init(void) {
    core_init();
    #if __CORTEX_M >= 3
    NVIC_SetPriorityGrouping(NVIC_PRIORITYGROUP_4);
    #endif
    NVIC_SetPriority(SysTick_IRQn, IRQ_PRI_SYSTICK);
    family_start();
    #if MICROPY_PY_THREAD
    pyb_thread_init(&main_thread);
    #endif
    pendsv_init();
    machine_init();
    console_init();
    family_init();
}

static void interpreter_init(void) {
    #if MICROPY_PY_THREAD
    mp_thread_init();
    #endif
    mp_stack_set_top(&_estack);
    mp_stack_set_limit((char *)&_estack - (char *)&_sstack - 1024);
    gc_init(BOARD_HEAP_START, BOARD_HEAP_END);
    mp_init();
    readline_init0();
    family_interpreter_init();
}

static void run_scripts_and_repl(void) {
    int result = pyexec_file_if_exists("boot.py");
    bool boot_ok = result != 0 && !(result & PYEXEC_FORCED_EXIT);
    if (boot_ok && pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        result = pyexec_file_if_exists("main.py");
    }
    while (!(result & PYEXEC_FORCED_EXIT)) {
        bool raw = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL;
        result = raw ? pyexec_raw_repl() : pyexec_friendly_repl();
    }
}

static void interpreter_deinit(void) {
    family_flush();
    mp_printf(&mp_plat_print, "MPY: soft reboot\n");
    soft_timer_deinit();
    family_interpreter_deinit();
    machine_deinit();
    #if MICROPY_PY_THREAD
    pyb_thread_deinit();
    #endif
    gc_sweep_all();
    mp_deinit();
}

// Called by Reset_Handler (ports/stm32/resethandler.s) with .data and .bss ready.
void stm32_main(uint32_t reset_mode) {
    (void)reset_mode;
    hardware_init();
    for (;;) {
        interpreter_init();
        run_scripts_and_repl();
        interpreter_deinit();
    }
}

NORETURN void boardctrl_fatal_error(const char *message) {
    console_write("\r\nFATAL ERROR: ", 15);
    console_write(message, strlen(message));
    for (;;) {
        __WFI();
    }
}

void nlr_jump_fail(void *value) {
    mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(value));
    boardctrl_fatal_error("uncaught exception");
}

// The pseudo-random seed of `random`: the boards' RNG peripheral is not used.
uint32_t rng_get(void) {
    static uint32_t state;
    state = state * 1664525 + 1013904223 + SysTick->VAL;
    return state ^ *(const uint32_t *)BOARD_UNIQUE_ID;
}
