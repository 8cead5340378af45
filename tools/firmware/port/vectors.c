// The vector table, and what a fault does: it says where it happened and resets the chip, as the
// real port does unless pyb.fault_debug() was called.
//
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "py/mphal.h"
#include "py/mpprint.h"
#include "bootloader.h"
#include "console.h"
#include "external_text.h"

extern uint32_t _estack;
void Reset_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
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
void USART_console_IRQHandler(void);

#if BOARD_TEXT_BASE
#define FIRST_HANDLER external_text_reset
#else
#define FIRST_HANDLER Reset_Handler
#endif

static void print_to_console(void *data, const char *text, size_t length) {
    (void)data;
    console_write(text, length);
}

// The frame is the one that the exception stacked: r0-r3, r12, lr, pc, xpsr.
static __attribute__((used)) void report_fault(const uint32_t *frame) {
    static const mp_print_t console = {NULL, print_to_console};
    mp_printf(&console, "\r\nFATAL: fault %u at pc=%08x lr=%08x CFSR=%08x HFSR=%08x BFAR=%08x\r\n",
        (unsigned int)__get_IPSR(), (unsigned int)frame[6], (unsigned int)frame[5],
        (unsigned int)SCB->CFSR, (unsigned int)SCB->HFSR, (unsigned int)SCB->BFAR);
    console_drain();
    powerctrl_mcu_reset();
}

static __attribute__((naked)) void Fault_Handler(void) {
    __asm volatile (
        "tst lr, #4\n" // EXC_RETURN bit 2: which stack has the frame
        "ite eq\n"
        "mrseq r0, msp\n"
        "mrsne r0, psp\n"
        "b report_fault\n");
}

static void Default_Handler(void) {
    for (;;) {
    }
}

typedef void (*handler_t)(void);

const __attribute__((section(".isr_vector"), used)) handler_t isr_vector[16 + IRQ_COUNT] = {
    (handler_t)&_estack,
    FIRST_HANDLER,
    [2] = Default_Handler, // NMI
    [3 ... 6] = Fault_Handler, // HardFault, MemManage, BusFault, UsageFault
    [11 ... 12] = Default_Handler, // SVCall, DebugMonitor
    [14] = PendSV_Handler,
    [15] = SysTick_Handler,
    [16 ... 15 + IRQ_COUNT] = Default_Handler,
    [16 + FLASH_IRQn] = FLASH_IRQHandler,
    [16 + EXTI0_IRQn] = EXTI0_IRQHandler,
    [16 + EXTI1_IRQn] = EXTI1_IRQHandler,
    [16 + EXTI2_IRQn] = EXTI2_IRQHandler,
    [16 + EXTI3_IRQn] = EXTI3_IRQHandler,
    [16 + EXTI4_IRQn] = EXTI4_IRQHandler,
    [16 + EXTI9_5_IRQn] = EXTI9_5_IRQHandler,
    [16 + EXTI15_10_IRQn] = EXTI15_10_IRQHandler,
    [16 + TIM2_IRQn] = TIM2_IRQHandler,
    [16 + TIM3_IRQn] = TIM3_IRQHandler,
    [16 + TIM4_IRQn] = TIM4_IRQHandler,
    [16 + TIM5_IRQn] = TIM5_IRQHandler,
    [16 + BOARD_CONSOLE_IRQ] = USART_console_IRQHandler,
};
