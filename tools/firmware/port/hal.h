// The registers that the common port touches, and the few names of ST's HAL that MicroPython's own
// stm32 files (systick.c, machine_wdt.c) want.  ST's HAL itself is not in Debian's source package.
// Addresses and bits that differ between chips are in the generated board.h.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_HAL_H
#define PORT_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    NonMaskableInt_IRQn = -14,
    HardFault_IRQn = -13,
    MemoryManagement_IRQn = -12,
    BusFault_IRQn = -11,
    UsageFault_IRQn = -10,
    SVCall_IRQn = -5,
    DebugMonitor_IRQn = -4,
    PendSV_IRQn = -2,
    SysTick_IRQn = -1,
    LAST_IRQn = 239, // no Cortex-M of ST has more; the interrupts of a chip are numbers in board.h
} IRQn_Type;

#include PORT_CORE_HEADER

#define REGISTER(address) (*(volatile uint32_t *)(address))

typedef struct { // the same on all STM32 but the F1
    __IO uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
} GPIO_TypeDef;

typedef struct { // the same on all STM32
    __IO uint32_t KR, PR, RLR, SR;
} IWDG_TypeDef;

extern IWDG_TypeDef port_iwdg; // of the linker script
#define IWDG1 (&port_iwdg)
#ifndef STM32H7 // machine_wdt.c knows that the H7 has more than one
#define IWDG IWDG1
#endif

typedef enum { HAL_OK, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;

#define NVIC_PRIORITYGROUP_4 3u // PRIGROUP: four bits of priority, none of sub-priority

extern volatile uint32_t uwTick; // milliseconds; SysTick_Handler in MicroPython's systick.c counts it
uint32_t HAL_GetTick(void);
uint32_t HAL_RCC_GetSysClockFreq(void);

// Polls a register until its masked bits have a value; false after a bound (about 100 ms at
// 16 MHz, 10 ms at 168 MHz), so that a clock that never gets ready cannot hang the port.
bool hal_wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value);

// Sets an enable bit of RCC and waits until the clock has reached the peripheral: a read of the
// register takes the two cycles that it needs (RM0090 7.2).
static inline void clock_enable(uint32_t reg, uint32_t bit) {
    REGISTER(reg) |= 1u << bit;
    (void)REGISTER(reg);
}

#if PORT_FAMILY_F4
#include "f4/stm32f4.h"
#endif

#endif // PORT_HAL_H
