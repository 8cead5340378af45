"""Exact counts, exact stops, and runs that repeat (core.py, cpu/counter.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tests.bench.thumb import STACK_TOP, Machine
from tools.bench.core import Stop
from tools.bench.cpu import counter

# Early stops of every kind: SVC, PendSV by ICSR, EXC_RETURN, MMIO, an IT block.
MIXED = """
        ldr r0,=ICSR; mov r1,#1<<28; ldr r3,=0x40001000
        mov r4,#20
1:      svc #0
        str r1,[r0]
        ldr r2,[r3]
        cmp r4,#10
        itte gt
        strgt r4,[r3]
        addgt r5,#1
        suble r5,#1
        subs r4,#1
        bne 1b
end:    b .
        .thumb_func
svcall: add r6,#1
        bx lr
        .thumb_func
pendsv: push {r4,lr}
        add r7,#1
        pop {r4,pc}
"""
# 4 before the loop; per round 7 and those of the IT block whose condition holds (2 in the first
# ten rounds, 1 in the others), 2 of SVCall, 3 of PendSV
MIXED_TOTAL = 4 + 20 * 7 + 10 * 2 + 10 * 1 + 20 * (2 + 3)


class Probe:
    """Notes the instruction count of each access; `act` runs in the callback of a write."""

    name, base, size = "probe", 0x40001000, 0x400

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.log: list[tuple[int, int]] = []
        self.act: Callable[[int], object] = lambda value: None
        machine.core.map_block(self)

    def read(self, offset: int, size: int) -> int:
        self.log.append((self.machine.core.instructions, self.machine.clock.cycles))
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        self.log.append((self.machine.core.instructions, self.machine.clock.cycles))
        self.act(value)

    def reset(self) -> None: ...


def test_without_it_there_is_no_core_and_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "_candidates", lambda count: {8, 16})
    counter.find_offset.cache_clear()
    with pytest.raises(RuntimeError, match=r"Unicorn 2\.1\.4 is known to work"):
        Machine("b .")


def test_every_kind_of_early_stop_is_counted_exactly() -> None:
    m = Machine(MIXED)
    Probe(m)
    m.core.on_execute(m.labels["end"], m.labels["end"], lambda address: None)
    assert m.core.run() is Stop.BREAK
    assert m.core.instructions == m.clock.cycles == MIXED_TOTAL
    assert m.pc == m.labels["end"]


def test_a_run_repeats_exactly_whatever_the_slices() -> None:
    logs = []
    for step in (MIXED_TOTAL, 1, 7):
        m = Machine(MIXED)
        probe = Probe(m)
        while m.clock.cycles < MIXED_TOTAL:
            m.core.run(cycles=step)
        entries = [(e.number, e.cycles, e.return_address) for e in m.core.exceptions_taken]
        logs.append((probe.log, entries, m.core.state()))
        assert m.core.instructions == m.clock.cycles
    # Slices may end up to three instructions late, in an IT block; nothing else may differ.
    assert logs[0][:2] == logs[1][:2] == logs[2][:2]


@pytest.mark.parametrize("k", [1, 2, 3, 10, 25])
def test_run_stops_after_exactly_k_instructions(k: int) -> None:
    m = Machine("\n".join(["add r0,#1"] * 30)).run(k)
    assert m.stop is Stop.BUDGET
    assert m.r(0) == m.core.instructions == k


def test_a_read_of_the_clock_in_a_callback_includes_the_access() -> None:
    m = Machine("ldr r3,=0x40001000; nop; nop; ldr r1,[r3]; str r1,[r3]; b .")
    probe = Probe(m)
    m.run(1000)
    assert probe.log == [(4, 4), (5, 5)]


STORES = {
    "str": "str r1,[r0]",
    "with write-back": "str r1,[r0],#4",
    "strd": "strd r1,r2,[r0]",
    "stm": "stmia r0!,{r1,r2}",
    "byte": "strb r1,[r0]",
}


@pytest.mark.parametrize("store", STORES)
def test_after_instruction_runs_between_this_one_and_the_next(store: str) -> None:
    m = Machine(
        f"ldr r0,=0x40001000; mov r1,#1; mov r2,#2; mov r4,#0\n{STORES[store]}\n"
        "next: add r4,#1\nb .",
    )
    probe = Probe(m)
    seen: list[tuple[int, int, int]] = []
    probe.act = lambda value: m.core.after_instruction(
        lambda: seen.append((m.pc, m.core.instructions, m.r(4)))
    )
    m.run(50)
    writes = 2 if store in ("strd", "stm") else 1
    assert seen == [(m.labels["next"], 5, 0)] * writes
    assert len(probe.log) == writes  # the store is not run twice
    assert m.r(4) == 1


def test_after_instruction_can_reset() -> None:
    m = Machine("""
        ldr r0,=0x20000100; ldr r1,[r0]; add r1,#1; str r1,[r0]
        cmp r1,#3
        beq done
        ldr r0,=0xE000ED0C; ldr r2,=0x05FA0004; str r2,[r0]
        mov r8,#99
