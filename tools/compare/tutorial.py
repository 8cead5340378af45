# The classic tutorial ("jump to system memory from user code"), step by step in MicroPython.
#
# Kept to be measured beside romboot (`make measure`), not to be used: it leaves dozens of
# registers as the application had them, and the ROM starts with interrupts masked.

import micropython
from machine import mem32


@micropython.asm_thumb
def set_msp_and_branch(r0, r1):
    cpsid(i)
    mov(sp, r0)
    bx(r1)


def jump():
    rom = 0x1FFF0000
    # HAL_RCC_DeInit
    mem32[0x40023800] |= 1
    while not mem32[0x40023800] & 2:
        pass
    mem32[0x40023808] = 0
    while mem32[0x40023808] & 0xC:
        pass
    mem32[0x40023800] = 0x83
    mem32[0x40023804] = 0x24003010
    mem32[0x4002380C] = 0
    # SysTick
    mem32[0xE000E010] = 0
    mem32[0xE000E014] = 0
    mem32[0xE000E018] = 0
    # every interrupt disabled and cleared
    for i in range(8):
        mem32[0xE000E180 + 4 * i] = -1
        mem32[0xE000E280 + 4 * i] = -1
    # system memory at 0
    mem32[0x40023844] |= 1 << 14
    mem32[0x40013800] = 1
    # MSP from the vector table, jump to its second word
    set_msp_and_branch(mem32[rom], mem32[rom + 4])
