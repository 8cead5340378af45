// What a family adds to the common port.  The common port runs at the clock that a reset leaves,
// without files; a family that is not named here has no more.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_FAMILY_H
#define PORT_FAMILY_H

#include "board.h"
#include "sdram.h" // for BOARD_HEAP_START

void systick_configure(void); // 1 kHz from HCLK

#if PORT_FAMILY_F4

#include "f4/f4.h"

#else

#define FAMILY_VECTORS // more entries of the vector table
#define FAMILY_MACHINE_GLOBALS // more names in the module `machine`

static inline uint32_t family_hclk(void) {
    return BOARD_RESET_HZ;
}

static inline void family_clocks(uint32_t hz[4]) { // SYSCLK, HCLK, APB1, APB2
    hz[0] = hz[1] = hz[2] = hz[3] = BOARD_RESET_HZ;
}

static inline uint32_t family_console_clock(void) {
    return BOARD_RESET_HZ;
}

static inline bool family_set_hclk(uint32_t hz) {
    return hz == BOARD_RESET_HZ;
}

static inline void family_start(void) { // clocks and memory, before anything else
    systick_configure();
    sdram_init();
}

static inline void family_init(void) { // once, when the console runs
}

static inline void family_interpreter_init(void) { // at each soft reset
}

static inline void family_interpreter_deinit(void) {
}

static inline void family_flush(void) { // what is not in the flash yet
}

static inline bool family_woke_from_standby(void) {
    return false;
}

static inline void family_standby(void) { // makes the next deep sleep one that ends in a reset
}

#endif

#endif // PORT_FAMILY_H
