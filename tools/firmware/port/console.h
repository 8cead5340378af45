// SPDX-License-Identifier: MIT
#ifndef PORT_CONSOLE_H
#define PORT_CONSOLE_H

#include <stddef.h>

void console_init(void);
void console_set_baudrate(void); // again after every change of the bus clocks
void console_drain(void); // waits until the last byte is on the wire
void console_write(const char *text, size_t length);

#endif // PORT_CONSOLE_H
