# For jump_bytes.py on a Cortex-M0, which has no VTOR: its vectors are at 0. On every STM32 with
# that core, the STM32F0, SRAM can be mapped there (RM0091 9.1.1), with what the firmware keeps in
# it. So only the word that is the NMI's vector changes, for some hundred instructions, and is put
# back if the code returns. Interrupts are masked meanwhile: they have no vectors there.

from machine import disable_irq, enable_irq, mem16, mem32
from micropython import const

_APB2ENR = const(0x40021018)  # RCC, RM0091 6.4.7
_SYSCFGEN = const(1)
_CFGR1 = const(0x40010000)  # SYSCFG, RM0091 9.1.1
_SRAM_AT_0 = const(3)
_NMI = const(0x20000008)  # in SRAM, where the vector is then
_ICSR = const(-0x1FFF2000 + 0xD04)  # ARM DDI 0419E B3.2.4
_NMIPENDSET = const(-0x80000000)

_handler = 0


def prepare(handler):
    """What nmi() calls: an address in Thumb state."""
    global _handler
    _handler = handler


def nmi():
    """Allocates nothing."""
    clocks = mem32[_APB2ENR]
    mem32[_APB2ENR] = clocks | _SYSCFGEN
    mode = mem32[_CFGR1]
    handler = _handler
    state = disable_irq()
    low = mem16[_NMI]
    high = mem16[_NMI + 2]
    mem32[_CFGR1] = mode | _SRAM_AT_0
    mem32[_NMI] = handler
    mem32[_ICSR] = _NMIPENDSET
    mem16[_NMI] = low
    mem16[_NMI + 2] = high
    mem32[_CFGR1] = mode
    enable_irq(state)
    mem32[_APB2ENR] = clocks
