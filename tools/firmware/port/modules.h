// What main.c calls of the module `machine`.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_MODULES_H
#define PORT_MODULES_H

void machine_init(void); // notes the reset cause and clears its flags
void machine_deinit(void);

#endif // PORT_MODULES_H
