// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "gpio.h"

static void set_field(volatile uint32_t *reg, uint32_t index, uint32_t width, uint32_t value) {
    uint32_t mask = (1u << width) - 1;
    *reg = (*reg & ~(mask << index * width)) | value << index * width;
}

void gpio_clock_enable(uint32_t pin) {
    clock_enable(BOARD_GPIO_ENABLE, BOARD_GPIO_ENABLE_BIT + pin / 16);
}

void gpio_configure(uint32_t pin, uint32_t mode, uint32_t pull, uint32_t alternate) {
    uint32_t n = pin % 16;
    GPIO_TypeDef *gpio = GPIO(pin / 16);
    gpio_clock_enable(pin);
    // The function first, the mode last: the pin never shows another function on the way.
    set_field(&gpio->AFR[n / 8], n % 8, 4, alternate);
    set_field(&gpio->OTYPER, n, 1, mode >> 2);
    set_field(&gpio->OSPEEDR, n, 2, 2);
    set_field(&gpio->PUPDR, n, 2, pull);
    set_field(&gpio->MODER, n, 2, mode & 3);
}
