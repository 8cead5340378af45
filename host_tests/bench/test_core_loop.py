"""A loop that writes one register again and again is let go, and nobody can tell (loop.py)."""

from __future__ import annotations

import pytest

from host_tests.bench.loops import ARRAY, CR, ROUNDS, STATUS, TICKS, machine, run
from host_tests.bench.thumb import Machine
from tools.bench.cpu import decode
from tools.bench.cpu.loop import Loop


def test_the_loop_is_let_go_and_what_comes_after_is_not() -> None:
    _, registers = run()
    assert len(registers.written) < 50  # of 4,000
    assert registers.other() == [(4, 0)]
    assert registers.image.load(CR, 4) == 0
    assert registers.array.load(4 * ROUNDS - 4, 4) == 1


@pytest.mark.parametrize("setup", ["", TICKS], ids=["", "interrupts"])
def test_it_is_the_same_as_when_it_is_asked_each_time(setup: str) -> None:
    free, asked = run(setup), run(setup, rounds=False)
    assert len(asked[1].written) >= 2 * ROUNDS
    assert len(free[1].written) < 500
    assert free[1].other() == asked[1].other()
    assert free[1].array.view == asked[1].array.view
    for m, _ in free, asked:
        m.core.run(until_ns=10_000_000)
    assert free[0].core.instructions == asked[0].core.instructions
    assert list(free[0].core.exceptions_taken) == list(asked[0].core.exceptions_taken)
    assert free[0].core.state() == asked[0].core.state()


def test_a_handler_is_asked() -> None:
    m, registers = run(TICKS)
    assert m.r(5) > 30
    assert [value for offset, value in registers.written if offset == 8] == list(
        range(1, m.r(5) + 1)
    )


def test_a_way_that_was_not_taken_before_is_asked() -> None:
    rare = "tst r6,#0xFF; bne 1f; str r6,[r0,#0x20]; 1:"
    _, registers = run(extra=rare)
    assert registers.other() == [(0x20, n) for n in range(0x700, 0, -0x100)] + [(4, 0)]
    assert len(registers.written) < 500


def test_a_loop_that_goes_where_a_register_says_is_not_let_go() -> None:
    _, registers = run(call="blx r8")
    assert len(registers.written) == 2 * ROUNDS + 1


def test_a_branch_in_an_it_block_that_was_always_taken_before_may_fail() -> None:
    rare = "tst r6,#0xFF; it ne; bne 1f; str r6,[r0,#0x20]; 1:"
    _, registers = run(extra=rare)
    assert registers.other() == [(0x20, n) for n in range(0x700, 0, -0x100)] + [(4, 0)]


def test_a_loop_that_may_return_is_not_let_go() -> None:
    then = """
        ldr r6,=1000; bl loop; str r6,[r0,#0x10]; str r6,[r0,#0x20]; b after
loop:   mov r10,lr; 1: bl word; mov lr,r10; subs r6,#1; it eq; bxeq lr; b 1b
    """
    free, asked = run(then=then, count=1), run(then=then, count=1, rounds=False)
    assert free[1].written == asked[1].written


def test_what_is_called_from_elsewhere_is_not_let_go() -> None:
    then = "mov r7,#60; 1: bl word; str r7,[r0,#0x20]; subs r7,#1; bne 1b"
    _, registers = run(then=then)
    assert registers.other() == [(0x20, n) for n in range(60, 0, -1)] + [(4, 0)]


def test_a_second_loop_over_the_same_function_is_let_go_by_itself() -> None:
    then = "ldr r6,=2000; 1: bl word; subs r6,#1; bne 1b"
    free, asked = run(then=then), run(then=then, rounds=False)
    assert free[1].array.view == asked[1].array.view
    assert (free[0].clock.cycles, free[0].core.state()) == (
        asked[0].clock.cycles,
        asked[0].core.state(),
    )


