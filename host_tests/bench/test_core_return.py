"""Exception return and its checks (DDI 0403E B1.5.8)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import STACK_TOP, Machine
from tools.bench.core import Stop


@pytest.mark.parametrize(
    ("setup", "exc_return"),
    [
        ("nop", 0xFFFFFFF5),  # not a defined value
        ("nop", 0xFFFFFFF1),  # to handler mode, with a frame of thread mode
        ("mov r0,#0; ldr r1,=SHCSR; ldr r2,[r1]; bic r2,#0x80; str r2,[r1]", 0xFFFFFFF9),
    ],
)
def test_a_return_that_does_not_fit_is_a_usage_fault(setup: str, exc_return: int) -> None:
    m = Machine(f"""
        ldr r0,=SHCSR; ldr r1,=1<<18; str r1,[r0]
        svc #0
        b .
        .thumb_func
svcall: {setup}
        ldr lr,={exc_return:#x}
        bx lr
        .thumb_func
usagefault: mrs r8, ipsr
        ldr r9,=0xE000ED28; ldr r9,[r9]
        b .
    """).run(80)
    assert (m.r(8), m.r(9)) == (6, 1 << 18)
    assert "EXC_RETURN that does not fit" in m.core.faults[0]


def test_return_to_thread_from_a_nested_handler_needs_nonbasethrdena() -> None:
    program = """
        ldr r0,=SHCSR; ldr r1,=1<<18; str r1,[r0]
        ldr r0,=CCR; ldr r1,[r0]; orr r1,#{ccr}; str r1,[r0]
        ldr r0,=0xE000ED1C; mov r1,#0x80000000; str r1,[r0]   @ below UsageFault
        svc #0
        b .
        .thumb_func
svcall: ldr r0,=ICSR; mov r1,#1<<31; str r1,[r0]          @ NMI on top
        b .
        .thumb_func
nmi:    ldr r1,=thread; str r1,[sp,#24]
        ldr r1,=0x01000000; str r1,[sp,#28]
        mvn lr,#6
        bx lr
        .thumb_func
thread: mov r8,#1
        b .
        .thumb_func
usagefault: mov r8,#2
        b .
    """
    assert Machine(program.format(ccr=0)).run(100).r(8) == 2
    m = Machine(program.format(ccr=1)).run(100)
    assert m.r(8) == 1
    assert m.core.state().xpsr & 0x1FF == 0
    assert m.core.nvic.active == {11}


def test_bx_to_exc_return_in_thread_mode_is_an_ordinary_bad_branch() -> None:
    m = Machine("""
        ldr lr,=0xFFFFFFF9
        bx lr
        .thumb_func
hardfault: ldr r0,=0xE000ED28; ldr r1,[r0]; b .
    """).run(30)
    assert m.r(1) == 1  # IACCVIOL: the system region is never executable


def test_a_handler_can_change_to_the_process_stack_by_exc_return() -> None:
    m = Machine("""
        svc #0
        b .
        .thumb_func
svcall: ldr r0,=0x20004000; msr psp, r0
        ldr r1,=thread; str r1,[r0,#24]
        ldr r1,=0x01000000; str r1,[r0,#28]
        mov r1,#1; msr control, r1
        mvn lr, #2
        bx lr
        .thumb_func
thread: mrs r8, control
        b .
    """).run(60)
    state = m.core.state()
    assert state.r[8] == 3
    assert (state.sp, state.psp, state.msp) == (0x20004020, 0x20004020, STACK_TOP - 0x20)


def test_sleep_on_exit_runs_handlers_only() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        ldr r0,=0xE000ED10; mov r1,#2; str r1,[r0]
        mov r4,#0
        wfi
        mov r5,#99
        b .
        .thumb_func
irq0:   add r4,#1
        bx lr
    """)
    for count in range(3):
        assert m.core.run(cycles=1000) is Stop.IDLE
        assert m.r(4) == count
        m.core.set_irq(0, True)
        m.core.set_irq(0, False)
    assert m.r(5) == 0
