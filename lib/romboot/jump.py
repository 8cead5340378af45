# The last steps, alone.
#
# Putting RCC back to reset takes away the clock that the VM counts on, resetting FMC or QSPI takes
# away external memory, and an interrupt may come at any moment. So nothing of the firmware may be
# needed any more once the first register changes: no bytecode, no heap, no flash. `branch` carries
# a list of register writes (the script, see script.py) and the few instructions that carry them
# out to the unused part of the main stack, in internal SRAM, and goes on from there.
#
# There the CPU leaves every exception handler it is in, works through the script, takes MSP and
# the reset vector from system memory, and starts the ROM as a reset would have: thread mode,
# privileged, main stack, nothing masked, nothing pending.
#
# ARMv6-M instructions only, so that one armv6m .mpy serves every Thumb build. What the inline
# assembler has no name for is `data`; the mnemonic stands behind it. Sources: ARM DDI 0403E
# (ARMv7-M ARM) B1.5 exceptions, B3.2 System Control Space; DDI 0419E (ARMv6-M ARM).

import micropython
from machine import mem32
from micropython import const

MPU = const(1)  # MPU_CTRL: ENABLE, and the MPU decides whether branch can run


def home():
    # Where the code of branch is: mp_obj_fun_asm_t.fun_data (MicroPython's py/objfun.h).
    return mem32[id(branch) + 8] & 0xFFFFFFFF


