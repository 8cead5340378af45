// Included by extmod/modtime.c.  There is no calendar: time counts from 2000-01-01 at reset.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "shared/timeutils/timeutils.h"

static mp_obj_t mp_time_localtime_get(void) {
    timeutils_struct_time_t now;
    timeutils_seconds_since_epoch_to_struct_time(mp_hal_ticks_ms() / 1000, &now);
    mp_obj_t items[] = {
        mp_obj_new_int(now.tm_year), mp_obj_new_int(now.tm_mon), mp_obj_new_int(now.tm_mday),
        mp_obj_new_int(now.tm_hour), mp_obj_new_int(now.tm_min), mp_obj_new_int(now.tm_sec),
        mp_obj_new_int(now.tm_wday), mp_obj_new_int(now.tm_yday),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_uint(mp_hal_ticks_ms() / 1000);
}

uint64_t mp_hal_time_ns(void) {
    uint32_t ms = mp_hal_ticks_ms();
    uint32_t us = mp_hal_ticks_us() - 1000 * ms; // since then; right even after ticks_us wraps
    return (uint64_t)ms * 1000000 + us * 1000;
}
