"""Handlers that write nothing of what a loop writes are not asked; nobody can tell (tame.py)."""

from __future__ import annotations

import pytest

from host_tests.bench.loops import CR, ROUNDS, TICKS, Registers, machine, run, same
from host_tests.bench.thumb import FLASH, RAM, Machine
from tools.bench.cpu.engine import Engine

# All of them count in r5, which is in no frame. `leaf` and `poke` are for the loop as well.
COUNTS = "add r5,#1; bx lr"
NOW_AND_THEN = "add r5,#1; tst r5,#15; bne 1f; {then}; 1: bx lr"
TABLE = """
        add r5,#1; ldr r2,=table; and r3,r5,#{mask}; ldr r3,[r2,r3,lsl #2]
        push {{r4,lr}}; blx r3; pop {{r4,pc}}
        nop
        .thumb_func
one:    bx lr
        nop
        .thumb_func
two:    ldr r2,=0x20000100; str r5,[r2]; bx lr
        nop
        .thumb_func
writes: ldr r2,=0x40023C08; str r5,[r2]; bx lr
        .align 2
table:  .word {table}
"""
AWAY = """
        add r5,#1; ldr r2,[sp,#24]; orr r12,r2,#1; ldr r3,=0x20000100; str r12,[r3]
        tst r5,#15; it eq; ldreq r2,=away; str r2,[sp,#24]
        bx lr
        nop
        .thumb_func
away:   str r6,[r0,#0x20]; ldr r12,=0x20000100; ldr pc,[r12]
"""
LOOPS = """
        push {r1,r4,r6,lr}; add r5,#1; tst r5,#15; bne 2f
        ldr r2,=0x40023C10; ldr r12,[r2]; push {r2,r12}
        ldr r1,=0x60003000; mov r6,#40
1:      bl word; subs r6,#1; bne 1b
        pop {r2,r12}; str r12,[r2]
2:      pop {r1,r4,r6,pc}
"""
PENDS = """
        add r5,#1; ldr r2,=ICSR; mov r3,#1<<28; str r3,[r2]; bx lr
        .thumb_func
pendsv: add r10,#1; tst r10,#31; bne 1f; ldr r2,=0x40023C0C; str r10,[r2]; 1: bx lr
"""
NESTED = """
        add r5,#1; ldr r2,=0xE000E280; tst r5,#15; ite eq; moveq r3,#1; movne r3,#0
        str r3,[r2,#-128]; bx lr
        nop
        .thumb_func
irq0:   {then} add r10,#1; ldr r2,=0x40023C0C; str r10,[r2]; bx lr
"""
NESTING = """
        ldr r4,=0xE000E100; mov r7,#1; str r7,[r4]; ldr r4,=0xE000ED20; ldr r7,=0x80000000
        str r7,[r4]
"""
CALLS_LEAF = "push {r4,lr}; add r5,#1; bl leaf; pop {r4,pc}; leaf: add r9,#1; bx lr"
SOMETIMES_POKES = """
        add r5,#1; mov r3,r5; ldr r2,=0x40023C08; tst r5,#15; beq poke
        bx lr
        nop
poke:   str r3,[r2]; bx lr
"""
POKED = "push {r2,r3}; ldr r2,=0x20000200; mov r3,#1; bl poke; pop {r2,r3}"

#: (handler, what else the loop does)
HANDLERS = {
    "counts": (COUNTS, ""),
    "stores in RAM": ("add r5,#1; ldr r2,=0x20000100; str r5,[r2]; bx lr", ""),
    "writes a register": ("add r5,#1; ldr r2,=0x40023C08; str r5,[r2]; bx lr", ""),
    "writes a register now and then": (
        NOW_AND_THEN.format(then="ldr r2,=0x40023C08; str r5,[r2]"),
        "",
    ),
    "stores a word now and then": (
        NOW_AND_THEN.format(
            then="ldr r2,=0x40023C10; ldr r12,[r2]; mov r3,#1; str r3,[r2]; "
            "ldr r3,=0x60003000; str r5,[r3]; str r12,[r2]"
        ),
        "",
    ),
    "calls through a register": (TABLE.format(mask=1, table="one+1, two+1"), ""),
    "calls through a register what writes": (
        TABLE.format(mask=7, table="one, two, one, two, one, two, one, writes"),
        "",
    ),
    "calls what the loop calls": (CALLS_LEAF, "bl leaf"),
    "calls now and then what the loop calls": (SOMETIMES_POKES, POKED),
    "a condition that holds now and then": ("add r5,#1; tst r5,#7; it eq; addeq r9,#1; bx lr", ""),
    "returns elsewhere now and then": (AWAY, ""),
    "pends another": (PENDS, ""),
    "is interrupted": (NESTED.format(then=""), ""),
    "is interrupted by one that waits": (NESTED.format(then="nop; b 1f; nop; 1:"), ""),
    "does the same": (LOOPS, ""),
}