@micropython.asm_thumb
def branch(r0, r1):
    # r0: the image, a bytearray made by script.image().  r1: 0 only looks, 1 goes, 2 only
    # completes the image.
    # Returns 0 if the way is free (2: the end of the image), else MSP. Does not return if it goes.
    # r0 = 0: returns CONTROL (bit 0: unprivileged).
    data(2, 0xF3EF, 0x8514)  # mrs r5, CONTROL
    cmp(r0, 0)
    bne(LOOK)
    b(BLOCKED)
    label(LOOK)
    data(2, 0xF3EF, 0x8508)  # mrs r5, MSP
    ldr(r4, [r0, 0])
    data(2, 0xBA24)  # rev r4, r4
    lsl(r4, r4, 2)  # r4 = bytes of script, header included
    bl(OUTSIDE)  # lr = where the resident part is now

    # ---------------------------------------------------------------- runs in internal SRAM
    add(r7, 20)  # past the header
    mov(r0, 0)
    data(2, 0xF380, 0x8814)  # msr CONTROL, r0: privileged, main stack, no FPU context
    data(2, 0xF3BF, 0x8F6F)  # isb
    label(LEAVE)
    mov(r0, 0)
    mov(r6, 0xE0)
    lsl(r6, r6, 16)
    add(r6, 0xED)
    lsl(r6, r6, 8)  # r6 = 0xE000ED00, SCB
    str(r0, [r6, 16])  # SCR: no sleep on exit
    ldr(r0, [r6, 4])  # ICSR
    lsl(r1, r0, 23)
    lsr(r1, r1, 23)  # VECTACTIVE
    beq(THREAD)
    mov(r3, 1)
    lsl(r3, r3, 24)  # xPSR to return to: Thumb state, no exception
    lsl(r2, r0, 20)
    bmi(LAST)  # ICSR.RETTOBASE: no other exception is active

    # Others are active below this one, and an exception can only be left one at a time. System
    # handlers are deactivated in SHCSR (not this one: its return would be a fault). Interrupts
    # have no such register: return into one that NVIC.IABR shows active, and look again.
    mov(r2, 0)
    cmp(r1, 16)
    bcs(ONLY)
    cmp(r1, 4)
    bcc(ONLY)
    mov(r2, 1)
    sub(r0, r1, 4)
    cmp(r1, 6)
    bne(BIT_KNOWN)
    add(r0, 1)
    label(BIT_KNOWN)
    lsl(r2, r0)  # the SHCSR active bit of exception n is bit n - 4, but 3 for UsageFault
    label(ONLY)
    str(r2, [r6, 36])  # SHCSR
    mov(r0, 10)
    lsl(r0, r0, 8)
    sub(r5, r6, r0)  # 0xE000E300, NVIC.IABR0
    mov(r4, 16)  # exception number of its bit 0
    label(WORD)
    mov(r2, r4)
    ldr(r0, [r5, 0])
    label(BIT)
    lsr(r0, r0, 1)
    bcc(INACTIVE)
    cmp(r2, r1)
    bne(ACTIVE)
    label(INACTIVE)
    add(r2, 1)
    cmp(r0, 0)
    bne(BIT)
    add(r5, 4)
    add(r4, 32)
    cmp(r4, 241)
    bcc(WORD)
    label(LAST)
    mov(r4, 6)  # ~6 = 0xFFFFFFF9: to thread mode, main stack, no FPU frame
    b(UNWIND)
    label(ACTIVE)
    orr(r3, r2)
    mov(r4, 14)  # ~14 = 0xFFFFFFF1: to handler mode
    label(UNWIND)
    mvn(r4, r4)
    bl(FORGE)
    b(LEAVE)  # the exception return arrives here
    label(FORGE)
    data(2, 0xB088)  # sub sp, #32: an exception frame
    mov(r0, lr)
    sub(r0, 1)
    data(2, 0x9006)  # str r0, [sp, #24]: PC
    data(2, 0x9307)  # str r3, [sp, #28]: xPSR
    bx(r4)

    label(THREAD)
    # The script: (address | kind, value ...), see script.py.
    label(STEP)
    data(2, 0xCF03)  # ldmia r7!, {r0, r1}
    lsl(r2, r0, 30)
    bne(OTHER)
    str(r1, [r0, 0])
    b(STEP)
    label(OTHER)
    bmi(CHANGE_OR_WAIT)
    data(2, 0xCF04)  # ldmia r7!, {r2}
    sub(r0, 1)
    cmp(r2, 0)
    beq(ROW)
    label(FILL)
    data(2, 0xC002)  # stmia r0!, {r1}
    sub(r2, 1)
    bne(FILL)
    b(STEP)
    label(ROW)
    lsl(r4, r1, 1)
    lsr(r4, r4, 1)
    label(REGISTER)
    lsr(r4, r4, 1)
    bcc(NEXT)
    data(2, 0xCF08)  # ldmia r7!, {r3}
    str(r3, [r0, 0])
    cmp(r1, 0)
    bge(NEXT)
    mov(r3, 0)
    str(r3, [r0, 0])
    label(NEXT)
    add(r0, 4)
    cmp(r4, 0)
    bne(REGISTER)
    b(STEP)
    label(CHANGE_OR_WAIT)
    lsl(r2, r0, 31)
    bne(WAIT)
    sub(r0, 2)
    beq(ARRIVE)
    data(2, 0xCF04)  # ldmia r7!, {r2}
    ldr(r3, [r0, 0])
    bic(r3, r1)
    orr(r3, r2)
    str(r3, [r0, 0])
    b(STEP)
    label(WAIT)
    sub(r0, 3)
    data(2, 0xCF0C)  # ldmia r7!, {r2, r3}: expected, tries
    label(POLL)
    ldr(r4, [r0, 0])
    and_(r4, r1)
    cmp(r4, r2)
    beq(STEP)
    sub(r3, 1)
    bne(POLL)
    mov(r1, 0x5F)  # It never came true, and there is no way back: reset, the application
    lsl(r1, r1, 4)  # starts anew.
    add(r1, 0x0A)
    lsl(r1, r1, 16)
    add(r1, 4)
    str(r1, [r6, 12])  # AIRCR = VECTKEY | SYSRESETREQ
    data(2, 0xF3BF, 0x8F4F)  # dsb
    label(HALT)
    b(HALT)

    label(ARRIVE)
    data(2, 0xF3BF, 0x8F4F)  # dsb
    data(2, 0xF3BF, 0x8F6F)  # isb
    ldr(r2, [r1, 0])  # system memory, word 0: MSP
    ldr(r3, [r1, 4])  # word 1: the reset vector
    data(2, 0xF382, 0x8808)  # msr MSP, r2
    mov(r0, 0)
    ldr(r4, [r6, 0])  # CPUID
    lsl(r4, r4, 12)
    lsr(r4, r4, 28)
    cmp(r4, 15)
    bne(GO)  # ARMv6-M has neither BASEPRI nor FAULTMASK
    data(2, 0xF380, 0x8811)  # msr BASEPRI, r0
    data(2, 0xB661)  # cpsie f
    label(GO)
    mvn(r0, r0)
    mov(lr, r0)  # as after a reset
    cpsie(i)  # the ROM does not do it, and its USB needs it (AN2606 4.1)
    bx(r3)

    # ---------------------------------------------------------------- runs where it was loaded
    label(OUTSIDE)
    mov(r3, lr)
    sub(r3, 1)  # r3 = the resident part
    mov(r2, pc)
    sub(r2, r2, r3)
    add(r2, 3)
    lsr(r2, r2, 2)
    lsl(r2, r2, 2)  # r2 = its bytes, rounded up
    sub(r7, r5, r4)
    sub(r7, r7, r2)
    sub(r7, 32)
    lsr(r7, r7, 3)
    lsl(r7, r7, 3)  # r7 = where it will be, below the main stack

    # It must be internal SRAM from end to end, and neither image nor code may lie there. An image
    # that is only completed stays where it is.
    cmp(r1, 2)
    beq(CODE_CLEAR)
    ldr(r6, [r0, 4])
    data(2, 0xBA36)  # rev r6, r6
    add(r6, 32)  # FORGE's frame
    cmp(r7, r6)
    bcc(BLOCKED)
    ldr(r6, [r0, 8])
    data(2, 0xBA36)  # rev r6, r6
    cmp(r6, r5)
    bcc(BLOCKED)
    cmp(r0, r5)
    bcs(IMAGE_CLEAR)
    add(r6, r0, r4)
    add(r6, r6, r2)
    cmp(r7, r6)
    bcc(BLOCKED)
    label(IMAGE_CLEAR)
    cmp(r3, r5)
    bcs(CODE_CLEAR)
    add(r6, r3, r2)
    add(r6, 180)  # the rest of the code, which is at work until the end of the copy
    cmp(r7, r6)
    bcc(BLOCKED)
    label(CODE_CLEAR)
    mov(r12, r1)
    cmp(r1, 0)
    beq(FREE)

    # Complete the image while interrupts still run: words to the order of this core, then code.
    mov(r1, r0)
    add(r6, r0, r4)
    label(SWAP)
    ldr(r5, [r1, 0])
    data(2, 0xBA2D)  # rev r5, r5
    str(r5, [r1, 0])
    add(r1, 4)
    cmp(r1, r6)
    bcc(SWAP)
    label(CODE)
    ldrh(r5, [r3, 0])
    strh(r5, [r1, 0])
    add(r3, 2)
    add(r1, 2)
    sub(r2, 2)
    bne(CODE)
    mov(r5, r1)
    mov(r2, r12)
    cmp(r2, 2)
    beq(BLOCKED)

    # ================================================================ the point of no return
    cpsid(i)
    add(r4, r4, r7)
    add(r4, 1)
    mov(r8, r4)  # r8 = the resident part, there
    # An MPU may forbid to execute there. Off with it, unless this very code needs it: above
    # 0xA0000000 (SDRAM) nothing is executable without. Then region 7 opens internal SRAM.
    mov(r6, 0xE0)
    lsl(r6, r6, 16)
    add(r6, 0xED)
    lsl(r6, r6, 8)
    add(r6, 0x94)  # MPU_CTRL
    mov(r3, lr)
    lsr(r3, r3, 28)
    cmp(r3, 10)
    bcs(REGION)
    mov(r3, 0)
    str(r3, [r6, 0])
    b(CARRY)
    label(REGION)
    ldr(r3, [r0, 12])
    str(r3, [r6, 8])  # MPU_RBAR
    ldr(r3, [r0, 16])
    str(r3, [r6, 12])  # MPU_RASR
    label(CARRY)
    data(2, 0xF3BF, 0x8F4F)  # dsb
    data(2, 0xF3BF, 0x8F6F)  # isb
    mov(r5, r7)
    label(COPY)
    data(2, 0xC85C)  # ldmia r0!, {r2, r3, r4, r6}
    data(2, 0xC55C)  # stmia r5!, {r2, r3, r4, r6}
    cmp(r0, r1)
    bcc(COPY)
    data(2, 0xF387, 0x8808)  # msr MSP, r7
    data(2, 0xF3BF, 0x8F4F)  # dsb
    data(2, 0xF3BF, 0x8F6F)  # isb
    bx(r8)

    label(FREE)
    mov(r5, 0)
    label(BLOCKED)
    mov(r0, r5)
