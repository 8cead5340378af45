// Included by extmod/modmachine.c: the port's half of the `machine` module, as the real port's.
//
// SPDX-License-Identifier: MIT
#include "py/gc.h"
#include "py/mphal.h"
#include "gccollect.h"
#include "modmachine.h"
#include "bootloader.h"
#include "console.h"
#include "family.h"
#include "modules.h"

enum { RESET_SOFT, RESET_POWER_ON, RESET_HARD, RESET_WDT, RESET_DEEPSLEEP };

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_info), MP_ROM_PTR(&machine_info_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_sleep), MP_ROM_PTR(&machine_lightsleep_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_disable_irq), MP_ROM_PTR(&machine_disable_irq_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_enable_irq), MP_ROM_PTR(&machine_enable_irq_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_Timer), MP_ROM_PTR(&machine_timer_type) }, \
    FAMILY_MACHINE_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(RESET_POWER_ON) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(RESET_HARD) }, \
    { MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(RESET_WDT) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(RESET_DEEPSLEEP) }, \
    { MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(RESET_SOFT) },

static uint32_t reset_cause;

static uint32_t cause_from_flags(uint32_t flags) {
    if (flags & BOARD_RESET_WATCHDOG) {
        return RESET_WDT;
    }
    if (flags & BOARD_RESET_POWER_ON) {
        return RESET_POWER_ON;
    }
    // As the real port: a software reset also pulls NRST low, so it sets PINRSTF and is "hard".
    return flags & BOARD_RESET_PIN ? RESET_HARD : RESET_SOFT;
}

void machine_init(void) {
    bool woke = family_woke_from_standby();
    reset_cause = woke ? RESET_DEEPSLEEP : cause_from_flags(REGISTER(BOARD_RESET_FLAGS));
    REGISTER(BOARD_RESET_FLAGS) |= BOARD_RESET_CLEAR;
}

void machine_deinit(void) {
    reset_cause = RESET_SOFT;
}

// Of what the real port prints: where the memory of this image is and, with an argument, the heap.
static mp_obj_t machine_info(size_t n_args, const mp_obj_t *args) {
    (void)args;
    mp_printf(&mp_plat_print, "_ebss=%p\n", &_ebss);
    mp_printf(&mp_plat_print, "_sstack=%p\n", &_sstack);
    mp_printf(&mp_plat_print, "_estack=%p\n", &_estack);
    mp_printf(&mp_plat_print, "_heap_start=%p\n", &_heap_start);
    mp_printf(&mp_plat_print, "_heap_end=%p\n", &_heap_end);
    if (n_args == 1) {
        gc_dump_alloc_table(&mp_plat_print);
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(machine_info_obj, 0, 1, machine_info);

static mp_obj_t mp_machine_unique_id(void) {
    return mp_obj_new_bytes((const byte *)BOARD_UNIQUE_ID, 12);
}

NORETURN static void mp_machine_reset(void) {
    powerctrl_mcu_reset();
}

NORETURN void mp_machine_bootloader(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    family_flush();
    __disable_irq();
    powerctrl_enter_bootloader(0, BOARD_ROM);
}

static mp_obj_t mp_machine_get_freq(void) {
    uint32_t hz[4];
    family_clocks(hz);
    mp_obj_t items[4];
    for (size_t i = 0; i < 4; ++i) {
        items[i] = mp_obj_new_int(hz[i]);
    }
    return mp_obj_new_tuple(4, items);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    if (n_args > 1) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("only the system clock can be set"));
    }
    console_drain(); // a byte at a changing baud rate would be garbage
    bool ok = family_set_hclk(mp_obj_get_int(args[0]));
    console_set_baudrate();
    if (!ok) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid freq"));
    }
}

static void mp_machine_idle(void) {
    __WFI();
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        __WFI();
    } else {
        mp_hal_delay_ms(mp_obj_get_int(args[0]));
    }
}

// There is no RTC here to wake it, so a time is not kept.
NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    family_standby();
    SCB->SCR |= SCB_SCR_SLEEPDEEP_Msk;
    for (;;) {
        __WFI();
    }
}

static mp_int_t mp_machine_reset_cause(void) {
    return reset_cause;
}
