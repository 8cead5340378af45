// What the F4 has beside the common port: full speed, files in internal flash, CCM, machine.Pin,
// hardware timers.  ../family.h says what each function is.
//
// SPDX-License-Identifier: MIT
#include "clock.h"
#include "modules_f4.h"

#define FAMILY_MACHINE_GLOBALS { MP_ROM_QSTR(MP_QSTR_Pin), MP_ROM_PTR(&machine_pin_type) },

#define FAMILY_VECTORS \
    [16 + FLASH_IRQn] = FLASH_IRQHandler, \
    [16 + EXTI0_IRQn] = EXTI0_IRQHandler, \
    [16 + EXTI1_IRQn] = EXTI1_IRQHandler, \
    [16 + EXTI2_IRQn] = EXTI2_IRQHandler, \
    [16 + EXTI3_IRQn] = EXTI3_IRQHandler, \
    [16 + EXTI4_IRQn] = EXTI4_IRQHandler, \
    [16 + EXTI9_5_IRQn] = EXTI9_5_IRQHandler, \
    [16 + EXTI15_10_IRQn] = EXTI15_10_IRQHandler, \
    [16 + TIM2_IRQn] = TIM2_IRQHandler, \
    [16 + TIM3_IRQn] = TIM3_IRQHandler, \
    [16 + TIM4_IRQn] = TIM4_IRQHandler, \
    [16 + TIM5_IRQn] = TIM5_IRQHandler,

void FLASH_IRQHandler(void);
void EXTI0_IRQHandler(void);
void EXTI1_IRQHandler(void);
void EXTI2_IRQHandler(void);
void EXTI3_IRQHandler(void);
void EXTI4_IRQHandler(void);
void EXTI9_5_IRQHandler(void);
void EXTI15_10_IRQHandler(void);
void TIM2_IRQHandler(void);
void TIM3_IRQHandler(void);
void TIM4_IRQHandler(void);
void TIM5_IRQHandler(void);

#define family_hclk clock_hclk
#define family_set_hclk clock_set

uint32_t family_console_clock(void);
void family_clocks(uint32_t hz[4]);
void family_start(void);
void family_init(void);
void family_interpreter_init(void);
void family_interpreter_deinit(void);
void family_flush(void);
bool family_woke_from_standby(void);
void family_standby(void);