done:   b .
    """).run(200)
    assert m.word(0x20000100) == 3
    assert m.r(8) == 0
    assert m.core.state().sp == STACK_TOP


def test_aircr_without_the_key_does_nothing() -> None:
    m = Machine("ldr r0,=0xE000ED0C; ldr r2,=0x00000704; str r2,[r0]; ldr r3,[r0]; b .").run(50)
    assert m.r(3) == 0xFA050000


def test_an_event_ends_the_slice_where_it_is_due() -> None:
    m = Machine("mov r0,#0\n1: add r0,#1\nb 1b")
    seen: list[tuple[int, int]] = []
    m.clock.after_cycles(101, lambda: seen.append((m.core.instructions, m.r(0))))
    m.run(1000)
    assert seen == [(101, 50)]


def test_an_event_made_in_a_callback_is_not_late() -> None:
    m = Machine("ldr r3,=0x40001000; str r1,[r3]\n1: add r0,#1\nb 1b")
    probe = Probe(m)
    seen: list[tuple[int, int]] = []
    probe.act = lambda value: m.clock.after_cycles(
        11, lambda: seen.append((m.core.instructions, m.r(0)))
    )
    m.run(1000)
    assert seen == [(13, 6)]


def test_a_change_of_the_clock_in_a_callback_counts_from_the_next_instruction() -> None:
    m = Machine("ldr r3,=0x40001000; str r1,[r3]; nop; nop; nop; nop; b .")
    probe = Probe(m)

    def faster(value: int) -> None:
        m.clock.hclk = 1_000_000_000

    probe.act = faster
    m.run(6)
    assert m.clock.now == 2 * 1000 // 16 + 4


def test_budget_in_nanoseconds() -> None:
    m = Machine("b .")
    assert m.core.run(until_ns=1_000_000) is Stop.BUDGET
    assert (m.clock.now, m.core.instructions) == (1_000_000, 16_000)
    assert m.core.run(until_ns=5) is Stop.BUDGET  # it is over already
    assert m.core.instructions == 16_000


def test_an_exception_in_a_callback_reaches_the_caller() -> None:
    m = Machine("ldr r3,=0x40001000; str r1,[r3]; b .")
    probe = Probe(m)

    def fail(value: int) -> None:
        raise KeyError("a bug in a block")

    probe.act = fail
    with pytest.raises(KeyError, match="a bug in a block"):
        m.run(50)
    assert m.core.instructions == m.clock.cycles == 2


def test_an_event_may_reset_the_core_at_once() -> None:
    m = Machine("nop\nsvc #0\nb .\n.thumb_func\nsvcall: bx lr")
    m.clock.after_cycles(2, lambda: m.core.reset(0))  # due as the SVC is executed
    m.run(3)
    assert (m.pc, m.taken) == (m.labels["start"] + 2, [])


def test_time_that_an_access_takes() -> None:
    m = Machine(
        """
        ldr r3,=0x40001000; ldr r2,[r3]
next:   add r4,#1
        b .
        .thumb_func
pendsv: mov r5,r4; bx lr
        """,
    )
    probe = Probe(m)
    due: list[int] = []

    def fire() -> None:
        due.append(m.clock.cycles)
        m.core.pend(14)

    def read(offset: int, size: int) -> int:
        m.clock.after_cycles(60, fire)
        m.core.wait(lambda: 100)
        return 0

    probe.read = read
    m.run(200)
    assert due == [2 + 60]
    (entry,) = m.core.exceptions_taken
    assert (entry.cycles, entry.return_address) == (2 + 100, m.labels["next"])
    assert (m.r(5), m.r(4)) == (0, 1)
    assert (m.clock.cycles, m.core.instructions) == (200, 100)


def test_a_wait_may_outlast_the_run() -> None:
    m = Machine("ldr r3,=0x40001000; ldr r2,[r3]; add r4,#1; b .")
    probe = Probe(m)
    probe.read = lambda offset, size: m.core.wait(lambda: 1000) or 0
    assert m.run(10).stop is Stop.BUDGET
    assert (m.clock.cycles, m.core.instructions, m.r(4)) == (1002, 2, 0)
