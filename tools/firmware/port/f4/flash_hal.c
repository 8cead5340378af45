// Flash programming (RM0090 3.6), under the names of ST's HAL that MicroPython's flash.c calls.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"

#define FLASH_ERRORS \
    (FLASH_FLAG_OPERR | FLASH_FLAG_WRPERR | FLASH_FLAG_PGAERR | FLASH_FLAG_PGPERR \
    | FLASH_FLAG_PGSERR)

// RM0090 3.6.1: the two keys open FLASH_CR until LOCK is set again.
HAL_StatusTypeDef HAL_FLASH_Unlock(void) {
    if (FLASH->CR & FLASH_CR_LOCK) {
        FLASH->KEYR = 0x45670123;
        FLASH->KEYR = 0xcdef89ab;
    }
    return (FLASH->CR & FLASH_CR_LOCK) ? HAL_ERROR : HAL_OK;
}

HAL_StatusTypeDef HAL_FLASH_Lock(void) {
    FLASH->CR |= FLASH_CR_LOCK;
    return HAL_OK;
}

// Programming a word takes 16 us, an erase of 128 KiB up to 2 s (datasheet); the bound is above.
static HAL_StatusTypeDef FLASH_WaitForLastOperation(void) {
    for (uint32_t tries = 0; FLASH->SR & FLASH_SR_BSY; ++tries) {
        if (tries > 100000000) {
            return HAL_TIMEOUT;
        }
    }
    uint32_t errors = FLASH->SR & FLASH_ERRORS;
    if (errors) {
        FLASH->SR = errors; // written 1 clears
    }
    return errors ? HAL_ERROR : HAL_OK;
}

// The caches may hold words of the erased sector; they can only be reset while disabled
// (RM0090 3.9.1).
static void flush_flash_caches(void) {
    uint32_t acr = FLASH->ACR;
    FLASH->ACR = acr & ~(FLASH_ACR_ICEN | FLASH_ACR_DCEN);
    FLASH->ACR = (acr & ~(FLASH_ACR_ICEN | FLASH_ACR_DCEN)) | FLASH_ACR_ICRST | FLASH_ACR_DCRST;
    FLASH->ACR = acr & ~(FLASH_ACR_ICEN | FLASH_ACR_DCEN);
    FLASH->ACR = acr;
}

HAL_StatusTypeDef HAL_FLASHEx_Erase(FLASH_EraseInitTypeDef *erase, uint32_t *error) {
    *error = 0xffffffff; // HAL's word for "no sector failed"
    // SNB counts the second bank of 2 MiB parts from 16 (RM0090 3.9.8).
    uint32_t number = erase->Sector < 12 ? erase->Sector : erase->Sector + 4;
    HAL_StatusTypeDef status = FLASH_WaitForLastOperation();
    if (status == HAL_OK) {
        FLASH->CR = FLASH_CR_PSIZE_WORD | FLASH_CR_SER | number << FLASH_CR_SNB_Pos;
        FLASH->CR |= FLASH_CR_STRT;
        status = FLASH_WaitForLastOperation();
        FLASH->CR = 0;
    }
    if (status != HAL_OK) {
        *error = erase->Sector;
    }
    flush_flash_caches();
    return status;
}

// Bits can go from 1 to 0 at any time; from 0 to 1 only by an erase (RM0090 3.6.3).
HAL_StatusTypeDef HAL_FLASH_Program(uint32_t type, uint32_t address, uint64_t word) {
    (void)type; // always a 32-bit word: the boards run at 2.7 V to 3.6 V
    if (*(volatile uint32_t *)address == (uint32_t)word) {
        return HAL_OK;
    }
    HAL_StatusTypeDef status = FLASH_WaitForLastOperation();
    if (status == HAL_OK) {
        FLASH->CR = FLASH_CR_PSIZE_WORD | FLASH_CR_PG;
        *(volatile uint32_t *)address = (uint32_t)word;
        __DSB();
        status = FLASH_WaitForLastOperation();
        FLASH->CR = 0;
    }
    return status;
}
