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
#include "console.h"
#include "family.h"
#include "gpio.h"

#if BOARD_CONSOLE_HAS_ISR // F0, F3, F7 and everything newer, LPUART too (RM0433 48.7, RM0367 29.8)
typedef struct {
    __IO uint32_t CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
} USART_TypeDef;
#define STATUS ISR
#define SENT TDR
#define CR1_UE (1u << 0)
#else // F2, F4 and L1 (RM0090 30.6)
typedef struct {
    __IO uint32_t SR, DR, BRR, CR1, CR2, CR3, GTPR;
} USART_TypeDef;
#define STATUS SR
#define SENT DR
#define CR1_UE (1u << 13)
#endif
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_RXNEIE (1u << 5)
#define STATUS_ORE (1u << 3)
#define STATUS_RXNE (1u << 5)
#define STATUS_TC (1u << 6)
#define STATUS_TXE (1u << 7)

#define CONSOLE ((USART_TypeDef *)BOARD_CONSOLE)

static uint8_t rx_bytes[260]; // as the real port
static ringbuf_t rx = {rx_bytes, sizeof(rx_bytes), 0, 0};

void console_set_baudrate(void) {
    uint32_t clock = family_console_clock() * BOARD_CONSOLE_DIVIDER_UNIT;
    CONSOLE->BRR = (clock + BOARD_CONSOLE_BAUD / 2) / BOARD_CONSOLE_BAUD; // RM0090 30.3.4
}

void console_init(void) {
    gpio_configure(BOARD_CONSOLE_TX, GPIO_ALTERNATE, GPIO_PULL_UP, BOARD_CONSOLE_AF);
    gpio_configure(BOARD_CONSOLE_RX, GPIO_ALTERNATE, GPIO_PULL_UP, BOARD_CONSOLE_AF);
    clock_enable(BOARD_CONSOLE_ENABLE, BOARD_CONSOLE_ENABLE_BIT);
    #if !BOARD_CONSOLE_HAS_ISR
    CONSOLE->CR1 = CR1_UE;
    #endif
    console_set_baudrate(); // with ISR, BRR can be written only while UE is 0
    CONSOLE->CR1 = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    NVIC_SetPriority(BOARD_CONSOLE_IRQ, IRQ_PRI_UART);
    NVIC_EnableIRQ(BOARD_CONSOLE_IRQ);
}

// An overrun alone brings no new byte.  Without ISR, a read of the data register after one of SR
// clears both flags (RM0090 30.6.1).
static inline bool receive(uint8_t *byte) {
    uint32_t status = CONSOLE->STATUS;
    #if BOARD_CONSOLE_HAS_ISR
    CONSOLE->ICR = status & STATUS_ORE;
    *byte = status & STATUS_RXNE ? CONSOLE->RDR : 0;
    #else
    *byte = status & (STATUS_RXNE | STATUS_ORE) ? CONSOLE->DR : 0;
    #endif
    return status & STATUS_RXNE;
}

// Named so that MicroPython's linker script puts it into RAM, where it also runs during an erase
// of the flash.
void USART_console_IRQHandler(void) {
    uint8_t byte;
    while (receive(&byte)) {
        if (byte == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            ringbuf_put(&rx, byte); // a full buffer drops the byte
        }
    }
}

void console_write(const char *text, size_t length) {
    while (length--) {
        if (hal_wait_for(&CONSOLE->STATUS, STATUS_TXE, STATUS_TXE)) {
            CONSOLE->SENT = (uint8_t)*text;
        }
        ++text;
    }
}

void console_drain(void) {
    hal_wait_for(&CONSOLE->STATUS, STATUS_TC, STATUS_TC);
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
