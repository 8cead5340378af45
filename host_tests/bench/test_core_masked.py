"""What is pending and masked is taken right after the instruction that unmasks it, however long
the masked section was and whatever way the run loop went through it (`decode.py`, `traps.py`)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import Machine
from tools.bench.cpu import traps

PENDSV = 14

# r6 rounds of a loop with a store that ends the slice, while PendSV waits for BASEPRI.
LONG_SECTION = """
        ldr r4,=0xE000ED20; ldr r0,=0xF0F00000; str r0,[r4]   @ SysTick, PendSV: lowest priority
        mov r5,#0x60; msr basepri,r5
        ldr r4,=0xE000ED04; mov r0,#0x10000000; str r0,[r4]   @ ICSR.PENDSVSET
        ldr r6,={rounds}
again:  str r0,[r4]
        subs r6,#1
        bne again
        mov r5,#0
{unmask}
after:  mov r7,#1
        b .
        .thumb_func
pendsv: mov r8,#1
        bx lr
"""
UNMASK = {
    "msr": "msr basepri,r5",
    "msr in an IT block": "cmp r5,#0; itt eq; moveq r9,#1; msreq basepri,r5",
    "msr before the last of an IT block": "cmp r5,#0; itt eq; msreq basepri,r5; moveq r9,#1",
    "behind an IT block that is skipped": "cmp r5,#1; itt eq; moveq r0,#1; moveq r1,#1\n"
    "b over\nover: msr basepri,r5",
    "in a function in RAM": """
        ldr r0,=0x20000101; ldr r1,=code; ldr r2,[r1]; ldr r3,[r1,#4]
        ldr r1,=0x20000100; str r2,[r1]; str r3,[r1,#4]
        blx r0
        b after
        .align 2
code:   msr basepri,r5
        bx lr
        nop""",
}


@pytest.mark.parametrize("unmask", UNMASK.values(), ids=UNMASK)
@pytest.mark.parametrize("rounds", [10, 3000])
def test_taken_right_after_the_unmasking(unmask: str, rounds: int) -> None:
    m = Machine(LONG_SECTION.format(rounds=rounds, unmask=unmask)).run(60_000)
    (entry,) = m.core.exceptions_taken
    assert entry.number == PENDSV
    in_ram = "code:" in unmask
    assert entry.return_address == (0x20000104 if in_ram else m.labels["after"])
    assert m.r(7) == m.r(8) == 1


def count_arming(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets longer each time that hooks are placed."""
    armed: list[int] = []
    arm = traps.MaskTraps._arm

    def counted(self: traps.MaskTraps) -> bool:
        armed.append(1)
        return arm(self)

    monkeypatch.setattr(traps.MaskTraps, "_arm", counted)
    return armed


@pytest.mark.parametrize("unmask", UNMASK.values(), ids=UNMASK)
def test_with_and_without_traps_it_is_the_same(
    unmask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> tuple[int, list[tuple[int, int]]]:
        m = Machine(LONG_SECTION.format(rounds=3000, unmask=unmask)).run(60_000)
        return m.core.instructions, [(e.number, e.cycles) for e in m.core.exceptions_taken]

    armed = count_arming(monkeypatch)
    with_traps = run()
    assert armed
    monkeypatch.setattr(traps, "_PATIENCE", 1 << 60)
    assert run() == with_traps


# Code in RAM beside data that it changes: from 0x20000400 on `loop`, at 0x20000440 its counter.
BESIDE_DATA = """
        ldr r4,=0xE000ED20; ldr r0,=0xF0F00000; str r0,[r4]
        mov r5,#0x60; msr basepri,r5
        ldr r4,=0xE000ED04; mov r0,#0x10000000; str r0,[r4]
        ldr r1,=0x20000400; adr r2,loop; mov r3,#8
copy:   ldr r7,[r2],#4; str r7,[r1],#4; subs r3,#1; bne copy
        ldr r6,=3000; ldr r1,=0x20000440; ldr r8,=0x20000401
again:  str r0,[r4]
        blx r8
        subs r6,#1
        bne again
        mov r5,#0; msr basepri,r5
after:  b .
        .align 2
loop:   ldr r7,[r1]; add r7,#1; str r7,[r1]
        bx lr
        nop; nop; nop; nop; nop; nop; nop; nop
        .thumb_func
pendsv: bx lr
"""


def test_data_beside_code_in_ram_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    armed = count_arming(monkeypatch)
    m = Machine(BESIDE_DATA).run(80_000)
    (entry,) = m.core.exceptions_taken
    assert entry.return_address == m.labels["after"]
    assert len(armed) == 1


# While masked the program stores `msr basepri,r5; bx lr` where flash is erased, and goes there.
PROGRAMMED = """
        ldr r4,=0xE000ED20; ldr r0,=0xF0F00000; str r0,[r4]
        mov r5,#0x60; msr basepri,r5
        ldr r4,=0xE000ED04; mov r0,#0x10000000; str r0,[r4]
        ldr r6,=3000
again:  str r0,[r4]
        subs r6,#1
        bne again
        mov r5,#0
        ldr r1,=0x08008000; {stores}
        orr r1,#1
        blx r1
        b .
        .align 2
code:   msr basepri,r5
        bx lr
        nop
        .thumb_func
pendsv: bx lr
"""
STORES = {
    "words": "ldr r2,code; str r2,[r1]; ldr r2,code+4; str r2,[r1,#4]",
    "halfwords": "ldr r2,=code; ldr r3,=0x08008000; mov r7,#4\n"
    "2: ldrh r12,[r2],#2; strh r12,[r3],#2; subs r7,#1; bne 2b",
    "backwards": "ldr r2,code+4; str r2,[r1,#4]; ldr r2,code; str r2,[r1]",
}


@pytest.mark.parametrize("stores", STORES.values(), ids=STORES)
def test_what_was_just_programmed_into_flash_unmasks(stores: str) -> None:
    m = Machine(PROGRAMMED.format(stores=stores))
    m.erase_for_programming(0x8000)
    m.run(30_000)
    (entry,) = m.core.exceptions_taken
    assert entry.return_address == 0x08008004
