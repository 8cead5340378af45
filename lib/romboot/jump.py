# The last steps, alone.
#
# Putting RCC back to reset takes away the clock that the VM counts on, resetting FMC or QSPI takes
# away external memory, and an interrupt may come at any moment. So nothing of the firmware may be
# needed any more once the first register changes: no bytecode, no heap, no flash. `helper` carries
# a list of register writes (the script, see chip.py) and the few instructions that carry them
# out to the unused part of the main stack, in internal SRAM, leaves every exception handler that
# is active, and goes on there.
#
# There the CPU works through the script, takes MSP and the reset vector from system memory, and
# starts the ROM as a reset would have: thread mode, privileged, main stack, nothing masked,
# nothing pending.
#
# ARMv6-M instructions only, so that one armv6m .mpy serves every Thumb build. What the inline
# assembler has no name for is `data`; the mnemonic stands behind it. Sources: ARM DDI 0403E
# (ARMv7-M ARM) B1.5 exceptions, B2.2 caches, B3.2 System Control Space; DDI 0419E (ARMv6-M ARM);
# DDI 0553 (ARMv8-M ARM); DDI 0489 (Cortex-M7) 5 caches.
#
# Tests leave out each instruction in turn. Where none of them can miss one, its comment says why:
# `unnoticed`.

import micropython
from machine import mem32
from micropython import const

# What helper(image, task) is to do; the image is made by chip.image().
_LOOK = const(0)  # return 0 if there is room below the main stack, else MSP
_GO = const(1)  # leave; return MSP if there is no room
_COMPLETE = const(2)  # put the resident part behind the image (reset.py); return where it ends
_CONTROL = const(3)  # return CONTROL (bit 0: unprivileged); the image is not looked at


def code_address():
    # Of helper, signed: mp_obj_fun_asm_t.fun_data (MicroPython's py/objfun.h).
    return mem32[id(helper) + 8]


