// The REPL on a USART: received bytes come by interrupt into a ring buffer, sent ones are polled.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "extmod/misc.h"
#include "shared/runtime/interrupt_char.h"
#include "pybthread.h"
#include "clock.h"
#include "console.h"
#include "gpio.h"

typedef struct {
    USART_TypeDef *regs;
    volatile uint32_t *enable; // RCC register and bit that clock it
    uint8_t bit;
    uint8_t irq;
} usart_t;

static const usart_t usarts[] = { // RM0090 7.3.13, 7.3.14 and tables 61, 62
    [1] = {USART1, &RCC->APB2ENR, 4, USART1_IRQn},
    [2] = {USART2, &RCC->APB1ENR, 17, USART2_IRQn},
    [3] = {USART3, &RCC->APB1ENR, 18, USART3_IRQn},
    [4] = {UART4, &RCC->APB1ENR, 19, UART4_IRQn},
    [5] = {UART5, &RCC->APB1ENR, 20, UART5_IRQn},
    [6] = {USART6, &RCC->APB2ENR, 5, USART6_IRQn},
    [7] = {UART7, &RCC->APB1ENR, 30, UART7_IRQn},
    [8] = {UART8, &RCC->APB1ENR, 31, UART8_IRQn},
};
#define CONSOLE (usarts[BOARD_CONSOLE_UNIT])

static uint8_t rx_bytes[260]; // as the real port
static ringbuf_t rx = {rx_bytes, sizeof(rx_bytes), 0, 0};

void console_set_baudrate(void) {
    uint32_t pclk = CONSOLE.enable == &RCC->APB2ENR ? clock_pclk2() : clock_pclk1();
    CONSOLE.regs->BRR = (pclk + BOARD_CONSOLE_BAUD / 2) / BOARD_CONSOLE_BAUD; // RM0090 30.3.4
}

void console_init(void) {
    gpio_configure(BOARD_CONSOLE_TX, GPIO_ALTERNATE, GPIO_PULL_UP, BOARD_CONSOLE_AF);
    gpio_configure(BOARD_CONSOLE_RX, GPIO_ALTERNATE, GPIO_PULL_UP, BOARD_CONSOLE_AF);
    *CONSOLE.enable |= 1u << CONSOLE.bit;
    (void)*CONSOLE.enable;
    CONSOLE.regs->CR1 = USART_CR1_UE;
    console_set_baudrate();
    CONSOLE.regs->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC_SetPriority(CONSOLE.irq, IRQ_PRI_UART);
    NVIC_EnableIRQ(CONSOLE.irq);
}

// Named so that MicroPython's linker script puts it into RAM, where it also runs during an erase
// of the flash.
void USART_console_IRQHandler(void) {
    uint32_t status;
    while ((status = CONSOLE.regs->SR) & (USART_SR_RXNE | USART_SR_ORE)) {
        uint8_t c = CONSOLE.regs->DR; // after the read of SR it clears both flags (RM0090 30.6.1)
        if (!(status & USART_SR_RXNE)) {
            continue; // an overrun alone brings no new byte
        }
        if (c == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            ringbuf_put(&rx, c); // a full buffer drops the byte
        }
    }
}

void console_write(const char *text, size_t length) {
    while (length--) {
        if (hal_wait_for(&CONSOLE.regs->SR, USART_SR_TXE, USART_SR_TXE)) {
            CONSOLE.regs->DR = (uint8_t)*text;
        }
        ++text;
    }
}

void console_drain(void) {
    hal_wait_for(&CONSOLE.regs->SR, USART_SR_TC, USART_SR_TC);
}

uintptr_t mp_hal_stdio_poll(uintptr_t poll_flags) {
    uintptr_t ready = poll_flags & MP_STREAM_POLL_WR; // writing blocks, so it is always possible
    if ((poll_flags & MP_STREAM_POLL_RD) && ringbuf_avail(&rx)) {
        ready |= MP_STREAM_POLL_RD;
    }
    return ready | mp_os_dupterm_poll(poll_flags);
}

int mp_hal_stdin_rx_chr(void) {
    for (;;) {
        int c = ringbuf_get(&rx);
        if (c < 0) {
            c = mp_os_dupterm_rx_chr();
        }
        if (c >= 0) {
            return c;
        }
        MICROPY_EVENT_POLL_HOOK
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    console_write(text, length);
    mp_os_dupterm_tx_strn(text, length);
    return length;
}
