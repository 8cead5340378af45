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
#include "family.h"

extern uint32_t _estack;
void PendSV_Handler(void);
void SysTick_Handler(void);
void USART_console_IRQHandler(void);

static void print_to_console(void *data, const char *text, size_t length) {
    (void)data;
    console_write(text, length);
}

// The frame is the one that the exception stacked: r0-r3, r12, lr, pc, xpsr.
static __attribute__((used)) void report_fault(const uint32_t *frame) {
    static const mp_print_t console = {NULL, print_to_console};
    mp_printf(&console, "\r\nFATAL: fault %u at pc=%08x lr=%08x", (unsigned int)__get_IPSR(),
        (unsigned int)frame[6], (unsigned int)frame[5]);
    #if __CORTEX_M >= 3
    mp_printf(&console, " CFSR=%08x HFSR=%08x BFAR=%08x", (unsigned int)SCB->CFSR,
        (unsigned int)SCB->HFSR, (unsigned int)SCB->BFAR);
    #endif
    mp_printf(&console, "\r\n");
    console_drain();
    powerctrl_mcu_reset();
}

static __attribute__((naked)) void Fault_Handler(void) {
    __asm volatile ( // without IT and with low registers: ARMv6-M has no more
        "mov r1, lr\n"
        "mrs r0, msp\n"
        "lsl r1, r1, #29\n" // EXC_RETURN bit 2: which stack has the frame
        "bpl 1f\n"
        "mrs r0, psp\n"
        "1: bl report_fault\n");
}

static void Default_Handler(void) {
    for (;;) {
    }
}

typedef void (*handler_t)(void);

const __attribute__((section(".isr_vector"), used)) handler_t isr_vector[16 + BOARD_IRQS] = {
    (handler_t)&_estack,
    FIRST_HANDLER,
    [2] = Default_Handler, // NMI
    [3 ... 6] = Fault_Handler, // HardFault, MemManage, BusFault, UsageFault
    [11 ... 12] = Default_Handler, // SVCall, DebugMonitor
    [14] = PendSV_Handler,
    [15] = SysTick_Handler,
    [16 ... 15 + BOARD_IRQS] = Default_Handler,
    [16 + BOARD_CONSOLE_IRQ] = USART_console_IRQHandler,
    FAMILY_VECTORS
};
