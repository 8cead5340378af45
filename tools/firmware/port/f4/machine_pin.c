// machine.Pin, the part that is about interrupts: Pin.irq(handler, trigger, hard) over EXTI, as
// the real port has it.  Writing a bit of EXTI.SWIER triggers it without an edge.
//
// SPDX-License-Identifier: MIT
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "gpio.h"
#include "modules_f4.h"

#define PORTS 11 // A to K; the STM32F405 has A to I

typedef struct {
    mp_obj_base_t base;
    uint8_t id; // 16 * port + number
} pin_t;

#define PIN(id) {{&machine_pin_type}, (id)}
#define PIN4(id) PIN(id), PIN((id) + 1), PIN((id) + 2), PIN((id) + 3)
#define PORT(n) PIN4(16 * (n)), PIN4(16 * (n) + 4), PIN4(16 * (n) + 8), PIN4(16 * (n) + 12)
static const pin_t pins[PORTS * 16] = {
    PORT(0), PORT(1), PORT(2), PORT(3), PORT(4), PORT(5),
    PORT(6), PORT(7), PORT(8), PORT(9), PORT(10),
};

enum { IRQ_RISING = 1, IRQ_FALLING = 2 };

static struct {
    const pin_t *pin;
    bool hard;
} lines[16];

// "PA0" or "A0"
static const pin_t *find(mp_obj_t object) {
    if (mp_obj_is_type(object, &machine_pin_type)) {
        return MP_OBJ_TO_PTR(object);
    }
    const char *name = mp_obj_str_get_str(object);
    name += name[0] == 'P';
    uint32_t port = name[0] - 'A', number = 0;
    const char *digit = name + (port < PORTS);
    while (*digit >= '0' && *digit <= '9' && number < 16) {
        number = 10 * number + *digit++ - '0';
    }
    if (port >= PORTS || digit == name + 1 || *digit || number > 15) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("Pin(%s) doesn't exist"), name);
    }
    return &pins[16 * port + number];
}

static void pin_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    const pin_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "Pin(Pin.cpu.%c%u)", 'A' + self->id / 16, self->id % 16);
}

static void set_output(const pin_t *self, mp_obj_t value) {
    GPIO(self->id / 16)->BSRR = 1u << (self->id % 16 + (mp_obj_is_true(value) ? 0 : 16));
}

