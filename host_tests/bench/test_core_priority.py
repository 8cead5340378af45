"""Pending, masking and preemption (DDI 0403E B1.5.4, B3.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_tests.bench.thumb import STACK_TOP, Machine
from tools.bench.core import CORTEX_M3

SVC, PENDSV, SYSTICK = 11, 14, 15


PREEMPTION = """
        ldr r0,=0xE000E100; mov r1,#7; str r1,[r0]       @ enable 0, 1, 2
        ldr r0,=0xE000E400; ldr r1,=0x00{irq2}{irq1}{irq0}; str r1,[r0]
        ldr r0,=0xE000ED0C; ldr r1,=0x05FA0{group}00; str r1,[r0]
        mov r10,#0
        ldr r11,=RAMEND
        mov r0,#1; bl trigger
        b .
trigger: ldr r2,=0xE000E200; str r0,[r2]; bx lr
log:    strb r0,[r11],#1; bx lr
        .thumb_func
irq0:   push {{lr}}; mov r0,#0x10; bl log
        mov r0,#6; bl trigger                            @ pend 1 and 2
        mov r0,#0x1F; bl log
        pop {{pc}}
        .thumb_func
irq1:   push {{lr}}; mov r0,#0x21; bl log; pop {{pc}}
        .thumb_func
irq2:   push {{lr}}; mov r0,#0x32; bl log; pop {{pc}}
        .equ RAMEND, 0x2000C000
"""


@pytest.mark.parametrize(
    ("irq0", "irq1", "irq2", "group", "order"),
    [
        ("80", "40", "C0", 0, [0x10, 0x21, 0x1F, 0x32]),  # 1 preempts, 2 waits
        ("80", "40", "20", 0, [0x10, 0x32, 0x21, 0x1F]),  # both preempt, 2 first
        ("80", "80", "80", 0, [0x10, 0x1F, 0x21, 0x32]),  # equal: number decides
        ("80", "C0", "A0", 0, [0x10, 0x1F, 0x32, 0x21]),  # less urgent ones wait
        ("80", "40", "20", 7, [0x10, 0x1F, 0x32, 0x21]),  # all subpriority: none preempts
        ("A0", "80", "40", 6, [0x10, 0x32, 0x1F, 0x21]),  # one group bit: 80 and A0 are equal
    ],
)
def test_preemption(irq0: str, irq1: str, irq2: str, group: int, order: list[int]) -> None:
    m = Machine(PREEMPTION.format(irq0=irq0, irq1=irq1, irq2=irq2, group=group)).run(400)
    assert list(m.ram.read(0xC000, 4)) == order
    assert m.core.state().sp == STACK_TOP
    assert not m.core.nvic.active


def test_only_implemented_priority_bits_are_kept() -> None:
    m = Machine("""
        ldr r0,=0xE000E400; mov r1,#0xFF; strb r1,[r0,#1]
        ldr r2,[r0]
        ldr r0,=0xE000ED20; ldr r1,=0xFFFFFFFF; str r1,[r0]; ldr r3,[r0]
        ldrb r4,[r0,#2]
        b .
    """).run(30)
    assert (m.r(2), m.r(3), m.r(4)) == (0xF000, 0xF0F000F0, 0xF0)


MASKS = """
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        ldr r0,=0xE000E400; mov r1,#0x40; strb r1,[r0]
        {mask}
        ldr r0,=0xE000E200; mov r1,#1
        str r1,[r0]
        mov r4,#1
        mov r4,#2
        {unmask}
        mov r4,#3
        b .
        .thumb_func
irq0:   mov r5,r4
        bx lr
"""


@pytest.mark.parametrize(
    ("mask", "unmask", "seen"),
    [
        ("nop", "nop", 0),
        ("cpsid i", "cpsie i", 2),
        ("cpsid f", "cpsie f", 2),
        ("mov r2,#1; msr primask,r2", "mov r2,#0; msr primask,r2", 2),
        ("mov r2,#0x40; msr basepri,r2", "mov r2,#0; msr basepri,r2", 2),
        ("mov r2,#0x40; msr basepri,r2", "mov r2,#0x80; msr basepri,r2", 2),
        ("mov r2,#0x50; msr basepri,r2", "nop", 0),
        ("mov r2,#0x20; msr basepri_max,r2", "nop", None),
        ("mov r2,#1; msr faultmask,r2", "mov r2,#0; msr faultmask,r2", 2),
        ("cpsid i", "nop", None),
    ],
)
def test_masking_and_the_instruction_that_unmasks(
    mask: str, unmask: str, seen: int | None
) -> None:
    m = Machine(MASKS.format(mask=mask, unmask=unmask)).run(300)
    assert m.taken == ([] if seen is None else [16])
    if seen is not None:
        assert m.r(5) == seen
    assert m.r(4) == 3


def test_a_one_instruction_window_is_found() -> None:
    """`cpsie; cpsid` in a loop: the pending interrupt gets in at the first window."""
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        cpsid i
        ldr r0,=0xE000E200; str r1,[r0]
        mov r4,#0
1:      add r4,#1
        cmp r4,#50
        bne 1b
        cpsie i
        cpsid i
        add r4,#1
        b .
        .thumb_func
irq0:   mov r5,r4
        bx lr
    """).run(400)
    assert (m.taken, m.r(5), m.r(4)) == ([16], 50, 51)


