// The configuration of MicroPython's own stm32 port, minus what needs ST's HAL.
//
// SPDX-License-Identifier: MIT
#include "ports/stm32/mpconfigport.h"

// Peripheral classes of the real port that nothing here is about.
#undef MICROPY_PY_MACHINE_ADC
#define MICROPY_PY_MACHINE_ADC (0)
#undef MICROPY_PY_MACHINE_BITSTREAM
#define MICROPY_PY_MACHINE_BITSTREAM (0)
#undef MICROPY_PY_MACHINE_DHT_READINTO
#define MICROPY_PY_MACHINE_DHT_READINTO (0)
#undef MICROPY_PY_MACHINE_PULSE
#define MICROPY_PY_MACHINE_PULSE (0)
#undef MICROPY_PY_MACHINE_SOFTI2C
#define MICROPY_PY_MACHINE_SOFTI2C (0)
#undef MICROPY_PY_MACHINE_SPI
#define MICROPY_PY_MACHINE_SPI (0)
#undef MICROPY_PY_MACHINE_SOFTSPI
#define MICROPY_PY_MACHINE_SOFTSPI (0)
#undef MICROPY_PY_MACHINE_UART
#define MICROPY_PY_MACHINE_UART (0)
#undef MICROPY_PY_NETWORK
#define MICROPY_PY_NETWORK (0)
#undef MICROPY_PY_SOCKET
#define MICROPY_PY_SOCKET (0)
#undef MICROPY_PY_ONEWIRE
#define MICROPY_PY_ONEWIRE (0)
#define MICROPY_PY_MACHINE_SIGNAL (0)

#if PORT_FAMILY_F4
// machine.Timer is f4/machine_timer.c: it adds hardware timers and hard=True to the real one.
#undef MICROPY_PY_MACHINE_TIMER
#define MICROPY_PY_MACHINE_TIMER (0)
#endif

// Port files that extmod includes.
#undef MICROPY_PY_MACHINE_INCLUDEFILE
#define MICROPY_PY_MACHINE_INCLUDEFILE "modmachine_port.c"
#undef MICROPY_PY_TIME_INCLUDEFILE
#define MICROPY_PY_TIME_INCLUDEFILE "modtime_port.c"
#undef MICROPY_PY_OS_INCLUDEFILE
#undef MICROPY_PY_OS_DUPTERM_BUILTIN_STREAM
#undef MICROPY_PY_OS_DUPTERM_STREAM_DETACHED_ATTACHED

// The help text of the real port is about pyb.
#undef MICROPY_PY_BUILTINS_HELP_TEXT
