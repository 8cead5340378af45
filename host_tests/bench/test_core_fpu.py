"""Floating-point context: FPCA, the long frame, lazy stacking as software sees it, CPACR."""

from __future__ import annotations

import struct

import pytest

from host_tests.bench.thumb import STACK_TOP, Machine
from tools.bench.core import CORTEX_M3, CORTEX_M7

FPU_ON = "ldr r0,=0xE000ED88; mov r1,#0xF00000; str r1,[r0]; dsb; isb"
NOCP = 1 << 19


def test_fp_instructions_set_fpca_and_the_frame_has_room_for_the_state() -> None:
    m = Machine(f"""
        {FPU_ON}
        mrs r2, control
        vmov.f32 s0,#1.0
        vmov.f32 s15,#2.0
        mrs r3, control
        svc #0
        mrs r7, control
        b .
        .thumb_func
svcall: mrs r4, control
        mov r5, sp
        mov r6, lr
        vmov.f32 s0,#3.0
        bx lr
    """).run(60)
    assert (m.r(2), m.r(3), m.r(4), m.r(7)) == (0, 4, 0, 4)
    assert m.r(5) == STACK_TOP - 0x68
    assert m.r(6) == 0xFFFFFFE9
    assert m.word(STACK_TOP - 0x68 + 0x20) == struct.unpack("<I", struct.pack("<f", 1.0))[0]
    assert m.word(STACK_TOP - 0x68 + 0x5C) == struct.unpack("<I", struct.pack("<f", 2.0))[0]
    assert m.core.state().sp == STACK_TOP
    values = m.core.engine.fp_registers()
    assert struct.pack("<I", values[0]) == struct.pack("<f", 1.0)


LAZY = """
        {on}
        ldr r8,=0xE000EF34
        {before}
        vmov.f32 s0,#1.0
        svc #0
        ldr r5,[r8]
        b .
        .thumb_func
svcall: ldr r9,[r8]; ldr r10,[r8,#4]
        {inside}
        ldr r4,[r8]
        bx lr
"""


def test_lazy_context_ends_when_the_handler_uses_the_fpu() -> None:
    m = Machine(LAZY.format(on=FPU_ON, before="", inside="vmov.f32 s1,#2.0")).run(60)
    assert m.r(9) & 1  # LSPACT
    assert m.r(10) == STACK_TOP - 0x68 + 0x20
    assert (m.r(4) & 1, m.r(5) & 1) == (0, 0)
    assert m.r(9) & 1 << 3  # THREAD
    assert not m.r(9) & 1 << 1  # USER


def test_lazy_context_that_is_not_used_ends_on_return() -> None:
    m = Machine(LAZY.format(on=FPU_ON, before="", inside="nop")).run(60)
    assert (m.r(9) & 1, m.r(4) & 1, m.r(5) & 1) == (1, 1, 0)


def test_software_may_drop_a_lazy_context() -> None:
    """As a bootloader does: clear LSPACT, change the frame, return with the short form."""
    inside = "bic r4,r9,#1; str r4,[r8]; ldr r4,[r8]; add sp,#0x48; orr lr,#0x10"
    m = Machine(LAZY.format(on=FPU_ON, before="", inside=inside))
    m.core.on_execute(m.labels["svcall"], m.labels["svcall"], lambda address: None)
    m.run(60)
    assert m.core.fpu.fpccr & 1
    m.run(4)
    assert not m.core.fpu.fpccr & 1


def test_without_lspen_nothing_is_lazy() -> None:
    before = "mov r1,#0x80000000; str r1,[r8]"
    m = Machine(LAZY.format(on=FPU_ON, before=before, inside="nop")).run(60)
    assert m.r(9) == 0x80000000


def test_without_aspen_fpca_is_not_set_and_the_frame_is_short() -> None:
    m = Machine(f"""
        {FPU_ON}
        ldr r8,=0xE000EF34; mov r1,#0; str r1,[r8]
        vmov.f32 s0,#1.0
        mrs r2, control
        svc #0
        b .
        .thumb_func
svcall: mov r5, sp
        bx lr
    """).run(60)
    assert (m.r(2), m.r(5)) == (0, STACK_TOP - 0x20)


