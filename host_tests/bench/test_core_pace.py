"""Words that a loop stores at an even pace are not asked about; nobody can tell (pace.py)."""

from __future__ import annotations

import pytest

from host_tests.bench.loops import ARRAY, ROUNDS, TICKS, Registers, machine, run, same
from host_tests.bench.thumb import Machine

NOW = "ldr r4,=0xE0001004; ldr r4,[r4]; add r11,r4"  # reads CYCCNT
COUNT = """
        ldr r4,=0xE000EDFC; mov r7,#1<<24; str r7,[r4]
        ldr r4,=0xE0001000; mov r7,#1; str r7,[r4]
"""
OFTEN = """
        ldr r4,=0xE000E010; mov r7,#20; str r7,[r4,#4]; str r7,[r4,#8]; mov r7,#7; str r7,[r4]
"""
EXTRAS = {
    "nothing": "",
    "a condition that never holds": "cmp r6,#0; it eq; addeq r5,#1",
    "a condition that holds now and then": "tst r6,#63; itt eq; addeq r5,#1; addeq r5,#2",
    "a condition that mostly holds": "tst r6,#63; it ne; addne r5,#1",
    "the last of a block": "tst r6,#63; it eq; beq 1f; nop; 1:",
    "a way round now and then": "tst r6,#63; bne 1f; add r5,#1; 1:",
    "polling": "tst r6,#63; ite eq; moveq r7,#3; movne r7,#1; 1: subs r7,#1; bne 1b",
    "polling that never waits": "mov r7,#1; nop; 1: subs r7,#1; bne 1b",
    "polling that waits now and then": "ubfx r7,r6,#5,#1; add r7,#1; 1: subs r7,#1; bne 1b",
    "the time": NOW,
}


@pytest.mark.parametrize("setup", ["", TICKS, OFTEN], ids=["", "interrupts", "many interrupts"])
@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_it_is_the_same_as_when_each_word_is_asked_about(extra: str, setup: str) -> None:
    paced, asked = run(COUNT + setup, extra=extra), run(COUNT + setup, extra=extra, rounds=False)
    for cycles in (1, 999, 40_000):
        assert same(paced[0], asked[0])
        assert paced[1].array.view == asked[1].array.view
        paced[0].core.run(cycles=cycles)
        asked[0].core.run(cycles=cycles)
    assert len(asked[1].asked) >= ROUNDS - 1


@pytest.mark.parametrize(
    "extra",
    ["nothing", "a condition that never holds", "polling that never waits", "the time"],
)
def test_few_words_are_asked_about(extra: str) -> None:
    _, registers = run(COUNT + TICKS, extra=EXTRAS[extra])
    assert len(registers.asked) < 100


def test_words_are_asked_about_where_there_is_no_room() -> None:
    m, registers = machine()
    used = 4 * (ROUNDS // 2)
    registers.array.store(used, 4, 0)
    m.run(120_000)
    assert ARRAY + used in registers.asked
    assert registers.array.load(used, 4) == ROUNDS // 2
    assert len(registers.asked) < ROUNDS // 2 + 100


def test_a_handler_may_store_words_too() -> None:
    handler = """
        ldr r2,=0x40023C10; ldr r12,[r2]; mov r3,#1; str r3,[r2]
        add r5,#1; ldr r3,=0x60003000; str r5,[r3]; str r12,[r2]
        bx lr
    """
    paced, asked = run(TICKS, handler=handler), run(TICKS, handler=handler, rounds=False)
    assert same(paced[0], asked[0])
    assert paced[1].array.view == asked[1].array.view
    assert 0x60003000 in paced[1].asked


def test_a_change_of_hclk_counts_from_the_next_word() -> None:
    def slower(*, rounds: bool) -> tuple[Machine, Registers]:
        m, registers = machine(TICKS, rounds=rounds)
        m.core.clock.after(1_000_000, lambda: setattr(m.core.clock, "hclk", 50_000_000))
        m.run(120_000)
        return m, registers

    paced, asked = slower(rounds=True), slower(rounds=False)
    assert same(paced[0], asked[0])
    assert len(paced[1].asked) < 100


def test_words_that_no_round_stored_before_are_found_out() -> None:
    odd = "cmp r6,#100; it eq; streq r6,[r1,#40]"
    with pytest.raises(RuntimeError, match="stored more words than in the rounds before"):
        run(extra=odd)
