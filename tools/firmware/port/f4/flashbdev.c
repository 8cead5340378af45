// Blocks of 512 bytes on internal flash: what flashbdev.c is in MicroPython's stm32 port, but one
// that needs an erase far less often, because an erase takes a quarter of a second or more.
//
// The flash holds the inverse of every byte, so the zeros of an empty directory or FAT are erased
// flash; a block is programmed straight away if that only clears bits.  Otherwise its sector goes
// into a cache that the next sync, or five seconds without a write, brings back to the flash.
//
// SPDX-License-Identifier: MIT
#include <string.h>

#include "py/mperrno.h"
#include "py/mphal.h"
#include "flash.h"
#include "storage.h"

#define WORDS (FLASH_BLOCK_SIZE / 4)
#define NONE 0
#define IDLE_MS 5000 // as the real port

extern uint32_t _micropy_hw_internal_flash_storage_start[];
extern uint32_t _micropy_hw_internal_flash_storage_end[];
extern uint32_t _micropy_hw_internal_flash_storage_ram_cache_start[];
extern uint32_t _micropy_hw_internal_flash_storage_ram_cache_end[];
#define START _micropy_hw_internal_flash_storage_start
#define CACHE _micropy_hw_internal_flash_storage_ram_cache_start
#define CACHE_SIZE (4 * (uint32_t)(_micropy_hw_internal_flash_storage_ram_cache_end - CACHE))

static uint32_t cached = NONE; // address of the sector in the cache
static uint32_t cached_size; // in bytes
static bool dirty;
static uint32_t last_write; // ms

static uint32_t number_of_blocks(void) {
    return (_micropy_hw_internal_flash_storage_end - START) / WORDS;
}

static bool needs_erase(const uint32_t *flash, const uint32_t *wanted, uint32_t words) {
    for (uint32_t i = 0; i < words; ++i) {
        if ((flash[i] & wanted[i]) != wanted[i]) {
            return true;
        }
    }
    return false;
}

static void flush(void) {
    if (!dirty) {
        return;
    }
    if (needs_erase((const uint32_t *)cached, CACHE, cached_size / 4)) {
        flash_erase(cached);
    }
    flash_write(cached, CACHE, cached_size / 4);
    dirty = false;
}

static void load_sector_of(uint32_t address) {
    flush();
    flash_get_sector_info(address, &cached, &cached_size);
    cached_size = MIN(cached_size, CACHE_SIZE); // the file system has no more of a bigger sector
    memcpy(CACHE, (const void *)cached, cached_size);
}

// The words of a block where they are now: in the cache or in the flash.
static uint32_t *locate(uint32_t block) {
    uint32_t address = (uint32_t)(START + block * WORDS);
    if (cached != NONE && cached <= address && address < cached + cached_size) {
        return CACHE + (address - cached) / 4;
    }
    return (uint32_t *)address;
}

static void invert(uint32_t *to, const uint8_t *from) {
    memcpy(to, from, FLASH_BLOCK_SIZE);
    for (uint32_t i = 0; i < WORDS; ++i) {
        to[i] = ~to[i];
    }
}

bool flash_bdev_readblock(uint8_t *dest, uint32_t block) {
    if (block >= number_of_blocks()) {
        return false;
    }
    uint32_t words[WORDS];
    invert(words, (const uint8_t *)locate(block));
    memcpy(dest, words, sizeof(words));
    return true;
}

bool flash_bdev_writeblock(const uint8_t *src, uint32_t block) {
    if (block >= number_of_blocks()) {
        return false;
    }
    uint32_t words[WORDS];
    invert(words, src);
    uint32_t irq_state = raise_irq_pri(IRQ_PRI_FLASH); // not between here and a flush when idle
    uint32_t *place = locate(block);
    bool in_flash = place == START + block * WORDS;
    if (in_flash && !needs_erase(place, words, WORDS)) {
        flash_write((uint32_t)place, words, WORDS);
    } else {
        if (in_flash) {
            load_sector_of((uint32_t)place);
        }
        memcpy(locate(block), words, sizeof(words));
        dirty = true;
        last_write = HAL_GetTick();
    }
    restore_irq_pri(irq_state);
    return true;
}

int32_t flash_bdev_ioctl(uint32_t op, uint32_t arg) {
    (void)arg;
    switch (op) {
        case BDEV_IOCTL_INIT:
            return 0;
        case BDEV_IOCTL_NUM_BLOCKS:
            return number_of_blocks();
        case BDEV_IOCTL_IRQ_HANDLER: // every 512 ms, from FLASH_IRQHandler
            if (HAL_GetTick() - last_write >= IDLE_MS) {
                flush();
            }
            return 0;
        case BDEV_IOCTL_SYNC: {
            uint32_t irq_state = raise_irq_pri(IRQ_PRI_FLASH);
            flush();
            restore_irq_pri(irq_state);
            return 0;
        }
    }
    return -MP_EINVAL;
}
