// SPDX-License-Identifier: MIT
#include STM32_HAL_H
#include "py/mperrno.h"
#include "irq.h"

#define MICROPY_BEGIN_ATOMIC_SECTION() disable_irq()
#define MICROPY_END_ATOMIC_SECTION(state) enable_irq(state)
#define MICROPY_PY_PENDSV_ENTER uint32_t atomic_state = raise_irq_pri(IRQ_PRI_PENDSV);
#define MICROPY_PY_PENDSV_EXIT restore_irq_pri(atomic_state);

void mp_hal_set_interrupt_char(int c); // -1 disables

static inline int mp_hal_status_to_neg_errno(HAL_StatusTypeDef status) {
    return status == HAL_OK ? 0 : status == HAL_TIMEOUT ? -MP_ETIMEDOUT : -MP_EIO;
}

static inline mp_uint_t mp_hal_ticks_cpu(void) {
    #if __CORTEX_M < 3
    return 0; // ARMv6-M has no cycle counter
    #else
    if (!(DWT->CTRL & DWT_CTRL_CYCCNTENA_Msk)) {
        CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
        DWT->CYCCNT = 0;
        DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    }
    return DWT->CYCCNT;
    #endif
}
