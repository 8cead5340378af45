// SPDX-License-Identifier: MIT
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

// Runs SYSCLK and HCLK from HSE and PLL at `hz` (a multiple of 1 MHz, from 24 MHz to
// BOARD_SYSCLK_MAX_HZ; APB1 gets a quarter, APB2 half of it) and SysTick at 1 kHz.  False: the
// frequency is out of range, or HSE or PLL did not start and the chip runs on.
bool clock_set(uint32_t hz);

uint32_t clock_hclk(void);
uint32_t clock_pclk1(void);
uint32_t clock_pclk2(void);
uint32_t clock_apb1_timers(void);

void clock_init(void);

#endif // PORT_CLOCK_H
