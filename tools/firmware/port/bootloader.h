// SPDX-License-Identifier: MIT
#ifndef PORT_BOOTLOADER_H
#define PORT_BOOTLOADER_H

#include "py/mpconfig.h"

NORETURN void powerctrl_mcu_reset(void);
NORETURN void powerctrl_enter_bootloader(uint32_t r0, uint32_t address);
void powerctrl_check_enter_bootloader(void);

#endif // PORT_BOOTLOADER_H
