// SPDX-License-Identifier: MIT
#ifndef PORT_GPIO_H
#define PORT_GPIO_H

#include "board.h"

// Port A is 0.  The ports A to E are in this order on every STM32, in memory and in RCC.
#define GPIO(port) ((GPIO_TypeDef *)(BOARD_GPIO + (port) * 0x400))

enum { GPIO_INPUT = 0, GPIO_OUTPUT = 1, GPIO_ALTERNATE = 2, GPIO_ANALOG = 3, GPIO_OPEN_DRAIN = 5 };
enum { GPIO_NO_PULL, GPIO_PULL_UP, GPIO_PULL_DOWN };

// Clocks the port of a pin, once and for all.
void gpio_clock_enable(uint32_t pin);

// Clocks the port of a pin and configures it: RM0090 8.4.  `pin` is 16 * port + number (PA0 = 0).
void gpio_configure(uint32_t pin, uint32_t mode, uint32_t pull, uint32_t alternate);

#endif // PORT_GPIO_H
