// Included by extmod/modmachine.c: the port's half of the `machine` module, as the real port's.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "modmachine.h"
#include "storage.h"
#include "bootloader.h"
#include "clock.h"
#include "console.h"
#include "modules.h"

enum { RESET_SOFT, RESET_POWER_ON, RESET_HARD, RESET_WDT, RESET_DEEPSLEEP };

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_sleep), MP_ROM_PTR(&machine_lightsleep_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_disable_irq), MP_ROM_PTR(&machine_disable_irq_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_enable_irq), MP_ROM_PTR(&machine_enable_irq_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_Pin), MP_ROM_PTR(&machine_pin_type) }, \
    { MP_ROM_QSTR(MP_QSTR_Timer), MP_ROM_PTR(&machine_timer_type) }, \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(RESET_POWER_ON) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(RESET_HARD) }, \
    { MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(RESET_WDT) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(RESET_DEEPSLEEP) }, \
    { MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(RESET_SOFT) },

static uint32_t reset_cause;

static uint32_t cause_from_flags(uint32_t csr) { // RM0090 7.3.21
    if (csr & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF)) {
        return RESET_WDT;
    }
    if (csr & (RCC_CSR_PORRSTF | RCC_CSR_BORRSTF)) {
        return RESET_POWER_ON;
    }
    // As the real port: a software reset also pulls NRST low, so it sets PINRSTF and is "hard".
    return csr & RCC_CSR_PINRSTF ? RESET_HARD : RESET_SOFT;
}

void machine_init(void) {
    if (PWR->CSR & PWR_CSR_SBF) {
        reset_cause = RESET_DEEPSLEEP;
        PWR->CR |= PWR_CR_CSBF;
    } else {
        reset_cause = cause_from_flags(RCC->CSR);
    }
    RCC->CSR |= RCC_CSR_RMVF;
}

void machine_deinit(void) {
    reset_cause = RESET_SOFT;
}

static mp_obj_t mp_machine_unique_id(void) {
    return mp_obj_new_bytes((const byte *)MP_HAL_UNIQUE_ID_ADDRESS, 12);
}

NORETURN static void mp_machine_reset(void) {
    powerctrl_mcu_reset();
}

NORETURN void mp_machine_bootloader(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    storage_flush();
    __disable_irq();
    powerctrl_enter_bootloader(0, 0x00000000);
}

static mp_obj_t mp_machine_get_freq(void) {
    mp_obj_t items[] = {
        mp_obj_new_int(clock_hclk()), mp_obj_new_int(clock_hclk()),
        mp_obj_new_int(clock_pclk1()), mp_obj_new_int(clock_pclk2()),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    if (n_args > 1) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("only the system clock can be set"));
    }
    console_drain(); // a byte at a changing baud rate would be garbage
    bool ok = clock_set(mp_obj_get_int(args[0]));
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

// Standby, RM0090 5.3.6; there is no RTC here to wake it, so a time is not kept.
NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    PWR->CR |= PWR_CR_PDDS | PWR_CR_CWUF;
    SCB->SCR |= SCB_SCR_SLEEPDEEP_Msk;
    for (;;) {
        __WFI();
    }
}

static mp_int_t mp_machine_reset_cause(void) {
    return reset_cause;
}
