"""A second opinion: the same programs on the bench's cores and on QEMU's.

Each program stores what it sees with `rec`; the words must be the same on both. QEMU ends a
program by semihosting, the bench by a watched address. QEMU's Cortex-M33 runs on the non-secure
side, where nothing is seen of the security extension.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from host_tests.bench.thumb import FLASH, STACK_TOP, Machine, assemble
from tools.bench.core import CORTEX_M0, CORTEX_M4F, CORTEX_M7, CORTEX_M33, CoreSpec, Stop

LOG = 0x20000200
# `rec` appends a register to the log; r11 is its pointer and is left alone by the programs.
PRELUDE = f"""
        .macro rec what
        str \\what,[r11],#4
        .endm
        ldr r11,={LOG:#x}
        mov r0,#0; mov r1,#1; mov r2,#2; mov r3,#3; mov r4,#4; mov r5,#5
        mov r6,#6; mov r7,#7; mov r8,#8; mov r9,#9; mov r10,#10; mov r12,#12
        cmp r11,#0      @ the flags after a reset are unknown
"""
# SYS_OPEN ":tt" for writing, SYS_WRITE of the log, SYS_EXIT (ARM DUI 0471, semihosting)
EPILOGUE = f"""
        .balign 4
        .thumb_func
done:   ldr r1,=0x20003000
        adr r0, tt; str r0,[r1]; mov r0,#4; str r0,[r1,#4]; mov r0,#3; str r0,[r1,#8]
        mov r0,#1; bkpt 0xAB
        ldr r1,=0x20003000
        str r0,[r1]; ldr r0,={LOG:#x}; str r0,[r1,#4]; sub r0,r11,r0; str r0,[r1,#8]
        mov r0,#5; bkpt 0xAB
        ldr r1,=0x20026; mov r0,#0x18; bkpt 0xAB
        b .
        .balign 4
tt:     .asciz ":tt"
        .balign 4
"""
FAULT_REPORT = """
        .thumb_func
memmanage: .thumb_func
busfault: .thumb_func
usagefault: .thumb_func
hardfault: mrs r0,ipsr; rec r0
        rec lr
        ldr r0,=0xE000ED28; ldr r1,[r0]; rec r1; ldr r1,[r0,#4]; rec r1
        ldr r0,[sp,#24]; rec r0; ldr r0,[sp,#28]; rec r0; mov r0,sp; rec r0
        b done
"""
ENABLE_FAULTS = "ldr r0,=SHCSR; ldr r1,=7<<16; str r1,[r0]\n"
FPU_ON = "ldr r0,=0xE000ED88; mov r1,#0xF00000; str r1,[r0]; dsb; isb\n"

PROGRAMS = {
    "frame": """
        sub sp,#4; ldr lr,=0x1234567
        adds r0,r4,r4
        svc #0
here:   rec r0; rec r1; rec r3; rec r12; rec lr; mov r0,sp; rec r0; mrs r0,xpsr; rec r0
        b done
        .thumb_func
svcall: mov r5,sp; rec r5; rec lr
        mov r4,#0
1:      ldr r6,[r5],#4; rec r6; add r4,#1; cmp r4,#8; bne 1b
        mrs r6,ipsr; rec r6; mrs r6,control; rec r6
        bx lr
    """,
    "process stack": """
        ldr r0,=0x20004004; msr psp,r0; mov r0,#3; msr control,r0; isb
        svc #0
        mrs r1,control; rec r1; mov r1,sp; rec r1
        mov r0,#0; msr control,r0; isb; mrs r1,control; rec r1
        mrs r1,msp; rec r1
        b done
        .thumb_func
svcall: mrs r6,control; rec r6; mrs r6,psp; rec r6; rec lr; mov r6,sp; rec r6
        mrs r5,psp; ldr r6,[r5,#28]; rec r6
        bx lr
    """,
    "priorities": """
        ldr r0,=0xE000E100; mov r1,#7; str r1,[r0]
        ldr r0,=0xE000E400; ldr r1,=0x4080C0; str r1,[r0]; ldr r2,[r0]; rec r2
        ldr r7,=0xE000E200
        mov r1,#1; str r1,[r7]; dsb; isb
        mov r1,#0x80; msr basepri,r1
        mov r1,#7; str r1,[r7]; dsb; isb
        mov r1,#0x99; rec r1
        ldr r6,=ICSR; ldr r1,[r6]; rec r1; ldr r1,[r7]; rec r1
        mov r1,#0; msr basepri,r1; isb
        cpsid i
        ldr r0,=ICSR; ldr r1,=(1<<28)|(1<<26); str r1,[r0]; dsb; isb
        mov r1,#0x98; rec r1; ldr r1,[r0]; rec r1
        cpsie i; isb
        mov r1,#0x97; rec r1
        b done
        .thumb_func
irq0:   mrs r0,ipsr; rec r0; mov r1,#6; str r1,[r7]; dsb; isb; mov r0,#0x10; rec r0; bx lr
        .thumb_func
irq1:   mrs r0,ipsr; rec r0; ldr r6,=ICSR; ldr r0,[r6]; rec r0
        ldr r6,=0xE000E300; ldr r0,[r6]; rec r0; bx lr
        .thumb_func
irq2:   mrs r0,ipsr; rec r0; rec lr; bx lr
        .thumb_func
pendsv: mov r0,#0x50; rec r0; bx lr
        .thumb_func
systick: mov r0,#0x51; rec r0; bx lr
    """,
    "masks": """
        mov r1,#0x40; msr basepri,r1; mrs r0,basepri; rec r0
        mov r1,#0x80; msr basepri_max,r1; mrs r0,basepri; rec r0
        mov r1,#0x20; msr basepri_max,r1; mrs r0,basepri; rec r0
        cpsid if; mrs r0,primask; rec r0; mrs r0,faultmask; rec r0
        mrs r0,xpsr; rec r0
        mov r0,#1; msr control,r0; isb
        mrs r0,primask; rec r0; mrs r0,msp; rec r0; mrs r0,control; rec r0
        cpsie if; mov r0,#0; msr control,r0; msr primask,r0; mrs r0,control; rec r0
        b done
    """,
    "lazy floating point": FPU_ON
    + """
        vmov.f32 s0,#1.0; vmov.f32 s15,#2.0; vmov.f32 s16,#3.0
        mrs r0,control; rec r0
        svc #0
        mrs r0,control; rec r0; vmov r0,s0; rec r0; vmov r0,s15; rec r0; vmov r0,s16; rec r0
        ldr r0,=0xE000EF34; ldr r1,[r0]; rec r1
        mov r0,sp; rec r0
        b done
        .thumb_func
svcall: rec lr; mov r4,sp; rec r4; mrs r4,control; rec r4
        ldr r4,=0xE000EF34; ldr r5,[r4]; rec r5; ldr r5,[r4,#4]; rec r5
        vmov.f32 s0,#5.0; vmov.f32 s16,#6.0
        ldr r5,[r4]; and r5,#1; rec r5; mrs r5,control; rec r5
        ldr r5,[sp,#0x20]; rec r5; ldr r5,[sp,#0x5C]; rec r5
        bx lr
    """,
    "undefined": ENABLE_FAULTS + "udf #0",
    "undefined, escalated": "udf #0",
    "no coprocessor": ENABLE_FAULTS + "vmov s0,r0",
    "even branch": ENABLE_FAULTS + "ldr r0,=0x20000100; cmp r0,r0; bx r0",
    "bad fetch": ENABLE_FAULTS + "ldr r0,=0x70000001; bx r0",
    "execute never": ENABLE_FAULTS + "ldr r0,=0x40000001; bx r0",
    "bad exc_return": ENABLE_FAULTS + "svc #0\n.thumb_func\nsvcall: ldr lr,=0xFFFFFFF5; bx lr",
    "return to the wrong mode": ENABLE_FAULTS
    + "svc #0\n.thumb_func\nsvcall: ldr lr,=0xFFFFFFF1; bx lr",
    "inactive return": ENABLE_FAULTS
    + "svc #0\n.thumb_func\nsvcall: ldr r1,=SHCSR; ldr r2,[r1]; bic r2,#0x80; str r2,[r1]; bx lr",
    "masked svc": "cpsid i; svc #0",
    "fault in an it block": ENABLE_FAULTS + "cmp r0,r0; itt eq; addeq r1,#1; udfeq #0",
    "mpu data": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED94; ldr r1,=0x20001010; str r1,[r0,#8]; ldr r1,=0x10000009; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]; dsb; isb
        ldr r0,=0x20001000; ldr r1,[r0,#32]; rec r1
        ldr r1,[r0,#28]
    """,
    "mpu fetch": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED94; ldr r1,=0x20001010; str r1,[r0,#8]; ldr r1,=0x13000013; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]; dsb; isb
        ldr r0,=0x20001001; bx r0
    """,
    "registers keep": """
        mvn r1,#0
        ldr r0,=SHCSR; ldr r2,=7<<16; str r2,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000E014; str r1,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED90; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED0C; ldr r2,=0x05FA0500; str r2,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED08; ldr r2,=0x20001000; str r2,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000EF40; ldr r2,[r0]; rec r2; ldr r2,[r0,#4]; rec r2
        b done
    """,
}


# Below the RAM of this machine there is nothing.
PROGRAMS_M4 = {
    "no room for a frame": ENABLE_FAULTS
    + """
        ldr r0,=0x20000010; mov sp,r0; svc #0
        .thumb_func
svcall: .thumb_func
busfault: mrs r0,ipsr; rec r0; rec lr; mov r0,sp; rec r0
        ldr r0,=0xE000ED28; ldr r1,[r0]; rec r1; ldr r0,=SHCSR; ldr r1,[r0]; rec r1
        b done
    """,
    "no room for a frame, the fault is below": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED18; ldr r1,=0x8000; str r1,[r0]
        ldr r0,=0x20000010; mov sp,r0; svc #0
        .thumb_func
svcall: .thumb_func
busfault: mrs r0,ipsr; rec r0; rec lr; mov r0,sp; rec r0
        ldr r0,=0xE000ED28; ldr r1,[r0]; rec r1; ldr r0,=SHCSR; ldr r1,[r0]; rec r1
        b done
    """,
}
# ARMv6-M: no IT, no immediates in MOV, no BASEPRI. QEMU's Cortex-M0 has a few things too many,
# which these leave out: IT and CBZ, ICSR.RETTOBASE, a priority of the debug monitor in SHPR3.
PRELUDE_V6 = f"""
        .macro rec what
        str \\what,[r7]; adds r7,#4
        .endm
        ldr r7,={LOG:#x}
        movs r0,#0; movs r1,#1; movs r2,#2; movs r3,#3; movs r4,#4; movs r5,#5; movs r6,#6
"""
EPILOGUE_V6 = f"""
        .balign 4
        .thumb_func
done:   ldr r1,=0x20003000
        ldr r0,=tt; str r0,[r1]; movs r0,#4; str r0,[r1,#4]; movs r0,#3; str r0,[r1,#8]
        movs r0,#1; bkpt 0xAB
        ldr r1,=0x20003000
        str r0,[r1]; ldr r0,={LOG:#x}; str r0,[r1,#4]; subs r0,r7,r0; str r0,[r1,#8]
        movs r0,#5; bkpt 0xAB
        ldr r1,=0x20026; movs r0,#0x18; bkpt 0xAB
        b .
        .balign 4
tt:     .asciz ":tt"
        .balign 4
"""
FAULT_REPORT_V6 = """
        .thumb_func
hardfault: mrs r0,ipsr; rec r0
        mov r0,lr; rec r0; ldr r0,[sp,#24]; rec r0; ldr r0,[sp,#28]; rec r0; mov r0,sp; rec r0
        ldr r0,[sp]; rec r0
        b done
"""
PROGRAMS_V6 = {
    "frame": """
        sub sp,#4; adds r0,r4,r4
        svc #0
        rec r0; rec r1; rec r3; mov r0,sp; rec r0; mrs r0,xpsr; rec r0
        b done
        .thumb_func
svcall: mov r5,sp; rec r5; mov r6,lr; rec r6
        movs r4,#0
1:      ldr r6,[r5]; rec r6; adds r5,#4; adds r4,#1; cmp r4,#8; bne 1b
        mrs r6,ipsr; rec r6; mrs r6,control; rec r6
        bx lr
    """,
    "process stack": """
        ldr r0,=0x20002004; msr psp,r0; movs r0,#2; msr control,r0; isb
        svc #0
        mrs r1,control; rec r1; mov r1,sp; rec r1
        movs r0,#0; msr control,r0; isb; mrs r1,control; rec r1; mrs r1,msp; rec r1
        b done
        .thumb_func
svcall: mrs r6,control; rec r6; mrs r6,psp; rec r6; mov r6,lr; rec r6; mov r6,sp; rec r6
        push {r4,lr}; pop {r4,pc}
    """,
    "priorities": """
        ldr r0,=0xE000E100; movs r1,#7; str r1,[r0]
        ldr r0,=0xE000E400; ldr r1,=0x4080FF; str r1,[r0]; ldr r2,[r0]; rec r2
        ldr r3,=0xE000E200; movs r1,#1; str r1,[r3]; dsb; isb
        cpsid i; movs r1,#7; str r1,[r3]; dsb; isb; movs r1,#0x99; rec r1
        ldr r6,=ICSR; ldr r1,[r6]; ldr r2,=~0x800800; ands r1,r2; rec r1; ldr r1,[r3]; rec r1
        cpsie i; isb; movs r1,#0x97; rec r1
        b done
        .thumb_func
irq0:   mrs r0,ipsr; rec r0; movs r1,#6; str r1,[r3]; dsb; isb; movs r0,#0x10; rec r0; bx lr
        .thumb_func
irq1:   mrs r0,ipsr; rec r0; bx lr
        .thumb_func
irq2:   mrs r0,ipsr; rec r0; mov r0,lr; rec r0; bx lr
    """,
    "undefined": "udf #0",
    "movw": ".inst.w 0xf2410034",
    "unaligned": "ldr r0,=0x20000101; ldr r1,[r0]",
    "unaligned ldm": "ldr r0,=0x20000102; ldm r0!,{r1,r2}",
    "even branch": "ldr r0,=0x100; bx r0",
    "bad fetch": "ldr r0,=0x70000001; bx r0",
    "masked svc": "cpsid i; svc #0",
    "masks": """
        cpsid i; mrs r0,primask; rec r0; cpsie i; mrs r0,primask; rec r0
        movs r0,#3; msr control,r0; isb; mrs r0,control; movs r1,#2; ands r0,r1; rec r0
        mrs r0,xpsr; rec r0; ldr r0,=0xE000ED14; ldr r1,[r0]; rec r1; rec r2
        b done
    """,
    "registers keep": """
        movs r1,#0; mvns r1,r1
        ldr r0,=0xE000ED1C; str r1,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED20; str r1,[r0]; ldr r2,[r0]; lsrs r2,#16; rec r2
        ldr r0,=0xE000E014; str r1,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED0C; ldr r2,=0x05FA0500; str r2,[r0]; ldr r2,[r0]; rec r2
        ldr r0,=0xE000E400; str r1,[r0]; ldr r2,[r0]; rec r2; rec r2
        b done
    """,
}
PROGRAMS_V8 = {
    "stack limit": ENABLE_FAULTS
    + "mov r0,sp; sub r0,#64; msr msplim,r0; mrs r1,msplim; rec r1; sub sp,#64; push {r1}",
    "process stack limit": ENABLE_FAULTS
    + """
        ldr r0,=0x20004004; msr psp,r0; mov r0,#2; msr control,r0; isb
        ldr r0,=0x20004000; msr psplim,r0; mrs r1,psplim; rec r1
        push {r1,r2}
        .thumb_func
usagefault: mrs r0,ipsr; rec r0; rec lr; mrs r0,psp; rec r0
        ldr r0,=0xE000ED28; ldr r1,[r0]; rec r1
        b done
    """,
    "registers keep": """
        mvn r1,#0
        ldr r0,=0xE000ED90; ldr r2,[r0]; rec r2
        ldr r0,=0xE000ED0C; ldr r2,=0x05FA0500; str r2,[r0]; ldr r2,[r0]; bic r2,#0x2000; rec r2
        ldr r0,=0xE000ED14; str r1,[r0]; ldr r2,[r0]; bic r2,#0x400; rec r2  @ STKOFHFNMIGN
        ldr r0,=0xE000ED98; mov r2,#5; str r2,[r0]
        str r1,[r0,#4]; ldr r2,[r0,#4]; rec r2
        bic r1,#0x10; str r1,[r0,#8]; ldr r2,[r0,#8]; rec r2
        ldr r2,=0x20000000; str r2,[r0,#20]; mov r2,#6; str r2,[r0]; ldr r2,[r0,#4]; rec r2
        ldr r0,=0xE000EF40; ldr r2,[r0]; rec r2; ldr r2,[r0,#4]; rec r2
        b done
    """,
    "bad exc_return": ENABLE_FAULTS + "svc #0\n.thumb_func\nsvcall: ldr lr,=0xFFFFFFBA; bx lr",
    "return to the wrong mode": ENABLE_FAULTS
    + "svc #0\n.thumb_func\nsvcall: ldr lr,=0xFFFFFFB0; bx lr",
    "bad fetch": ENABLE_FAULTS + "ldr r0,=0x60000001; bx r0",
    "frame below the limit": ENABLE_FAULTS
    + """
        ldr r0,=0x20004010; msr psp,r0; mov r0,#2; msr control,r0; isb
        ldr r0,=0x20004000; msr psplim,r0
        svc #0
        .thumb_func
svcall: rec r0; b done
        .thumb_func
usagefault: mrs r0,ipsr; rec r0; rec lr; mrs r0,psp; rec r0; mov r0,sp; rec r0
        ldr r0,=0xE000ED28; ldr r1,[r0]; rec r1
        b done
    """,
    "mpu data": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED94; ldr r1,=0x20001000; str r1,[r0,#8]; ldr r1,=0x20001001; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]; dsb; isb
        ldr r0,=0x20001000; ldr r1,[r0,#32]; rec r1; ldr r1,[r0,#28]; rec r1
        ldr r1,=0x20001004; ldr r0,=0xE000ED94; str r1,[r0,#8]; dsb; isb
        ldr r0,=0x20001000; ldr r1,[r0]; rec r1; str r1,[r0]
    """,
    "mpu overlap": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED94; ldr r1,=0x20001000; str r1,[r0,#8]; ldr r1,=0x20001001; str r1,[r0,#12]
        mov r1,#1; str r1,[r0,#4]
        ldr r1,=0x20001000; str r1,[r0,#8]; ldr r1,=0x20001001; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]; dsb; isb
        ldr r0,=0x20001000; ldr r1,[r0]
    """,
    "mpu fetch": ENABLE_FAULTS
    + """
        ldr r0,=0xE000ED94; ldr r1,=0x20001001; str r1,[r0,#8]; ldr r1,=0x200013E1; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]; dsb; isb
        ldr r0,=0x20001001; bx r0
    """,
}


@dataclass(frozen=True)
class Opinion:
    """A core, QEMU's machine that has it, where the image is and its stack."""

    spec: CoreSpec
    machine: str
    base: int = FLASH
    stack: int = STACK_TOP
    loaded: int | None = None  # where QEMU has the image, if elsewhere
    first: str = ""  # what QEMU runs before it, at 0x10000000


# ARM DDI 0553: SAU_CTRL.ALLNS, NVIC_ITNS, NSACR, AIRCR.BFHFNMINS, VTOR_NS. ARM DDI 0571, memory
# protection controllers: all blocks to the non-secure side.
TO_NON_SECURE = """
        ldr r4,=0x58008000; bl give
        ldr r4,=0x50083000; bl give
        ldr r4,=0xE000EDD0; movs r5,#2; str r5,[r4]
        ldr r4,=0xE000E380; mvn r5,#0; str r5,[r4]
        ldr r4,=0xE000ED8C; ldr r5,=0xCFF; str r5,[r4]
        ldr r4,=0xE000ED0C; ldr r5,=0x05FA2000; str r5,[r4]
        ldr r4,=0xE002ED08; ldr r5,=0x28000000; str r5,[r4]
        ldr r6,[r5]; msr MSP_NS,r6; ldr r4,[r5,#4]; bic r4,#1; bxns r4
give:   movs r5,#0; str r5,[r4,#0x18]
        ldr r6,[r4]; orr r6,#0x100; str r6,[r4]
        ldr r5,[r4,#0x10]; mvn r6,#0
1:      str r6,[r4,#0x1C]; subs r5,#1; bpl 1b
        bx lr
"""
M0 = Opinion(CORTEX_M0, "microbit", 0, 0x20004000)
M4 = Opinion(CORTEX_M4F, "netduinoplus2")
M7 = Opinion(CORTEX_M7, "mps2-an500", 0)
M33 = Opinion(
    replace(CORTEX_M33, irq_count=92, mpu_regions=16),
    "mps2-an505",
    0x28000000,
    STACK_TOP,
    0x38000000,
    TO_NON_SECURE,
)
CASES = [
    *((opinion, name, code) for opinion in (M4, M7) for name, code in PROGRAMS.items()),
    *((M4, name, code) for name, code in PROGRAMS_M4.items()),
    *((M0, name, code) for name, code in PROGRAMS_V6.items()),
    *((M33, name, code) for name, code in (PROGRAMS | PROGRAMS_V8).items()),
]


@pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None,
    reason="whether QEMU's model of the CPU sees the same: qemu-system-arm is not installed",
)
@pytest.mark.parametrize(
    ("opinion", "code"),
    [pytest.param(o, code, id=f"{o.spec.name}-{name}") for o, name, code in CASES],
)
def test_qemu_sees_the_same(opinion: Opinion, code: str, tmp_path: Path) -> None:
    v6 = not opinion.spec.mainline
    report = "" if "b done" in code else FAULT_REPORT_V6 if v6 else FAULT_REPORT
    parts = (PRELUDE_V6, EPILOGUE_V6) if v6 else (PRELUDE, EPILOGUE)
    code = parts[0] + code + report + parts[1]
    bench, qemu = run_on_bench(code, opinion), run_on_qemu(code, opinion, tmp_path)
    assert [hex(word) for word in bench] == [hex(word) for word in qemu]
    assert len(bench) > 4


def run_on_bench(code: str, opinion: Opinion) -> list[int]:
    m = Machine(code, spec=opinion.spec, base=opinion.base, stack=opinion.stack)
    m.core.on_execute(m.labels["done"], m.labels["done"], lambda address: None)
    assert m.core.run(cycles=5000) is Stop.BREAK, m.core.faults
    end = m.core.state().r[11 if opinion.spec.mainline else 7]
    return [m.word(address) for address in range(LOG, end, 4)]


def run_on_qemu(code: str, opinion: Opinion, folder: Path) -> list[int]:
    image, _ = assemble(code, opinion.spec, opinion.base, opinion.stack)
    places = {opinion.base if opinion.loaded is None else opinion.loaded: image}
    if opinion.first:
        places[0x10000000], _ = assemble(opinion.first, opinion.spec, 0x10000000, 0x38008000)
    devices: list[str] = []
    for at, data in places.items():
        (folder / f"{at:x}.bin").write_bytes(data)
        devices += ["-device", f"loader,file={folder / f'{at:x}.bin'},addr={at:#x}"]
    result = subprocess.run(
        [
            *("qemu-system-arm", "-M", opinion.machine, "-nographic", "-monitor", "none"),
            *("-serial", "none", "-semihosting-config", "enable=on,target=native,userspace=on"),
            *devices,
        ],
        capture_output=True,
        timeout=20,
        check=False,
    )
    data = result.stdout
    assert data and len(data) % 4 == 0, result.stderr.decode()
    return [int.from_bytes(data[n : n + 4], "little") for n in range(0, len(data), 4)]
