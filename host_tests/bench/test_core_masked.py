"""What is pending and masked is taken right after the instruction that unmasks it, or soon after
it where the masked section is a long one (`cpu/runner.py`)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import Machine
from tools.bench.cpu.runner import COARSE

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
def test_taken_right_after_the_unmasking(unmask: str) -> None:
    m = Machine(LONG_SECTION.format(rounds=1000, unmask=unmask)).run(60_000)
    (entry,) = m.core.exceptions_taken
    assert entry.number == PENDSV
    in_ram = "code:" in unmask
    assert entry.return_address == (0x20000104 if in_ram else m.labels["after"])
    assert m.r(7) == m.r(8) == 1


# Twice PendSV waits for PRIMASK: r6 rounds of a loop, then two instructions.
LONG_AND_SHORT = """
        ldr r4,=0xE000ED04; mov r0,#0x10000000
        cpsid i; str r0,[r4]
        ldr r6,=30000
1:      subs r6,#1
        bne 1b
        cpsie i
long:   ldr r6,=2000
1:      subs r6,#1
        bne 1b
        cpsid i; str r0,[r4]; nop; cpsie i
short:  b .
        .thumb_func
pendsv: bx lr
"""


def test_after_a_long_section_it_is_taken_soon_and_exactly_after_a_short_one() -> None:
    m = Machine(LONG_AND_SHORT).run(80_000)
    long, short = m.core.exceptions_taken
    unmasked = 6 + 2 * 30_000
    assert unmasked <= long.cycles <= unmasked + COARSE
    assert short.return_address == m.labels["short"]


# While masked the program stores `msr basepri,r5; bx lr` where flash is erased, and goes there.
PROGRAMMED = """
        ldr r4,=0xE000ED20; ldr r0,=0xF0F00000; str r0,[r4]
        mov r5,#0x60; msr basepri,r5
        ldr r4,=0xE000ED04; mov r0,#0x10000000; str r0,[r4]
        ldr r6,=1000
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
