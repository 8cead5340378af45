"""WFI, WFE and what wakes the core (DDI 0403E B1.5.17 to B1.5.19)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import Machine
from tools.bench.core import Stop


def test_wfi_sleeps_to_the_next_event_and_time_passes_without_instructions() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        wfi
        add r4,#1
        b .
        .thumb_func
irq0:   mov r5,#1
        bx lr
    """)

    def interrupt() -> None:
        m.core.set_irq(0, True)
        m.core.set_irq(0, False)

    m.clock.after_cycles(5000, interrupt)
    assert m.core.run(cycles=4000) is Stop.IDLE
    assert (m.clock.cycles, m.core.instructions, m.core.asleep) == (4000, 4, True)
    assert m.core.run(cycles=2000) is Stop.BUDGET
    assert (m.r(4), m.r(5)) == (1, 1)
    assert m.core.exceptions_taken[0].cycles == 5000
    assert m.core.instructions == 4 + 1000


def test_idle_without_limit_comes_back_at_once_and_time_stands() -> None:
    m = Machine("wfi; b .")
    assert m.core.run() is Stop.IDLE
    assert m.clock.cycles == 1


def test_wfi_wakes_for_an_interrupt_that_primask_holds_back() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        cpsid i
        wfi
        mov r4,#1
        cpsie i
        b .
        .thumb_func
irq0:   mov r5,r4
        bx lr
    """)
    assert m.core.run(cycles=100) is Stop.IDLE
    m.core.set_irq(0, True)
    m.core.set_irq(0, False)
    m.run(100)
    assert (m.r(4), m.r(5)) == (1, 1)


def test_wfi_does_not_wake_for_what_is_disabled_or_below_basepri() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        ldr r0,=0xE000E400; ldr r1,=0x8080; str r1,[r0]
        mov r0,#0x40; msr basepri,r0
        wfi
        mov r4,#1
        b .
    """)
    assert m.core.run(cycles=100) is Stop.IDLE
    m.core.set_irq(1, True)
    m.core.set_irq(0, True)
    assert m.core.run(cycles=100) is Stop.IDLE
    assert (m.r(4), m.core.nvic.pending) == (0, {16, 17})


def test_wfi_with_something_pending_already_does_not_sleep() -> None:
    m = Machine("""
        cpsid i
        ldr r0,=ICSR; mov r1,#1<<28; str r1,[r0]
        wfi
        mov r4,#1
        b .
    """).run(50)
    assert (m.stop, m.r(4)) == (Stop.BUDGET, 1)


@pytest.mark.parametrize(
    ("code", "awake"),
    [
        ("wfe", False),
        ("sev; wfe", True),
        ("sev; wfe; wfe", False),
        ("svc #0; wfe", True),  # entry and return set the event register
        ("yield", True),
        ("wfe.w", False),
    ],
)
def test_wait_for_event(code: str, awake: bool) -> None:
    m = Machine(f"{code}\nmov r4,#1\nb .\n.thumb_func\nsvcall: bx lr").run(50)
    assert m.r(4) == awake
    assert (m.stop is Stop.BUDGET) == awake


def test_wfe_wakes_for_a_pending_interrupt_with_sevonpend() -> None:
    m = Machine("ldr r0,=0xE000ED10; mov r1,#16; str r1,[r0]; wfe; mov r4,#1; b .").run(50)
    assert m.stop is Stop.IDLE
    m.core.set_irq(3, True)  # not even enabled
    m.run(50)
    assert m.r(4) == 1


def test_an_undefined_instruction_after_wfe_is_not_taken_for_it() -> None:
    m = Machine("svc #0\nwfe\nudf #0\n.thumb_func\nsvcall: bx lr\n.thumb_func\nhardfault: b .")
    assert m.run(20).taken == [11, 3]
    assert m.core.scb.faults.cfsr == 1 << 16
