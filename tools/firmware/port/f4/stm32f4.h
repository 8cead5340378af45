// The registers that only the F4 part of the port touches, named as in ST's CMSIS headers so that
// MicroPython's own stm32 files compile unchanged.  Offsets, bits and base addresses: RM0090 rev
// 19, section 2.3 (memory map) and the register section named beside each block; interrupt
// numbers: tables 61 (STM32F405) and 62 (STM32F42x).  Where the other STM32F4 have these, they have
// them there too.
//
// SPDX-License-Identifier: MIT
#ifndef PORT_STM32F4_H
#define PORT_STM32F4_H

enum {
    FLASH_IRQn = 4,
    EXTI0_IRQn = 6,
    EXTI1_IRQn = 7,
    EXTI2_IRQn = 8,
    EXTI3_IRQn = 9,
    EXTI4_IRQn = 10,
    EXTI9_5_IRQn = 23,
    TIM2_IRQn = 28,
    TIM3_IRQn = 29,
    TIM4_IRQn = 30,
    EXTI15_10_IRQn = 40,
    TIM5_IRQn = 50,
};

typedef struct { // 7.3
    __IO uint32_t CR, PLLCFGR, CFGR, CIR;
    __IO uint32_t AHB1RSTR, AHB2RSTR, AHB3RSTR, reserved_1c;
    __IO uint32_t APB1RSTR, APB2RSTR, reserved_28[2];
    __IO uint32_t AHB1ENR, AHB2ENR, AHB3ENR, reserved_3c;
    __IO uint32_t APB1ENR, APB2ENR, reserved_48[2];
    __IO uint32_t AHB1LPENR, AHB2LPENR, AHB3LPENR, reserved_5c;
    __IO uint32_t APB1LPENR, APB2LPENR, reserved_68[2];
    __IO uint32_t BDCR, CSR, reserved_78[2];
    __IO uint32_t SSCGR, PLLI2SCFGR;
} RCC_TypeDef;

typedef struct { // 3.9
    __IO uint32_t ACR, KEYR, OPTKEYR, SR, CR, OPTCR;
} FLASH_TypeDef;

typedef struct { // 5.4
    __IO uint32_t CR, CSR;
} PWR_TypeDef;

typedef struct { // 9.2
    __IO uint32_t MEMRMP, PMC, EXTICR[4], reserved_18[2], CMPCR;
} SYSCFG_TypeDef;

typedef struct { // 12.3
    __IO uint32_t IMR, EMR, RTSR, FTSR, SWIER, PR;
} EXTI_TypeDef;

typedef struct { // 18.4
    __IO uint32_t CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR;
} TIM_TypeDef;

#define TIM2 ((TIM_TypeDef *)0x40000000)
#define TIM3 ((TIM_TypeDef *)0x40000400)
#define TIM4 ((TIM_TypeDef *)0x40000800)
#define TIM5 ((TIM_TypeDef *)0x40000c00)
#define PWR ((PWR_TypeDef *)0x40007000)
#define SYSCFG ((SYSCFG_TypeDef *)0x40013800)
#define EXTI ((EXTI_TypeDef *)0x40013c00)
#define RCC ((RCC_TypeDef *)0x40023800)
#define FLASH ((FLASH_TypeDef *)0x40023c00)

#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_RESERVED 0xf0bc8000u // "must be kept at reset value"
#define RCC_PLLCFGR_PLLN_Pos 6
#define RCC_PLLCFGR_PLLP_Pos 16
#define RCC_PLLCFGR_PLLSRC_HSE (1u << 22)
#define RCC_PLLCFGR_PLLQ_Pos 24
#define RCC_CFGR_SW 3u
#define RCC_CFGR_SW_HSI 0u
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_Pos 2
#define RCC_CFGR_PPRE1_Pos 10
#define RCC_CFGR_PPRE2_Pos 13
#define RCC_CFGR_DIV2 4u // encoding of PPRE1 and PPRE2
#define RCC_CFGR_DIV4 5u
#define RCC_AHB1ENR_CCMDATARAMEN (1u << 20)
#define RCC_APB1ENR_TIM2EN_Pos 0
#define RCC_APB1ENR_PWREN (1u << 28)
#define RCC_APB2ENR_SYSCFGEN (1u << 14)

#define PWR_CR_PDDS (1u << 1)
#define PWR_CR_CWUF (1u << 2)
#define PWR_CR_CSBF (1u << 3)
#define PWR_CR_VOS_Pos 14
#define PWR_CR_VOS (3u << PWR_CR_VOS_Pos)
#define PWR_CSR_SBF (1u << 1)

#define FLASH_ACR_LATENCY 15u
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)
#define FLASH_ACR_ICRST (1u << 11)
#define FLASH_ACR_DCRST (1u << 12)
#define FLASH_SR_BSY (1u << 16)
#define FLASH_CR_PG (1u << 0)
#define FLASH_CR_SER (1u << 1)
#define FLASH_CR_SNB_Pos 3
#define FLASH_CR_PSIZE_WORD (2u << 8)
#define FLASH_CR_STRT (1u << 16)
#define FLASH_CR_LOCK (1u << 31)

#define TIM_CR1_CEN (1u << 0)
#define TIM_CR1_URS (1u << 2)
#define TIM_CR1_OPM (1u << 3)
#define TIM_DIER_UIE (1u << 0)
#define TIM_SR_UIF (1u << 0)
#define TIM_EGR_UG (1u << 0)

// Flash programming, RM0090 3.6.
#define FLASH_SECTOR_8 8 // says to flash.c that there are sectors 8 to 11, and 12 to 23 ...
#define FLASH_SECTOR_12 12 // ... of which the small chips have none, and no file system either
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
#define HAL_NVIC_EnableIRQ NVIC_EnableIRQ

#endif // PORT_STM32F4_H
