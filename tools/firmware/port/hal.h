// The few names of ST's HAL that MicroPython's own stm32 files (systick.c, storage.c,
// flashbdev.c, flash.c) want.  ST's HAL itself is not in Debian's source package.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_HAL_H
#define PORT_HAL_H

typedef enum { HAL_OK, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;

#define NVIC_PRIORITYGROUP_4 3u // PRIGROUP: four bits of priority, none of sub-priority

extern volatile uint32_t uwTick;
uint32_t HAL_GetTick(void);
uint32_t HAL_RCC_GetSysClockFreq(void);
#define HAL_NVIC_EnableIRQ NVIC_EnableIRQ

// Polls a register until its masked bits have a value; false after a bound (about 100 ms at
// 16 MHz, 10 ms at 168 MHz), so that a clock that never gets ready cannot hang the port.
bool hal_wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value);

// Flash programming, RM0090 3.6.
#if PORT_FLASH_KIB > 512
#define FLASH_SECTOR_8 8 // says to flash.c that the chip has sectors 8 to 11
#endif
#if PORT_FLASH_KIB > 1024
#define FLASH_SECTOR_12 12
#endif
#define FLASH_FLAG_EOP (1u << 0)
#define FLASH_FLAG_OPERR (1u << 1)
#define FLASH_FLAG_WRPERR (1u << 4)
#define FLASH_FLAG_PGAERR (1u << 5)
#define FLASH_FLAG_PGPERR (1u << 6)
#define FLASH_FLAG_PGSERR (1u << 7)
#define FLASH_CR_PSIZE (3u << 8)
#define TYPEERASE_SECTORS 0
#define VOLTAGE_RANGE_3 2
#define FLASH_TYPEPROGRAM_WORD 2
#define __HAL_FLASH_CLEAR_FLAG(flags) (FLASH->SR = (flags))

typedef struct {
    uint32_t TypeErase, Banks, Sector, NbSectors, VoltageRange;
} FLASH_EraseInitTypeDef;

HAL_StatusTypeDef HAL_FLASH_Unlock(void);
HAL_StatusTypeDef HAL_FLASH_Lock(void);
HAL_StatusTypeDef HAL_FLASHEx_Erase(FLASH_EraseInitTypeDef *erase, uint32_t *error);
HAL_StatusTypeDef HAL_FLASH_Program(uint32_t type, uint32_t address, uint64_t word);

#endif // PORT_HAL_H