@pytest.mark.parametrize("setup", [TICKS, TICKS.replace("499", "67")], ids=["ticks", "fast ticks"])
@pytest.mark.parametrize(("handler", "extra"), HANDLERS.values(), ids=HANDLERS)
def test_it_is_the_same_as_when_each_store_is_asked_about(
    handler: str, extra: str, setup: str
) -> None:
    free, asked = (
        run(setup + NESTING, extra=extra, handler=handler, rounds=rounds)
        for rounds in (True, False)
    )
    for cycles in (1, 999, 40_000):
        assert same(free[0], asked[0])
        assert free[1].array.view == asked[1].array.view
        assert free[1].image.view == asked[1].image.view
        free[0].core.run(cycles=cycles)
        asked[0].core.run(cycles=cycles)
    assert free[1].other() == asked[1].other()
    assert len(asked[1].written) >= 2 * ROUNDS
    assert asked[0].r(5) > 60


def test_one_may_go_round_the_same_loop() -> None:
    then = """
        ldr r6,=2000; bl loop; b after
loop:   push {r7,lr}; 1: bl word; subs r6,#1; bne 1b; pop {r7,pc}
    """
    handler = LOOPS.replace("1:      bl word; subs r6,#1; bne 1b", "bl loop")
    free, asked = (
        run(TICKS, handler=handler, count=1, then=then, rounds=rounds) for rounds in (True, False)
    )
    assert same(free[0], asked[0])
    assert free[1].array.view == asked[1].array.view
    assert len(free[1].written) < len(asked[1].written) // 2


@pytest.fixture
def protects(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Addresses whose rights were changed."""
    seen: list[int] = []
    protect = Engine.protect

    def note(
        self: Engine, base: int, size: int, *, writable: bool, executable: bool = False
    ) -> None:
        seen.append(base)
        protect(self, base, size, writable=writable, executable=executable)

    monkeypatch.setattr(Engine, "protect", note)
    return seen


def let_go(handler: str, extra: str = "") -> tuple[Machine, Registers]:
    """A loop that has often been been interrupted by a handler."""
    m, registers = machine(TICKS, extra=extra, handler=handler, count=100_000)
    m.run(39_900)
    assert m.core.loop.free and m.r(5) > 70
    return m, registers


@pytest.mark.parametrize(
    "name",
    [
        *("counts", "stores in RAM", "calls through a register", "calls what the loop calls"),
        "a condition that holds now and then",
    ],
)
def test_a_tame_handler_costs_nothing(name: str, protects: list[int]) -> None:
    m, registers = let_go(*HANDLERS[name])
    protects.clear()
    written = len(registers.written)
    m.run(39_900)
    assert m.r(5) > 140
    assert len(registers.written) == written
    assert not protects


def test_one_that_writes_is_asked_each_time(protects: list[int]) -> None:
    m, registers = let_go(HANDLERS["writes a register"][0])
    protects.clear()
    before, count = len(registers.other()), m.r(5)
    m.run(39_900)
    assert len(registers.other()) - before == m.r(5) - count > 70
    assert len(protects) > 140


def test_one_whose_code_has_changed_is_learned_anew() -> None:
    m, registers = let_go("nop.w; add r5,#1; bx lr")
    assert not registers.other()
    m.flash.write(
        m.labels["systick"] - FLASH, bytes.fromhex("0562 00bf")
    )  # str r5,[r0,#0x20]; nop
    before = m.r(5)
    m.run(39_900)
    assert [value for _, value in registers.other()] == list(range(before, m.r(5)))


def test_one_in_ram_that_the_program_changes_is_learned_anew() -> None:
    setup = "ldr r4,=0x20000300; ldr r7,=0x47703501; str r7,[r4]"  # adds r5,#1; bx lr
    handler = "ldr pc,=0x20000301"
    m, registers = machine(setup + TICKS, handler=handler, count=100_000)
    m.run(39_900)
    assert m.core.loop.free and m.r(5) > 70
    m.core.bus.store_words(RAM + 0x300, [0x35016205, 0x4770])  # str r5,[r0,#0x20]; adds r5,#1
    before = m.r(5)
    m.run(39_900)
    assert [value for _, value in registers.other()] == list(range(before, m.r(5)))


def test_a_reset_in_a_handler_ends_it() -> None:
    m, registers = let_go("add r5,#1; 1: nop; nop; nop; subs r2,#1; cmp r2,#0; bx lr")
    while not m.core.handlers:
        m.run(1)
    assert m.core.loop.free
    m.core.reset(0)
    assert not m.core.loop.free
    before = len(registers.written)
    m.run(100)
    assert (CR, 1) in registers.written[before:]
