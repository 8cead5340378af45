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
#include "storage.h"
#include "bootloader.h"
#include "clock.h"
#include "console.h"
#include "filesystem.h"
#include "modules.h"
#include "sdram.h"

#if MICROPY_PY_THREAD
static pyb_thread_t main_thread;
#endif

static void vectors_to_ram(void) {
    #if MICROPY_HW_ENABLE_ISR_UART_FLASH_FUNCS_IN_RAM
    extern uint32_t __isr_vector_flash_addr, __isr_vector_ram_start, __isr_vector_ram_end;
    size_t length = (uintptr_t)&__isr_vector_ram_end - (uintptr_t)&__isr_vector_ram_start;
    memcpy(&__isr_vector_ram_start, &__isr_vector_flash_addr, length);
    SCB->VTOR = (uint32_t)&__isr_vector_ram_start;
    #else
    SCB->VTOR = MICROPY_HW_VTOR;
    #endif
}

// The real port gives its first region to the buffers of the Ethernet DMA.  Here it covers the
// CCM, which has the cache of the file system and which the F4 cannot execute from anyway.  Chips
// without CCM have no Ethernet either, and the real port leaves their MPU alone.
static void mpu_configure(void) {
    #if PORT_CCM_KIB
    // Normal memory, shareable, not cacheable; full access, never execute.
    ARM_MPU_SetRegion(ARM_MPU_RBAR(0, 0x10000000),
        ARM_MPU_RASR(1, ARM_MPU_AP_FULL, 1, 1, 0, 0, 0, ARM_MPU_REGION_SIZE_64KB));
    ARM_MPU_Enable(MPU_CTRL_PRIVDEFENA_Msk);
    #endif
}

static void hardware_init(void) {
    SCB->CPACR |= 0xfu << 20; // FPU: full access to CP10 and CP11
    vectors_to_ram();
    SCB->CCR |= SCB_CCR_STKALIGN_Msk;
    powerctrl_check_enter_bootloader();
    mpu_configure();
    NVIC_SetPriorityGrouping(NVIC_PRIORITYGROUP_4);
    NVIC_SetPriority(SysTick_IRQn, IRQ_PRI_SYSTICK);
    clock_init();
    #if PORT_CCM_KIB
    RCC->AHB1ENR |= RCC_AHB1ENR_CCMDATARAMEN;
    #endif
    sdram_init();
    #if MICROPY_PY_THREAD
    pyb_thread_init(&main_thread);
    #endif
    pendsv_init();
    machine_init();
    console_init();
    storage_init();
}

static void interpreter_init(void) {
    #if MICROPY_PY_THREAD
    mp_thread_init();
    #endif
    mp_stack_set_top(&_estack);
    mp_stack_set_limit((char *)&_estack - (char *)&_sstack - 1024);
    gc_init(MICROPY_HEAP_START, MICROPY_HEAP_END);
    mp_init();
    readline_init0();
    machine_pin_init0();
    machine_timer_init0();
    filesystem_mount();
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
    storage_flush();
    mp_printf(&mp_plat_print, "MPY: soft reboot\n");
    soft_timer_deinit();
    machine_timer_deinit_all();
    machine_pin_deinit_all();
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
    return state ^ *(const uint32_t *)MP_HAL_UNIQUE_ID_ADDRESS;
}
