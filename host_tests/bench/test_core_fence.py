"""Code that is kept out of is told of, whatever the program does elsewhere (fence.py)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import FLASH, RAM, Machine
from tools.bench.cpu.engine import Engine, Switch

FAR = FLASH + 0x1000
TICKS = "ldr r4,=0xE000E010; mov r7,#199; str r7,[r4,#4]; str r7,[r4,#8]; mov r7,#7; str r7,[r4]"
LINES = "; ".join(f"cmp r5,#1; beq.w 1f; add r9,#{n % 200}" for n in range(300))
WAIT = "ldr r6,=500; 1: subs r6,#1; bne 1b"

#: (the program, what else is near, what is far)
PROGRAMS = {
    "waits and leaves": (f"{WAIT}; bl far", "", "far: nop; b .+4; nop; bx lr"),
    "calls the same twice in a round": (
        "ldr r6,=500; 1: bl near; nop; bl near; subs r6,#1; bne 1b; bl far",
        "near: push {r4,lr}; cmp r6,#3; beq 2f; pop {r4,pc}; 2: bl far; pop {r4,pc}",
        "far: bx lr",
    ),
    "leaves now and then by a branch": (
        "ldr r6,=500; 1: tst r6,#63; beq.w far; back: subs r6,#1; bne 1b",
        "",
        "far: add r5,#1; b.w back",
    ),
    "leaves by a branch in an it block": (
        "ldr r6,=500; 1: tst r6,#63; it eq; beq.w far; back: subs r6,#1; bne 1b",
        "",
        "far: add r5,#1; b.w back",
    ),
    "calls through a register": (
        "ldr r6,=500; ldr r3,=near+1; ldr r2,=far+1\n"
        "1: cmp r6,#9; it eq; moveq r3,r2; blx r3; subs r6,#1; bne 1b",
        "near: bx lr",
        "far: bx lr",
    ),
    "calls through a register and comes back by itself": (
        "ldr r6,=500; ldr r3,=near+1; ldr r2,=far+1\n"
        "1: cmp r6,#9; it eq; moveq r3,r2; blx r3; near: subs r6,#1; bne 1b",
        "",
        "far: mov r3,#0; b.w near",
    ),
    "may return there in each round": (
        "ldr lr,=far+1; b near",
        "near: ldr r6,=500; 1: subs r6,#1; it eq; bxeq lr; b 1b",
        "far: add r5,#1; b.w done",
    ),
    "returns there": (
        "ldr lr,=far+1; b near",
        f"near: {WAIT}; bx lr",
        "far: add r5,#1; b.w done",
    ),
    "returns from the same function to another place": (
        f"bl near; ldr lr,=far+1; b near; near: {WAIT}; bx lr",
        "",
        "far: add r5,#1; b.w done",
    ),
    "never comes to rest": (
        f"{LINES}; 1: bl far",
        "",
        "far: bx lr",
    ),
    "never comes to rest, with a handler there": (
        f"{TICKS.replace('199', '40')}; {LINES}; 1: bl far; b start",
        "",
        "systick: add r5,#0; bx lr\n.thumb_func\nfar: bx lr",
    ),
    "is there at once": ("bl far; b .-4", "", "far: mov r6,#3; cbz r6,1f; nop; 1: bx lr"),
    "goes deeper each time": (
        "ldr r6,=300; 1: push {r6}; subs r6,#1; bne 1b; bl far",
        "",
        "far: bx lr",
    ),
    "has a handler there": (f"{TICKS}; b .", "", "systick: add r5,#1; bx lr"),
    "has a handler that returns there": (
        f"{TICKS}; b .",
        "systick: add r5,#1; cmp r5,#20; it eq; ldreq r2,=far; it eq; streq r2,[sp,#24]; bx lr",
        "far: add r8,#1; b.w done",
    ),
    "has a handler that waits": (
        f"{TICKS}; b .",
        "systick: add r5,#1; mov r2,#20; 1: subs r2,#1; bne 1b; cmp r5,#5; beq.w far; bx lr",
        "far: bx lr",
    ),
    "sleeps": (
        f"{TICKS}; 1: wfi; cmp r5,#7; bne 1b; bl far",
        "systick: add r5,#1; bx lr",
        "far: bx lr",
    ),
}


class ThreadMode:
    """On unless a handler is under way."""

    def __init__(self, machine: Machine) -> None:
        self._core = machine.core

    @property
    def on(self) -> bool:
        return not self._core.handlers


def load(program: str, near: str, far: str) -> Machine:
    return Machine(f"""
        {program}
