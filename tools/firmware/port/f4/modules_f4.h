// Python classes that only the F4 has.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_MODULES_F4_H
#define PORT_MODULES_F4_H

#include "py/obj.h"

extern const mp_obj_type_t machine_pin_type;
extern const mp_obj_type_t machine_timer_type;

void machine_pin_init0(void);
void machine_pin_deinit_all(void);
void machine_timer_init0(void);
void machine_timer_deinit_all(void);

// Calls a Python function in an interrupt handler, with the heap and the scheduler locked.
// False, after a report on the console: it raised.
bool call_hard_callback(mp_obj_t callback, mp_obj_t argument, const char *what);

#endif // PORT_MODULES_F4_H