def test_pendsv_is_taken_between_the_write_and_the_next_instruction() -> None:
    m = Machine("""
        ldr r0,=ICSR; mov r1,#1<<28; mov r4,#0
        str r1,[r0]
after:  add r4,#1
        b .
        .thumb_func
pendsv: mov r5,r4
        ldr r6,[sp,#24]
        bx lr
    """).run(40)
    assert (m.r(5), m.r(6), m.r(4)) == (0, m.labels["after"], 1)


def test_tail_of_handlers_runs_in_priority_order_without_thread_code_between() -> None:
    m = Machine("""
        cpsid i
        ldr r0,=ICSR; ldr r1,=(1<<28)|(1<<26); str r1,[r0]    @ PendSV and SysTick
        ldr r0,=0xE000ED20; ldr r1,=0x00F00000; str r1,[r0]   @ PendSV lowest
        mov r4,#0
        cpsie i
after:  add r4,#1
        b .
        .thumb_func
systick: mov r5,r4; bx lr
        .thumb_func
pendsv: mov r6,r4; bx lr
    """).run(100)
    assert m.taken == [SYSTICK, PENDSV]
    assert (m.r(5), m.r(6), m.r(4)) == (0, 0, 1)
    returns = [entry.return_address for entry in m.core.exceptions_taken]
    assert returns == [m.labels["after"]] * 2


def test_level_interrupt_comes_again_until_the_line_is_low() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#4; str r1,[r0]
        mov r4,#0
        b .
        .thumb_func