done:   b .
        .ltorg
        .thumb_func
        {near}
        .ltorg
        .balign 0x1000
        .thumb_func
        {far}
    """)


def tells(name: str, *, fence: bool, thread_mode: bool) -> tuple[Machine, list[tuple[int, int]]]:
    """The addresses that were told, and the instructions by then."""
    m = load(*PROGRAMS[name])
    seen: list[tuple[int, int]] = []
    switch = ThreadMode(m) if thread_mode else Switch(on=True)

    def tell(address: int) -> None:
        assert m.pc == address
        seen.append((address, m.core.instructions))

    if fence:
        m.core.keep_out([(FAR, FAR + 0xFFF)], tell, switch)()  # the first one is taken down
        m.core.keep_out([(FAR, FAR + 0xFFF)], tell, switch)
    else:
        m.core.on_execute(FAR, FAR + 0xFFF, tell, switch)
    while m.clock.cycles < 20_000:
        m.core.run(cycles=20_000 - m.clock.cycles)
    return m, seen


@pytest.mark.parametrize("thread_mode", [False, True], ids=["always", "in thread mode"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_tells_what_a_watch_tells(name: str, thread_mode: bool) -> None:
    fenced, told = tells(name, fence=True, thread_mode=thread_mode)
    watched, seen = tells(name, fence=False, thread_mode=thread_mode)
    assert told == seen
    assert told or (name in ("has a handler there", "has a handler that waits") and thread_mode)
    assert fenced.core.state() == watched.core.state()
    assert fenced.core.instructions == watched.core.instructions
    assert list(fenced.core.exceptions_taken) == list(watched.core.exceptions_taken)


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Translations of all code, and steps from branch to branch."""
    counts = {"flushes": 0, "steps": 0}
    flush, step = Engine._flush, Engine._step

    def flushing(self: Engine) -> None:
        counts["flushes"] += 1
        flush(self)

    def stepping(self: Engine, begin: int, count: int):
        counts["steps"] += 1
        return step(self, begin, count)

    monkeypatch.setattr(Engine, "_flush", flushing)
    monkeypatch.setattr(Engine, "_step", stepping)
    return counts


@pytest.mark.parametrize(
    ("program", "near"),
    [
        ("1: b 1b", ""),
        ("ldr r6,=100000; 1: bl near; nop; bl near; subs r6,#1; bne 1b", "near: bx lr"),
        (f"{TICKS}; b .", "systick: add r5,#1; bx lr"),
    ],
    ids=["loop", "calls", "interrupts"],
)
def test_a_loop_costs_next_to_nothing(program: str, near: str, costs: dict[str, int]) -> None:
    m = load(program, near, "far: bx lr")
    m.run(1000)
    interrupts = len(m.taken)
    costs.update(flushes=0, steps=0)
    for _ in range(10):
        take_down = m.core.keep_out([(FAR, FAR + 0xFFF)], lambda address: None, ThreadMode(m))
        m.run(2000)
        take_down()
        m.run(1)
    assert costs["flushes"] == 0
    assert costs["steps"] < 500 + 4 * (len(m.taken) - interrupts)


def test_what_never_comes_to_rest_is_watched_at_full_speed(costs: dict[str, int]) -> None:
    m = load(f"2: {LINES}; 1: b 2b", "", "far: bx lr")
    m.core.keep_out([(FAR, FAR + 0xFFF)], lambda address: None, Switch(on=True))
    m.run(20_000)
    assert costs["flushes"] == 1
    assert costs["steps"] < 300


def test_it_is_over_when_it_is_taken_down() -> None:
    for cycles in (1, 10, 1400, 1600):
        m = load(f"{WAIT}; bl far; b .", "", "far: bx lr")
        seen: list[int] = []
        take_down = m.core.keep_out([(FAR, FAR + 0xFFF)], seen.append, Switch(on=True))
        m.run(cycles)
        before = list(seen)
        take_down()
        m.run(3000)
        assert seen == before
        assert m.pc < FAR


def test_a_reset_may_come_first() -> None:
    m = load(f"{WAIT}; bl far", "", "far: bx lr")
    seen: list[int] = []
    take_down = m.core.keep_out([(FAR, FAR + 0xFFF)], seen.append, Switch(on=True))
    m.run(3)
    m.core.reset(FLASH)
    take_down()
    m.core.keep_out([(FAR, FAR + 0xFFF)], seen.append, Switch(on=True))
    m.run(3000)
    assert seen == [m.labels["far"]]


def test_code_in_ram_that_changes_is_learned_anew() -> None:
    m = load("mov r6,#100; ldr r0,=0x20000101; bx r0", "", "far: bx lr")
    seen: list[int] = []
    m.core.bus.store_words(RAM + 0x100, [0xE7FE])  # b .
    for _ in range(2):
        take_down = m.core.keep_out([(FAR, FAR + 0xFFF)], seen.append, Switch(on=True))
        m.run(500)
        take_down()
        # 1: subs r6,#1; bne 1b; ldr pc,[pc,#0]
        m.core.bus.store_words(RAM + 0x100, [0xD1FD3E01, 0xF000F8DF, FAR + 1])
    assert seen[:1] == [FAR]
