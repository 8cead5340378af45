// SPDX-License-Identifier: MIT
#ifndef PORT_SDRAM_H
#define PORT_SDRAM_H

#include <stdbool.h>

// False: this board has no SDRAM, or its SDRAM does not keep what is written.
bool sdram_init(void);
bool sdram_is_usable(void);

#endif // PORT_SDRAM_H