static mp_obj_t pin_init_helper(const pin_t *self, size_t n_args, const mp_obj_t *pos_args,
    mp_map_t *kw_args) {
    enum { ARG_mode, ARG_pull, ARG_value, ARG_alt };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_mode, MP_ARG_REQUIRED | MP_ARG_INT },
        { MP_QSTR_pull, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        { MP_QSTR_value, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        { MP_QSTR_alt, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    mp_obj_t pull = args[ARG_pull].u_obj;
    gpio_clock_enable(self->id);
    if (args[ARG_value].u_obj != mp_const_none) {
        set_output(self, args[ARG_value].u_obj); // before the mode: the pin does not glitch
    }
    gpio_configure(self->id, args[ARG_mode].u_int,
        pull == mp_const_none ? GPIO_NO_PULL : mp_obj_get_int(pull), args[ARG_alt].u_int);
    return mp_const_none;
}

static mp_obj_t pin_init(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    return pin_init_helper(MP_OBJ_TO_PTR(args[0]), n_args - 1, args + 1, kw_args);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(pin_init_obj, 1, pin_init);

static mp_obj_t pin_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    const pin_t *self = find(args[0]);
    if (n_args > 1 || n_kw > 0) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        pin_init_helper(self, n_args - 1, args + 1, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t pin_value(size_t n_args, const mp_obj_t *args) {
    const pin_t *self = MP_OBJ_TO_PTR(args[0]);
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(GPIO(self->id / 16)->IDR >> self->id % 16 & 1);
    }
    set_output(self, args[1]);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pin_value_obj, 1, 2, pin_value);

static mp_obj_t pin_call(mp_obj_t self, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    mp_obj_t all[2] = {self, n_args ? args[0] : MP_OBJ_NULL};
    return pin_value(n_args + 1, all);
}

static uint32_t irq_of_line(uint32_t line) {
    return line < 5 ? EXTI0_IRQn + line : line < 10 ? EXTI9_5_IRQn : EXTI15_10_IRQn;
}

static void set_bit(volatile uint32_t *reg, uint32_t line, bool value) {
    *reg = (*reg & ~(1u << line)) | (uint32_t)value << line;
}

static void line_disable(uint32_t line) {
    set_bit(&EXTI->IMR, line, false);
    MP_STATE_PORT(machine_pin_handler)[line] = mp_const_none;
}

// RM0090 9.2.3 (EXTICR), 12.2.5 (configuring a hardware interrupt line).
static void line_enable(const pin_t *pin, mp_obj_t handler, uint32_t trigger, bool hard) {
    uint32_t line = pin->id % 16, shift = 4 * (line % 4);
    RCC->APB2ENR |= RCC_APB2ENR_SYSCFGEN;
    (void)RCC->APB2ENR;
    volatile uint32_t *source = &SYSCFG->EXTICR[line / 4];
    *source = (*source & ~(15u << shift)) | (uint32_t)(pin->id / 16) << shift;
    lines[line].pin = pin;
    lines[line].hard = hard;
    MP_STATE_PORT(machine_pin_handler)[line] = handler;
    set_bit(&EXTI->RTSR, line, trigger & IRQ_RISING);
    set_bit(&EXTI->FTSR, line, trigger & IRQ_FALLING);
    NVIC_SetPriority(irq_of_line(line), IRQ_PRI_EXTINT);
    NVIC_EnableIRQ(irq_of_line(line));
    set_bit(&EXTI->IMR, line, true);
}

static mp_obj_t pin_irq(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    static const mp_arg_t allowed[] = {
        { MP_QSTR_handler, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        { MP_QSTR_trigger, MP_ARG_INT, {.u_int = IRQ_RISING | IRQ_FALLING}},
        { MP_QSTR_hard, MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    const pin_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    line_disable(self->id % 16);
    if (args[0].u_obj != mp_const_none) {
        line_enable(self, args[0].u_obj, args[1].u_int, args[2].u_bool);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(pin_irq_obj, 1, pin_irq);

static void handle_lines(uint32_t first, uint32_t last) {
    for (uint32_t line = first; line <= last; ++line) {
        if (!(EXTI->PR & 1u << line)) {
            continue;
        }
        EXTI->PR = 1u << line; // written 1 clears, SWIER too
        mp_obj_t handler = MP_STATE_PORT(machine_pin_handler)[line];
        mp_obj_t pin = MP_OBJ_FROM_PTR(lines[line].pin);
        if (handler == mp_const_none) {
            continue;
        }
        if (!lines[line].hard) {
            mp_sched_schedule(handler, pin);
        } else if (!call_hard_callback(handler, pin, "ExtInt")) {
            line_disable(line);
        }
    }
}

void EXTI0_IRQHandler(void) {
    handle_lines(0, 0);
}
void EXTI1_IRQHandler(void) {
    handle_lines(1, 1);
}
void EXTI2_IRQHandler(void) {
    handle_lines(2, 2);
}
void EXTI3_IRQHandler(void) {
    handle_lines(3, 3);
}
void EXTI4_IRQHandler(void) {
    handle_lines(4, 4);
}
void EXTI9_5_IRQHandler(void) {
    handle_lines(5, 9);
}
void EXTI15_10_IRQHandler(void) {
    handle_lines(10, 15);
}

bool call_hard_callback(mp_obj_t callback, mp_obj_t argument, const char *what) {
    bool ok = true;
    mp_sched_lock();
    gc_lock();
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_call_function_1(callback, argument);
        nlr_pop();
    } else {
        ok = false;
        mp_printf(MICROPY_ERROR_PRINTER, "uncaught exception in %s interrupt handler\n", what);
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    gc_unlock();
    mp_sched_unlock();
    return ok;
}

void machine_pin_init0(void) {
    for (uint32_t line = 0; line < MP_ARRAY_SIZE(lines); ++line) {
        MP_STATE_PORT(machine_pin_handler)[line] = mp_const_none;
    }
}

void machine_pin_deinit_all(void) {
    for (uint32_t line = 0; line < MP_ARRAY_SIZE(lines); ++line) {
        line_disable(line);
    }
}

static const mp_rom_map_elem_t pin_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&pin_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_value), MP_ROM_PTR(&pin_value_obj) },
    { MP_ROM_QSTR(MP_QSTR_irq), MP_ROM_PTR(&pin_irq_obj) },
    { MP_ROM_QSTR(MP_QSTR_IN), MP_ROM_INT(GPIO_INPUT) },
    { MP_ROM_QSTR(MP_QSTR_OUT), MP_ROM_INT(GPIO_OUTPUT) },
    { MP_ROM_QSTR(MP_QSTR_OPEN_DRAIN), MP_ROM_INT(GPIO_OPEN_DRAIN) },
    { MP_ROM_QSTR(MP_QSTR_ALT), MP_ROM_INT(GPIO_ALTERNATE) },
    { MP_ROM_QSTR(MP_QSTR_ANALOG), MP_ROM_INT(GPIO_ANALOG) },
    { MP_ROM_QSTR(MP_QSTR_PULL_UP), MP_ROM_INT(GPIO_PULL_UP) },
    { MP_ROM_QSTR(MP_QSTR_PULL_DOWN), MP_ROM_INT(GPIO_PULL_DOWN) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_RISING), MP_ROM_INT(IRQ_RISING) },
    { MP_ROM_QSTR(MP_QSTR_IRQ_FALLING), MP_ROM_INT(IRQ_FALLING) },
};
static MP_DEFINE_CONST_DICT(pin_locals, pin_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    machine_pin_type,
    MP_QSTR_Pin,
    MP_TYPE_FLAG_NONE,
    make_new, pin_make_new,
    print, pin_print,
    call, pin_call,
    locals_dict, &pin_locals
    );

MP_REGISTER_ROOT_POINTER(mp_obj_t machine_pin_handler[16]);