irq2:   add r4,#1
        bx lr
    """).run(20)
    m.core.set_irq(2, True)
    m.run(9)
    assert m.r(4) == 5  # one after the other: add, bx, add, bx ...
    m.core.set_irq(2, False)
    m.run(20)
    assert m.r(4) == 5
    assert not m.core.nvic.pending


def test_a_disabled_interrupt_stays_pending() -> None:
    m = Machine("ldr r0,=0xE000E200; ldr r1,[r0]; b .")
    m.core.set_irq(5, True)
    m.core.set_irq(5, False)
    m.run(10)
    assert m.r(1) == 1 << 5
    assert m.taken == []


def test_interrupts_beyond_the_chip_do_not_exist() -> None:
    spec = replace(CORTEX_M3, irq_count=43)
    m = Machine(
        """
        ldr r0,=0xE000E100; mvn r1,#0; str r1,[r0,#4]; ldr r2,[r0,#4]; str r1,[r0,#8]
        ldr r3,[r0,#8]
        ldr r0,=0xE000E428; str r1,[r0]; ldr r4,[r0]
        ldr r0,=0xE000EF00; mov r1,#100; str r1,[r0]
        ldr r0,=0xE000E004; ldr r5,[r0]
        b .
        """,
        spec=spec,
    ).run(60)
    assert (m.r(2), m.r(3), m.r(4), m.r(5)) == ((1 << 11) - 1, 0, 0xF0F0F0, 1)
    with pytest.raises(ValueError, match="no interrupt 43"):
        m.core.set_irq(43, True)


def test_nmi_preempts_even_with_faultmask() -> None:
    m = Machine("""
        cpsid f
        mov r4,#1
        b .
        .thumb_func
nmi:    mrs r5, ipsr
        bx lr
    """).run(10)
    m.core.pend_nmi()
    m.run(10)
    assert m.r(5) == 2
    assert m.core.state().faultmask == 1  # NMI leaves it


def test_icsr_describes_the_moment() -> None:
    m = Machine("""
        ldr r0,=0xE000E100; mov r1,#3; str r1,[r0]
        ldr r0,=0xE000E200; mov r1,#1; str r1,[r0]
        b .
        .thumb_func
irq0:   ldr r0,=0xE000E200; mov r1,#2; str r1,[r0]
        ldr r0,=ICSR; mov r1,#1<<28; str r1,[r0]
        ldr r4,[r0]
        ldr r0,=0xE000E300; ldr r5,[r0]
        b .
    """).run(60)
    # ISRPENDING, PENDSVSET, VECTPENDING PendSV (equal priority, lower number), RETTOBASE
    assert m.r(4) == 1 << 28 | 1 << 22 | 14 << 12 | 1 << 11 | 16
    assert m.r(5) == 1


def test_interrupt_between_any_two_instructions() -> None:
    """An interrupt at each instruction of a program changes nothing that it computes."""
    program = """
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        mov r0,#10; mov r1,#0; ldr r3,=0x20000100
1:      add r1,r0
        str r1,[r3],#4
        cmp r0,#5
        ite gt
        addgt r1,#3
        suble r1,#1
        push {r0,r1}
        pop {r2,r4}
        subs r0,#1
        bne 1b
end:    b .
        .thumb_func
irq0:   mov r0,#0; mov r1,#0; mov r2,#0; mov r3,#0; cmp r0,r0
        add r9,#1
        bx lr
    """
    plain = Machine(program).run(200)
    expected = (plain.core.state().r[:9], plain.ram.read(0, 0x200))
    for k in range(3, 110, 7):
        m = Machine(program).run(k)
        m.core.set_irq(0, True)
        m.core.set_irq(0, False)
        m.run(300)
        assert m.r(9) == 1
        assert (m.core.state().r[:9], m.ram.read(0, 0x200)) == expected
        assert m.core.exceptions_taken[0].cycles - k <= 3  # an IT block may be finished first


BRANCHES = {
    "b": "b window",
    "b.w": "b.w window",
    "b<c>": "cmp r0,r0; beq window",
    "cbz": "mov r2,#0; cbz r2,window",
    "bl": "bl window",
    "bx": "ldr r2,=window+1; bx r2",
    "blx": "ldr r2,=window+1; blx r2",
    "mov pc": "ldr r2,=window; mov pc,r2",
    "ldr pc": "ldr pc,=window+1",
    "pop": "ldr r2,=window+1; push {r2}; pop {pc}",
    "ldm": "ldr r2,=window+1; push {r2}; push {r3}; ldmia.w sp!,{r3,pc}",
    "tbb": "mov r2,#0; tbb [pc,r2]\n.byte 1,0",
    "tbh": "mov r2,#0; tbh [pc,r2,lsl #1]\n.short 1",
    "it": "cmp r0,r0; it eq; beq window",
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_window_behind_any_branch_is_found(branch: str) -> None:
    """Nothing between CPSIE and CPSID but the interrupt itself."""
    m = Machine(f"""
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        cpsid i
        ldr r0,=0xE000E200; str r1,[r0]
        {BRANCHES[branch]}
window: cpsie i
        cpsid i
        mov r4,#1
        b .
        .thumb_func
irq0:   mov r5,#1
        bx lr
    """).run(100)
    assert (m.taken, m.r(4), m.r(5)) == ([16], 1, 1)
