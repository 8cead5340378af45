"""Exception entry: the frame, the stacks, the vector (DDI 0403E B1.5.6, B1.5.7)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import FLASH, RAM, STACK_TOP, Machine
from tools.bench.core import Stop

SVC = 11


def test_entry_stacks_the_frame_and_return_restores_it() -> None:
    m = Machine("""
        ldr r0,=0x11; ldr r1,=0x22; ldr r2,=0x33; ldr r3,=0x44
        mov r12,#0x55; ldr lr,=0x66
        adds r4, r3, r3
        svc #9
after:  b .
        .thumb_func
svcall: mov r5, sp
        mov r6, lr
        mrs r7, ipsr
        mov r0,#0; mov r1,#0; mov r2,#0; mov r3,#0; mov r12,#0
        cmp r0, r0
        bx lr
    """).run(100)
    state = m.core.state()
    frame = STACK_TOP - 0x20
    assert state.r[5] == frame
    assert state.r[6] == 0xFFFFFFF9
    assert state.r[7] == SVC
    assert [m.word(frame + 4 * n) for n in range(7)] == [
        *(0x11, 0x22, 0x33, 0x44, 0x55, 0x66),
        m.labels["after"],
    ]
    assert m.word(frame + 28) == 0x01000000  # T, and the flags of adds
    assert state.r[:4] == (0x11, 0x22, 0x33, 0x44)
    assert (state.r[12], state.lr, state.sp) == (0x55, 0x66, STACK_TOP)
    assert state.xpsr == 0x01000000
    assert m.pc == m.labels["after"]


def test_stack_is_aligned_and_the_padding_is_taken_back() -> None:
    m = Machine("""
        sub sp, #4
        svc #0
        b .
        .thumb_func
svcall: mov r5, sp
        ldr r6, [sp, #28]
        bx lr
    """).run(50)
    assert m.r(5) == STACK_TOP - 8 - 0x20
    assert m.r(6) & 1 << 9
    assert m.core.state().sp == STACK_TOP - 4
    assert not m.core.state().xpsr & 1 << 9


def test_without_stkalign_the_frame_is_only_word_aligned() -> None:
    m = Machine("""
        ldr r0,=CCR; mov r1,#0; str r1,[r0]
        sub sp, #4
        svc #0
        b .
        .thumb_func
svcall: mov r5, sp
        bx lr
    """).run(50)
    assert m.r(5) == STACK_TOP - 4 - 0x20
    assert m.core.state().sp == STACK_TOP - 4


def test_process_stack_and_control_follow_exc_return() -> None:
    m = Machine("""
        ldr r0,=0x20004000; msr psp, r0
        mov r0,#2; msr control, r0; isb
        svc #0
        mrs r8, control
        mov r9, sp
        b .
        .thumb_func
svcall: mov r4, lr
        mrs r5, control
        mov r6, sp
        mrs r7, psp
        bx lr
    """).run(60)
    state = m.core.state()
    assert state.r[4] == 0xFFFFFFFD
    assert state.r[5] == 0  # SPSEL is cleared by entry
    assert state.r[6] == STACK_TOP
    assert state.r[7] == 0x20004000 - 0x20
    assert (state.r[8], state.r[9]) == (2, 0x20004000)
    assert (state.msp, state.psp) == (STACK_TOP, 0x20004000)


def test_unprivileged_thread_enters_and_returns_unprivileged() -> None:
    m = Machine("""
        ldr r0,=0x20004000; msr psp, r0
        mov r0,#3; msr control, r0; isb
        svc #0
        mrs r8, control
        b .
        .thumb_func
svcall: mrs r7, psp
        bx lr
    """).run(60)
    assert m.r(7) == 0x20004000 - 0x20
    assert m.r(8) == 3
    assert (m.core.state().msp, m.core.state().psp) == (STACK_TOP, 0x20004000)


def test_it_state_is_stacked_and_resumed() -> None:
    """SVC inside an IT block: the rest of the block goes on with its conditions."""
    m = Machine("""
        mov r4,#0; mov r5,#0
        cmp r4, #0
        itee eq
        svceq #0
        addne r4,#1
        addne r5,#1
        add r6, r4, #5
        b .
        .thumb_func
svcall: ldr r7,[sp,#28]
        cmp sp, #0
        bx lr
    """).run(60)
    assert m.taken == [SVC]
    assert m.r(7) & 0x0600FC00  # in the middle of a block
    assert m.r(6) == 5


def test_vector_table_can_be_anywhere() -> None:
    m = Machine("""
        ldr r0,=0x20001000; ldr r1,=handler; str r1,[r0,#44]
        ldr r2,=0xE000ED08; str r0,[r2]; ldr r3,[r2]
        svc #0
        b .
        .thumb_func
handler: mov r8,#7
        bx lr
    """).run(40)
    assert (m.r(3), m.r(8)) == (0x20001000, 7)


def test_a_vector_that_cannot_be_read_becomes_a_hard_fault_or_lockup() -> None:
    m = Machine("ldr r0,=0x30000000; ldr r2,=0xE000ED08; str r0,[r2]; svc #0; b .").run(40)
    assert m.stop is Stop.LOCKUP
    assert m.core.scb.faults.hfsr & 2
    assert m.core.lockup and "vector 3 (HardFault) at 0x3000000c" in m.core.lockup
    assert m.core.run(cycles=5) is Stop.LOCKUP
    m.core.reset(FLASH)
    assert m.core.run(cycles=2) is Stop.BUDGET


@pytest.mark.parametrize(
    ("priority", "taken"), [(0x0000, 5), (0x8000, SVC)], ids=["as urgent", "less urgent"]
)
def test_stacking_error_is_a_bus_fault_if_that_comes_first(priority: int, taken: int) -> None:
    """Of two that are as urgent, the one with the lower number."""
    m = Machine(f"""
        ldr r0,=SHCSR; ldr r1,=1<<17; str r1,[r0]
        ldr r0,=0xE000ED18; ldr r1,={priority}; str r1,[r0]
        ldr r0,={RAM + 0x10:#x}; mov sp, r0
        svc #0
        b .
        .thumb_func
svcall: b .
        .thumb_func
busfault: b .
    """).run(60)
    assert m.core.scb.faults.cfsr == 1 << 12
    assert m.taken[0] == taken