def test_a_store_that_goes_elsewhere_is_found_out() -> None:
    with pytest.raises(RuntimeError, match="let a loop go that wrote 0x40023c14"):
        run(extra="cmp r6,#100; it eq; addeq r0,#4; str r4,[r0,#0x10]; it eq; subeq r0,#4")


def test_another_register_that_changes_meanwhile_is_not_held_against_it() -> None:
    m, registers = machine(TICKS)
    registers.failing = ROUNDS // 2
    registers.end = ARRAY + 4 * (ROUNDS // 2)
    m.run(120_000)
    assert registers.image.load(STATUS, 4) == 1
    assert registers.image.load(8, 4) == m.r(5) > 30
    assert len(registers.written) < 500


def test_code_that_has_changed_is_learned_anew() -> None:
    m, registers = machine(extra="nop.w", count=100_000)
    m.run(2_000)
    assert m.core.loop.free
    m.core.show(registers, None, registers.on_write)
    m.core.show(registers, registers.image, registers.on_write)
    offset = bytes(m.flash.view).index(b"\xaf\xf3\x00\x80")
    m.flash.write(offset, b"\x06\x62\x00\xbf")  # str r6,[r0,#0x20]; nop
    m.run(3_000)
    stored = registers.other()
    assert len(stored) > 100
    assert stored == [(0x20, stored[0][1] - n) for n in range(len(stored))]


def test_a_reset_ends_it() -> None:
    m, registers = machine(count=100_000)
    m.run(2_000)
    assert m.core.loop.free
    m.core.reset(0)
    assert not m.core.loop.free
    before = len(registers.written)
    m.run(100)
    assert len(registers.written) > before


# Each instruction, and where it can lead to: labels; `after` it; None: where a register says.
BRANCHES: list[tuple[str, set[str] | None]] = [
    ("nop", {"after"}),
    ("b far", {"far"}),
    ("b.w near", {"near"}),
    ("beq near", {"near", "after"}),
    ("bne.w far", {"far", "after"}),
    ("bl far", {"far", "after"}),
    ("bl near", {"near", "after"}),
    ("cbz r0,far", {"far", "after"}),
    ("cbnz r7,far", {"far", "after"}),
    ("bx lr", {"after"}),
    ("pop {r4,pc}", {"after"}),
    ("pop {r4,r8,pc}", {"after"}),
    ("ldr pc,[sp],#4", {"after"}),
    ("ldr.w pc,literal", {"near", "after"}),
    ("msr basepri,r0", {"after"}),
    ("dsb", {"after"}),
    ("str r0,[r1]", {"after"}),
    ("bx r0", None),
    ("blx r3", None),
    ("mov pc,r2", None),
    ("add pc,r2", None),
    ("ldr pc,[r0,#4]", None),
    ("ldr pc,[sp,#4]", None),
    ("ldm r0,{r1,pc}", None),
    ("tbb [pc,r0]", None),
    ("tbh [pc,r0,lsl #1]", None),
    ("svc #1", None),
]


@pytest.mark.parametrize(("instruction", "leads"), BRANCHES, ids=[text for text, _ in BRANCHES])
def test_where_a_block_of_code_leads(instruction: str, leads: set[str] | None) -> None:
    m = Machine(f"""
near:   nop
        b block
        .align 2
literal: .word near+1
block:  mov r1,#1; ldr.w r2,[r3,#4]
        {instruction}
after:  nop; nop
far:    nop
    """)
    begin, end = m.labels["block"], m.labels["after"]
    found = decode.targets(m.core.bus.code(begin, end - begin), begin, m.core.bus.load)
    assert found == (None if leads is None else {m.labels[name] for name in leads})


def test_only_so_many_rounds_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    note = Loop._note

    def count(self: Loop, address: int, size: int) -> None:
        seen.append(address)
        note(self, address, size)

    monkeypatch.setattr(Loop, "_note", count)
    run()
    assert 0 < len(seen) < 100
