// SPDX-License-Identifier: MIT
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "extmod/vfs_fat.h"
#include "shared/timeutils/timeutils.h"
#include "led.h"
#include "storage.h"
#include "filesystem.h"

static int format(void) {
    fs_user_mount_t vfs = {0};
    uint8_t sector[FF_MAX_SS];
    pyb_flash_init_vfs(&vfs);
    return f_mkfs(&vfs.fatfs, FM_FAT, 0, sector, sizeof(sector)) == FR_OK ? 0 : -MP_ENODEV;
}

void filesystem_mount(void) {
    mp_obj_t device = MP_OBJ_FROM_PTR(&pyb_flash_obj);
    mp_obj_t root = MP_OBJ_NEW_QSTR(MP_QSTR__slash_);
    int result = mp_vfs_mount_and_chdir_protected(device, root);
    if (result == -MP_ENODEV && format() == 0) {
        result = mp_vfs_mount_and_chdir_protected(device, root);
    }
    if (result == 0) {
        mp_obj_list_append(mp_sys_path, MP_OBJ_NEW_QSTR(MP_QSTR__slash_lib));
    } else {
        mp_printf(&mp_plat_print, "MPY: can't mount flash (%d)\n", result);
    }
}

DWORD get_fattime(void) {
    timeutils_struct_time_t now; // as time.time() has it
    timeutils_seconds_since_epoch_to_struct_time(HAL_GetTick() / 1000, &now);
    return (now.tm_year - 1980) << 25 | now.tm_mon << 21 | now.tm_mday << 16
           | now.tm_hour << 11 | now.tm_min << 5 | now.tm_sec / 2;
}

void led_state(pyb_led_t led, int state) { // storage.c shows a dirty cache on an LED
    (void)led;
    (void)state;
}