@micropython.asm_thumb
def helper(r0, r1):
    data(2, 0xF3EF, 0x8514)  # mrs r5, CONTROL
    cmp(r1, _CONTROL)
    bne(LOCATE)
    b(RETURN_R5)
    # No handler is active any more.
    label(LOCATE)
    data(2, 0xF3EF, 0x8508)  # mrs r5, MSP
    ldr(r4, [r0, 0])
    lsl(r4, r4, 2)  # r4 = bytes of the image
    bl(OUTSIDE)  # lr = where the resident part is now

    # ---------------------------------------------------------------- runs in internal SRAM
    add(r7, 20)  # past the header
    mov(r6, 0xE0)
    lsl(r6, r6, 16)
    add(r6, 0xED)
    lsl(r6, r6, 8)  # r6 = 0xE000ED00, SCB
    b(STEP)

    # The script: (address | kind, value ...), see chip.py.
    label(WRITE)
    str(r1, [r0, 0])
    label(STEP)
    data(2, 0xCF03)  # ldmia r7!, {r0, r1}
    lsl(r2, r0, 30)
    beq(WRITE)
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
    str(r2, [r0, 0])  # 0
    label(NEXT)
    add(r0, 4)
    cmp(r4, 0)
    bne(REGISTER)
    b(STEP)
    label(CHANGE_OR_WAIT)
    lsl(r2, r0, 31)
    bne(WAIT)
    sub(r0, 2)
    beq(ARRIVE)  # with 0 in r0
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
    mov(r1, 0x5F)  # What is waited for does not come, and there is no way back: reset. The
    lsl(r1, r1, 4)  # application starts anew.
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
    ldr(r4, [r6, 0])  # CPUID
    lsl(r4, r4, 12)
    lsr(r4, r4, 28)
    cmp(r4, 15)
    bne(START)  # ARMv6-M has neither BASEPRI nor FAULTMASK
    data(2, 0xF380, 0x8811)  # msr BASEPRI, r0
    data(2, 0xB661)  # cpsie f
    label(START)
    mvn(r0, r0)
    mov(lr, r0)  # as after a reset
    cpsie(i)  # the ROM does not do it, and its USB needs it (AN2606 4.1)
    bx(r3)

    # ---------------------------------------------------------------- runs where it was loaded
    label(OUTSIDE)
    mov(r3, lr)
    mov(r2, pc)
    sub(r3, 1)  # r3 = the resident part
    sub(r2, r2, r3)  # r2 = its bytes
    sub(r7, r5, r4)
    sub(r7, r7, r2)
    sub(r7, 32)
    lsr(r7, r7, 3)
    lsl(r7, r7, 3)  # r7 = where it will be, below the main stack

    # It must be internal SRAM from end to end, and neither image nor code may lie there. An image
    # that gets the resident part behind it stays where it is.
    cmp(r1, _COMPLETE)
    beq(CODE_CLEAR)
    ldr(r6, [r0, 4])
    add(r6, 32)  # FORGE's frame
    cmp(r7, r6)
    bcc(RETURN)
    ldr(r6, [r0, 8])
    cmp(r6, r5)
    bcc(RETURN)
    cmp(r0, r5)
    bcs(IMAGE_CLEAR)
    add(r6, r0, r4)
    cmp(r7, r6)
    bcc(RETURN)
    label(IMAGE_CLEAR)
    cmp(r3, r5)
    bcs(CODE_CLEAR)
    lsl(r6, r2, 2)  # with what follows it, and runs after the copy too, it is not longer
    add(r6, r6, r3)
    cmp(r7, r6)
    bcc(RETURN)
    label(CODE_CLEAR)
    cmp(r1, _GO)
    beq(DEPART)
    add(r5, r0, r4)  # behind the image
    cmp(r1, _COMPLETE)
    beq(COMPLETE)
    mov(r5, 0)  # LOOK: there is room
    b(RETURN)
    label(COMPLETE)
    data(2, 0xCB02)  # ldmia r3!, {r1}
    data(2, 0xC502)  # stmia r5!, {r1}
    sub(r2, 4)
    bgt(COMPLETE)
    label(RETURN)
    b(RETURN_R5)

    label(DEPART)
    add(r1, r0, r4)  # r1 = the end of the image
    add(r2, r2, r3)
    mov(r9, r2)  # r9 = the end of the resident part
    add(r4, r4, r7)
    mov(r8, r4)  # r8 = where that part will be
    mov(r6, 0xE0)
    lsl(r6, r6, 16)
    add(r6, 0xED)
    lsl(r6, r6, 8)  # r6 = 0xE000ED00, SCB

    # ================================================================ the point of no return
    cpsid(i)
    # ARMv8-M: no limits below the stack pointers, before one moves.
    ldr(r3, [r6, 0])  # CPUID
    lsl(r3, r3, 19)  # bit 8 of PARTNO: 0xD20 and above
    bpl(UNLIMITED)
    mov(r3, 0)
    data(2, 0xF383, 0x880A)  # msr MSPLIM, r3
    data(2, 0xF383, 0x880B)  # msr PSPLIM, r3
    label(UNLIMITED)

    # Cortex-M7: caches off, as after a reset. What the D-cache holds must be in memory first: the
    # image, which may be in SDRAM and is read without the cache once the MPU is off, and all
    # that the script would lose with the FMC. The copy is written straight to memory, then, where
    # instructions are fetched from. No load or store happens between switching the D-cache off
    # and its last line; the order is that of ARM's SCB_DisableDCache().
    add(r6, 0x14)
    ldr(r2, [r6, 0])  # CCR
    lsr(r3, r2, 16)
    lsl(r3, r3, 30)  # bit 31: IC, bit 30: DC
    beq(UNCACHED)
    mov(r4, 3)
    lsl(r4, r4, 16)
    bic(r2, r4)
    str(r2, [r6, 0])  # CCR: IC, DC off
    data(2, 0xF3BF, 0x8F4F)  # dsb
    data(2, 0xF3BF, 0x8F6F)  # isb
    mov(r5, 0x8F)
    lsl(r5, r5, 2)
    add(r5, r5, r6)  # r5 = 0xE000EF50, ICIALLU
    mov(r2, 0)
    lsl(r3, r3, 1)
    bpl(CLEAN)  # the D-cache was off: memory has what counts
    str(r2, [r6, 0x70])  # CSSELR: the D-cache
    data(2, 0xF3BF, 0x8F4F)  # dsb
    ldr(r3, [r6, 0x6C])  # CCSIDR: in bits 27:13 the number of the last set
    lsl(r3, r3, 4)
    lsr(r3, r3, 12)  # in bits 31:30 the way, from bit 5 on the set: 4 ways, lines of 32 bytes
    mov(r4, 1)
    lsl(r4, r4, 30)
    label(LINE)
    str(r3, [r5, 0x24])  # DCCISW: clean and invalidate
    add(r3, r3, r4)
    bcc(LINE)  # the next way; after the last it is way 0 again
    sub(r3, 32)
    bcs(LINE)  # the set below
    label(CLEAN)
    data(2, 0xF3BF, 0x8F4F)  # dsb
    str(r2, [r5, 0])  # ICIALLU: nothing in the I-cache
    label(UNCACHED)

    # The MPU may forbid to execute there. It is switched off, unless this very code needs it:
    # above 0xA0000000 (SDRAM) nothing is executable without. Then region 7 opens internal SRAM
    # (ARMv7-M; on ARMv8-M code there is refused, see external.py).
    add(r6, 0x80)  # MPU_CTRL
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

    # 16 bytes at a time, which is a block of MicroPython's heap: nothing beyond the heap is read.
    # What the last ones of the image have too much the code overwrites; what those of the code
    # have too much is in the room that r7 leaves below MSP.
    mov(r5, r7)
    label(COPY)
    data(2, 0xC85C)  # ldmia r0!, {r2, r3, r4, r6}
    data(2, 0xC55C)  # stmia r5!, {r2, r3, r4, r6}
    cmp(r0, r1)
    bcc(COPY)
    mov(r5, r8)
    mov(r0, lr)
    sub(r0, 1)
    mov(r1, r9)
    label(COPY_CODE)
    data(2, 0xC85C)  # ldmia r0!, {r2, r3, r4, r6}
    data(2, 0xC55C)  # stmia r5!, {r2, r3, r4, r6}
    cmp(r0, r1)
    bcc(COPY_CODE)
    # A frame would fit between copy and MSP too, but perhaps not at a multiple of 8.
    data(2, 0xF387, 0x8808)  # msr MSP, r7; unnoticed: the emulators take a frame anywhere

    # Leave all handlers: to thread mode on the main stack, which goes on below the copy.
    label(LEAVE)
    mov(r0, 0)
    data(2, 0xF380, 0x8814)  # msr CONTROL, r0: privileged, main stack, no FPU context
    data(2, 0xF3BF, 0x8F6F)  # isb
    mov(r6, 0xE0)
    lsl(r6, r6, 16)
    add(r6, 0xED)
    lsl(r6, r6, 8)  # r6 = 0xE000ED00, SCB
    str(r0, [r6, 16])  # SCR: no sleep on exit
    ldr(r0, [r6, 4])  # ICSR
    lsl(r1, r0, 23)
    lsr(r1, r1, 23)  # VECTACTIVE
    beq(THERE)  # thread mode
    mov(r3, 1)
    lsl(r3, r3, 24)  # xPSR to return to: Thumb state, no exception
    lsl(r2, r0, 20)  # unnoticed: see the next line
    bmi(LAST)  # ICSR.RETTOBASE: no other is active; unnoticed: nor would one be found in IABR
    ldr(r2, [r6, 0])  # CPUID
    lsl(r2, r2, 15)
    bpl(LAST)  # ARMv6-M has no RETTOBASE, nor what follows: see HandlerError

    # Others are active below this one, and an exception can only be left one at a time. System
    # handlers are deactivated in SHCSR (not this one: its return would be a fault). Interrupts
    # have no such register: return into one that NVIC.IABR shows active, and look again.
    mov(r2, 0)
    cmp(r1, 16)
    bcs(ONLY)
    mov(r2, 1)
    sub(r0, r1, 4)  # below 0 for NMI and HardFault: then the shift leaves 0
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
    ldr(r0, [r6, 0])  # CPUID
    lsl(r0, r0, 19)
    bpl(EXC_RETURN)
    add(r4, 0x41)  # ARMv8-M: 0xFFFFFFB8, 0xFFFFFFB0 (S and ES are 0: no Secure state)
    label(EXC_RETURN)
    mvn(r4, r4)
    bl(FORGE)
    b(LEAVE)  # the exception return arrives here
    label(FORGE)
    data(2, 0xB088)  # sub sp, #32: an exception frame
    mov(r0, lr)
    sub(r0, 1)  # unnoticed: bit 0 there is UNPREDICTABLE (B1.5.8), the emulators ignore it
    data(2, 0x9006)  # str r0, [sp, #24]: PC
    data(2, 0x9307)  # str r3, [sp, #28]: xPSR
    bx(r4)
    label(THERE)
    data(2, 0xF3BF, 0x8F4F)  # dsb
    data(2, 0xF3BF, 0x8F6F)  # isb
    mov(r0, r8)
    add(r0, 1)  # Thumb
    bx(r0)

    label(RETURN_R5)
    mov(r0, r5)
