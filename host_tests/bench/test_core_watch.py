"""Watching a program: breaks, fetch counters, the mask meter."""

from __future__ import annotations

from host_tests.bench.thumb import Machine
from tools.bench.core import Stop


def test_break_stops_before_the_instruction_and_resumes() -> None:
    m = Machine("mov r0,#1\nhere: mov r0,#2\nmov r0,#3\nb .")
    seen: list[int] = []
    remove = m.core.on_execute(m.labels["here"], m.labels["here"] + 1, seen.append)
    assert m.core.run(cycles=100) is Stop.BREAK
    assert (m.r(0), seen, m.core.instructions) == (1, [m.labels["here"]], 1)
    assert m.core.run(cycles=1) is Stop.BUDGET
    assert (m.r(0), m.core.instructions) == (2, 2)
    remove()
    m.core.reset(0)
    assert m.core.run(cycles=100) is Stop.BUDGET
    assert len(seen) == 1


def test_break_on_code_that_ran_before() -> None:
    m = Machine("1: add r0,#1\nhere: add r1,#1\nb 1b").run(30)
    m.core.on_execute(m.labels["here"], m.labels["here"], lambda address: None)
    assert m.core.run(cycles=100) is Stop.BREAK
    assert m.r(0) == m.r(1) + 1


def test_fetches_of_a_range_are_counted_exactly() -> None:
    m = Machine(
        "mov r4,#20\n1: svc #0\nsubs r4,#1\nbne 1b\nb .\n.thumb_func\nsvcall: nop\nbx lr",
    )
    fetches = m.core.count_fetches(m.labels["svcall"], m.labels["svcall"] + 3)
    m.run(31).run(100)
    assert fetches.count == 40
    assert fetches.last_address == m.labels["svcall"] + 2
    fetches.stop()
    m.core.reset(0)
    m.run(100)
    assert fetches.count == 40


def test_masking_is_measured_in_instructions() -> None:
    m = Machine("""
        svc #0
        cpsid i; nop; nop; bl f; cpsie i
        mov r0,#1; msr primask,r0; svc #1; b .
f:      nop; bx lr
        .thumb_func
svcall: nop; bx lr
        .thumb_func
hardfault: cpsie i; bx lr
    """)
    meter = m.core.measure_masking()
    m.run(9)
    assert (meter.last, meter.longest, meter.total) == (5, 5, 5)
    m.run(30)
    # the SVC, which escalates as PRIMASK holds it back, and the HardFault handler to its end
    assert (meter.last, meter.longest, meter.total) == (3, 6, 9)
    meter.stop()
    m.core.reset(0)
    m.run(50)
    assert meter.total == 9


def test_break_on_the_first_instruction_of_a_handler_and_after_reset() -> None:
    m = Machine("svc #0\nhere: b .\n.thumb_func\nsvcall: mov r4,#1\nbx lr")
    seen: list[int] = []
    for label in ("start", "svcall", "here"):
        m.core.on_execute(m.labels[label], m.labels[label], seen.append)
    while m.core.run(cycles=20) is Stop.BREAK and len(seen) < 4:
        pass
    assert seen == [m.labels[label] for label in ("start", "svcall", "here", "here")]
    assert m.core.instructions == 4


def test_break_inside_an_it_block_is_passed_over() -> None:
    m = Machine("cmp r0,r0\nitt eq\nmoveq r1,#1\nhere: moveq r2,#1\nmov r3,#1\nb .")
    m.core.on_execute(m.labels["here"], m.labels["here"] + 4, lambda address: None)
    assert m.core.run(cycles=20) is Stop.BREAK
    assert (m.r(2), m.r(3), m.core.instructions) == (1, 0, 4)


def test_break_on_whole_pages() -> None:
    """Entry by a call, by falling through from the page before, and by an exception return."""
    m = Machine(
        """
        ldr r0,=0x20000801; blx r0
        ldr r0,=0x200007FD; blx r0
        b .
        """,
    )
    m.ram.write(0x7FC, bytes.fromhex("00bf 00bf 0130 7047"))  # nop; nop | adds r0,#1; bx lr
    seen: list[tuple[int, int]] = []
    remove = m.core.on_execute(
        0x20000800, 0x20000BFF, lambda address: seen.append((address, m.core.instructions))
    )
    assert m.core.run(cycles=100) is Stop.BREAK
    assert (m.pc, m.r(0)) == (0x20000800, 0x20000801)
    assert m.core.run(cycles=100) is Stop.BREAK
    assert (m.pc, m.r(0)) == (0x20000800, 0x200007FD)
    assert seen == [(0x20000800, 2), (0x20000800, 8)]
    m.core.set_irq(0, True)  # disabled: changes nothing
    assert m.core.run(cycles=3) is Stop.BUDGET
    assert m.core.instructions == 11
    remove()
    m.core.reset(0)
    assert m.core.run(cycles=100) is Stop.BUDGET