def test_a_new_context_starts_with_fpdscr() -> None:
    m = Machine(f"""
        {FPU_ON}
        ldr r0,=0xE000EF3C; ldr r1,=0x02C00000; str r1,[r0]
        vmrs r2, fpscr
        b .
    """).run(60)
    assert m.r(2) == 0x02C00000


def test_nested_fp_contexts_keep_their_values() -> None:
    m = Machine(f"""
        {FPU_ON}
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        ldr r0,=0xE000ED1C; mov r1,#0x80000000; str r1,[r0]
        vmov.f32 s0,#1.0; vmov.f32 s1,#10.0
        svc #0
        vadd.f32 s2,s0,s1
        vcvt.s32.f32 s2,s2; vmov r7,s2
        b .
        .thumb_func
svcall: vmov.f32 s0,#2.0; vmov.f32 s1,#20.0
        ldr r0,=0xE000E200; mov r1,#1; str r1,[r0]
        vadd.f32 s2,s0,s1
        vcvt.s32.f32 s2,s2; vmov r6,s2
        bx lr
        .thumb_func
irq0:   vmov.f32 s0,#3.0; vmov.f32 s1,#30.0; vmov.f32 s2,#31.0
        bx lr
    """).run(100)
    assert m.taken == [11, 16]
    assert (m.r(7), m.r(6)) == (11, 22)
    assert m.core.state().sp == STACK_TOP


@pytest.mark.parametrize(
    "instruction",
    ["vmov.f32 s0,#1.0", "vmov s0,r4", "vldr s0,[r5]", "vmrs r4,fpscr", "vpush {s0-s3}"],
)
def test_with_cpacr_off_fp_instructions_are_a_usage_fault_each_time(instruction: str) -> None:
    m = Machine(f"""
        ldr r0,=SHCSR; ldr r1,=1<<18; str r1,[r0]
        mov r4,#0; ldr r5,=0x20000000; ldr r9,=0x20000200
        mov r7,sp
bad:    {instruction}
        {FPU_ON}
        {instruction}
        mov r1,#0; str r1,[r0]
        {instruction}
        b .
        .thumb_func
usagefault: mrs r2,control; str r2,[r9],#4
        ldr r2,[sp,#24]; str r2,[r9],#4; adds r2,#4; str r2,[sp,#24]
        ldr r3,=0xE000ED28; ldr r2,[r3]; str r2,[r3]; str r2,[r9],#4
        mov r6,sp; str r6,[r9],#4
        bx lr
    """).run(120)
    assert m.taken == [6, 6]
    log = [m.word(0x20000200 + 4 * n) for n in range(8)]
    assert (log[0], log[1], log[2]) == (0, m.labels["bad"], NOCP)
    assert log[3] == STACK_TOP - 0x20  # a push has not moved the stack pointer
    assert log[6] == NOCP
    assert "CPACR has it off" in m.core.faults[0]


def test_a_core_without_fpu_has_no_fp_registers() -> None:
    m = Machine(
        "ldr r0,=0xE000ED88; mov r1,#0xF00000; str r1,[r0]; ldr r2,[r0]; .inst.w 0xEEB70A00; b .",
        spec=CORTEX_M3,
    ).run(40)
    assert m.r(2) == 0
    assert m.core.scb.faults.cfsr == NOCP
    names = {view.name for view in m.core.scs.registers()}
    assert not names & {"CPACR", "FPCCR", "FPCAR", "FPDSCR", "MVFR0"}


def test_m7_has_the_same_context() -> None:
    m = Machine(LAZY.format(on=FPU_ON, before="", inside="nop"), spec=CORTEX_M7).run(60)
    assert m.r(10) == STACK_TOP - 0x68 + 0x20
