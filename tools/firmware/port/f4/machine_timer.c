// machine.Timer: -1 is the real port's soft timer (SysTick and PendSV, milliseconds); 2 to 5 are
// the hardware timers TIM2 to TIM5, which the real port offers as pyb.Timer.  hard=True calls the
// callback in the interrupt with the heap locked.  TIM5 pre-empts TIM2 to TIM4, as in the real
// port (irq.h: priority 6 against 13), so that interrupts nest.
//
// SPDX-License-Identifier: MIT
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/runtime/softtimer.h"
#include "clock.h"
#include "modules_f4.h"

#define TICK_HZ 10000u // of the hardware timers
#define FIRST_UNIT 2
#define UNITS 4

typedef struct {
    soft_timer_entry_t soft; // first, so that it and the object are one
    mp_obj_t callback;
    int8_t unit; // -1: soft
    bool hard;
} timer_obj_t;

static TIM_TypeDef *regs(const timer_obj_t *self) {
    return (TIM_TypeDef *)((uintptr_t)TIM2 + (self->unit - FIRST_UNIT) * 0x400);
}

static IRQn_Type irq(const timer_obj_t *self) {
    return self->unit == 5 ? TIM5_IRQn : TIM2_IRQn + self->unit - FIRST_UNIT;
}

// The hardware timers: RM0090 18.3.
static void hardware_stop(const timer_obj_t *self) {
    uint32_t clock = 1u << (RCC_APB1ENR_TIM2EN_Pos + self->unit - FIRST_UNIT);
    if (RCC->APB1ENR & clock) {
        regs(self)->CR1 = 0;
        regs(self)->DIER = 0;
        regs(self)->SR = 0;
        NVIC_DisableIRQ(irq(self));
        NVIC_ClearPendingIRQ(irq(self));
        RCC->APB1ENR &= ~clock;
    }
}

static void hardware_start(const timer_obj_t *self, uint32_t ticks) {
    bool is_32_bits = self->unit == 2 || self->unit == 5;
    if (ticks > 0x10000 && !is_32_bits) {
        mp_raise_ValueError(MP_ERROR_TEXT("period too large"));
    }
    RCC->APB1ENR |= 1u << (RCC_APB1ENR_TIM2EN_Pos + self->unit - FIRST_UNIT);
    (void)RCC->APB1ENR;
    TIM_TypeDef *tim = regs(self);
    tim->CR1 = TIM_CR1_URS | (self->soft.mode == SOFT_TIMER_MODE_ONE_SHOT ? TIM_CR1_OPM : 0);
    tim->PSC = clock_apb1_timers() / TICK_HZ - 1;
    tim->ARR = ticks - 1;
    tim->EGR = TIM_EGR_UG; // loads PSC and clears CNT; with URS it raises no interrupt
    tim->SR = 0;
    tim->DIER = TIM_DIER_UIE;
    NVIC_SetPriority(irq(self), self->unit == 5 ? IRQ_PRI_TIM5 : IRQ_PRI_TIMX);
    NVIC_EnableIRQ(irq(self));
    tim->CR1 |= TIM_CR1_CEN;
}

static void fire(timer_obj_t *self) {
    if (!self->hard) {
        mp_sched_schedule(self->callback, MP_OBJ_FROM_PTR(self));
    } else if (!call_hard_callback(self->callback, MP_OBJ_FROM_PTR(self), "Timer")) {
        self->callback = mp_const_none;
        self->soft.mode = SOFT_TIMER_MODE_ONE_SHOT; // so that a soft timer is not inserted again
    }
}

static void soft_fire(soft_timer_entry_t *entry) {
    fire((timer_obj_t *)entry);
}

static void handle_timer(uint32_t unit) {
    timer_obj_t *self = MP_STATE_PORT(machine_timers)[unit - FIRST_UNIT];
    if (self == NULL) {
        return;
    }
    regs(self)->SR = ~TIM_SR_UIF; // written 0 clears
    if (self->callback != mp_const_none) {
        fire(self);
    }
}

void TIM2_IRQHandler(void) {
    handle_timer(2);
}
void TIM3_IRQHandler(void) {
    handle_timer(3);
}
void TIM4_IRQHandler(void) {
    handle_timer(4);
}
void TIM5_IRQHandler(void) {
    handle_timer(5);
}

static void stop(timer_obj_t *self) {
    if (self->unit < 0) {
        soft_timer_remove(&self->soft);
    } else if (MP_STATE_PORT(machine_timers)[self->unit - FIRST_UNIT] == self) {
        MP_STATE_PORT(machine_timers)[self->unit - FIRST_UNIT] = NULL;
        hardware_stop(self);
    }
}

