"""Code for the board that puts its CPU where a test wants it. Sources: ARM DDI 0403E B1.4."""

from __future__ import annotations

# Thread mode goes on where it is, on the process stack; handlers get the main stack that ends at
# the address given. control() tells; sp_now() is where it is now.
TO_PSP = """
import micropython
@micropython.asm_thumb
def to_psp(r0):
    mov(r1, sp)
    data(2, 0xF381, 0x8809)  # msr PSP, r1
    data(2, 0xF380, 0x8808)  # msr MSP, r0
    data(2, 0xF3EF, 0x8114)  # mrs r1, CONTROL
    mov(r2, 2)
    orr(r1, r2)
    data(2, 0xF381, 0x8814)  # msr CONTROL, r1
    data(2, 0xF3BF, 0x8F6F)  # isb
@micropython.asm_thumb
def control():
    data(2, 0xF3EF, 0x8014)  # mrs r0, CONTROL
@micropython.asm_thumb
def sp_now():
    mov(r0, sp)
"""

# Thread mode goes on without privileges. The bench firmware leaves it no memory then, as its MPU
# has only a background region, which is for privileged code: so the MPU goes first.
UNPRIVILEGED = """
import micropython
from machine import mem32
@micropython.asm_thumb
def drop():
    data(2, 0xF3EF, 0x8114)  # mrs r1, CONTROL
    mov(r2, 1)
    orr(r1, r2)
    data(2, 0xF381, 0x8814)  # msr CONTROL, r1
    data(2, 0xF3BF, 0x8F6F)  # isb
mem32[0xE000ED94] = 0
drop()
"""
