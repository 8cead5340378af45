# Machine code outside of internal flash and SRAM: can it run there?
#
# A library that was not frozen has its machine code on the heap, which some boards (STM32F429DISC)
# have in SDRAM. From 0xA0000000 on the memory map forbids to execute (ARM DDI 0403E B3.1): a call
# would end in a HardFault. Only a region of the MPU can allow it. jump.py uses the last region.
# On ARMv8-M, whose MPU is another, it is refused: no board has its heap there.
# A heap in CCM is worse off: no bus for instructions goes there (RM0090 2.3.1), MPU or not.

from machine import mem32
from micropython import const

from . import error

_SCB = const(-0x1FFF1300)  # 0xE000ED00, as a small integer
_CPUID = const(_SCB)
_TYPE = const(_SCB + 0x90)  # MPU, ARM DDI 0403E B3.5
_CTRL = const(_SCB + 0x94)
_RNR = const(_SCB + 0x98)
_RBAR = const(_SCB + 0x9C)
_RASR = const(_SCB + 0xA0)


def check(address):
    """Raise CodeError unless code at address can run, if need be by leave of the MPU."""
    armv8m = mem32[_CPUID] >> 12 & 1  # PARTNO 0xD20 and above
    ccm = address >> 28 == 1  # from 0x10000000 on; above it is only system memory
    if ccm or armv8m or not mem32[_CTRL] & 1 or not _executable(address):
        raise error("CodeError", address & 0xFFFFFFFF, "CCM" if ccm else "external memory")


def _executable(address):
    # The highest region that covers the address decides. To read one it must be selected.
    selected = mem32[_RNR]
    regions = mem32[_TYPE] >> 8 & 0xFF
    number = rasr = 0
    for i in range(regions):
        mem32[_RNR] = i
        if _covers(mem32[_RBAR], mem32[_RASR], address):
            number, rasr = i, mem32[_RASR]
    mem32[_RNR] = selected
    return number != regions - 1 and rasr >> 24 & 0x17 in (1, 2, 3, 5, 6, 7)  # XN, AP


def _covers(base, rasr, address):
    size = (rasr >> 1 & 31) + 1  # as a power of 2
    if not rasr & 1 or ((base ^ address) & 0xFFFFFFFF) >> size:
        return False
    return size < 8 or not rasr >> 8 + (address >> size - 3 & 7) & 1  # eighths can be left out