// period_us is 32 bits: up to 71 minutes.
static void start(timer_obj_t *self, uint32_t period_us) {
    if (self->unit < 0) {
        self->soft.delta_ms = MAX(period_us / 1000, 1);
        soft_timer_insert(&self->soft, self->soft.delta_ms);
    } else {
        MP_STATE_PORT(machine_timers)[self->unit - FIRST_UNIT] = self;
        hardware_start(self, MAX(period_us / (1000000 / TICK_HZ), 1));
    }
}

static mp_obj_t timer_init_helper(timer_obj_t *self, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_mode, ARG_callback, ARG_period, ARG_tick_hz, ARG_freq, ARG_hard };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_mode, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = SOFT_TIMER_MODE_PERIODIC}},
        { MP_QSTR_callback, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        { MP_QSTR_period, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1000}},
        { MP_QSTR_tick_hz, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1000}},
        { MP_QSTR_freq, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        { MP_QSTR_hard, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    uint64_t period_us = (uint64_t)args[ARG_period].u_int * 1000000 / args[ARG_tick_hz].u_int;
    if (args[ARG_freq].u_obj != mp_const_none) {
        float freq = mp_obj_get_float_to_f(args[ARG_freq].u_obj);
        period_us = freq > 0.001f ? (uint64_t)(1e6f / freq) : UINT64_MAX;
    }
    if (period_us > UINT32_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("period too large"));
    }
    stop(self);
    self->soft.mode = args[ARG_mode].u_int;
    self->callback = args[ARG_callback].u_obj;
    self->hard = args[ARG_hard].u_bool;
    if (self->callback != mp_const_none) {
        start(self, (uint32_t)period_us);
    }
    return mp_const_none;
}

static mp_obj_t timer_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mp_int_t unit = n_args > 0 ? mp_obj_get_int(args[0]) : -1;
    if (unit != -1 && (unit < FIRST_UNIT || unit >= FIRST_UNIT + UNITS)) {
        mp_raise_ValueError(MP_ERROR_TEXT("Timer doesn't exist"));
    }
    timer_obj_t *self = mp_obj_malloc(timer_obj_t, type);
    soft_timer_static_init(&self->soft, SOFT_TIMER_MODE_PERIODIC, 1000, soft_fire);
    self->soft.flags = SOFT_TIMER_FLAG_GC_ALLOCATED;
    self->callback = mp_const_none;
    self->unit = unit;
    self->hard = false;
    if (n_args > 1 || n_kw > 0) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        timer_init_helper(self, n_args - 1, args + 1, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t timer_init(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    return timer_init_helper(MP_OBJ_TO_PTR(args[0]), n_args - 1, args + 1, kw_args);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(timer_init_obj, 1, timer_init);

static mp_obj_t timer_deinit(mp_obj_t self) {
    stop(MP_OBJ_TO_PTR(self));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(timer_deinit_obj, timer_deinit);

static void timer_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    timer_obj_t *self = MP_OBJ_TO_PTR(self_in);
    qstr mode = self->soft.mode == SOFT_TIMER_MODE_ONE_SHOT ? MP_QSTR_ONE_SHOT : MP_QSTR_PERIODIC;
    mp_printf(print, "Timer(%d, mode=%q)", self->unit, mode);
}

void machine_timer_init0(void) {
    for (uint32_t i = 0; i < UNITS; ++i) {
        MP_STATE_PORT(machine_timers)[i] = NULL;
    }
}

void machine_timer_deinit_all(void) {
    for (uint32_t i = 0; i < UNITS; ++i) {
        if (MP_STATE_PORT(machine_timers)[i] != NULL) {
            hardware_stop(MP_STATE_PORT(machine_timers)[i]);
            MP_STATE_PORT(machine_timers)[i] = NULL;
        }
    }
}

static const mp_rom_map_elem_t timer_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&timer_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&timer_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_ONE_SHOT), MP_ROM_INT(SOFT_TIMER_MODE_ONE_SHOT) },
    { MP_ROM_QSTR(MP_QSTR_PERIODIC), MP_ROM_INT(SOFT_TIMER_MODE_PERIODIC) },
};
static MP_DEFINE_CONST_DICT(timer_locals, timer_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    machine_timer_type,
    MP_QSTR_Timer,
    MP_TYPE_FLAG_NONE,
    make_new, timer_make_new,
    print, timer_print,
    locals_dict, &timer_locals
    );

MP_REGISTER_ROOT_POINTER(void *machine_timers[4]);
