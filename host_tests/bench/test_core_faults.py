"""Faults, their status registers, and escalation (DDI 0403E B1.5.14, B1.5.15)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import RAM, STACK_TOP, Machine
from tools.bench.core import BusError, Stop

ALL_FAULTS = "ldr r0,=SHCSR; ldr r1,=7<<16; str r1,[r0]; mov r1,#1; mov r2,#2"
REPORT = """
        .thumb_func
memmanage: .thumb_func
busfault: .thumb_func
usagefault: .thumb_func
hardfault: mrs r8, ipsr
        ldr r0,=0xE000ED28; ldr r9,[r0]; ldr r10,[r0,#4]; ldr r11,[r0,#12]; ldr r12,[r0,#16]
        ldr r7,[sp,#24]
        b .
"""
IACCVIOL, DACCVIOL, MMARVALID = 1 << 0, 1 << 1, 1 << 7
IBUSERR, PRECISERR, BFARVALID = 1 << 8, 1 << 9, 1 << 15
UNDEFINSTR, INVSTATE, NOCP, UNALIGNED = 1 << 16, 1 << 17, 1 << 19, 1 << 24

CASES = {
    "undefined": ("bad: udf #0", 6, UNDEFINSTR, None),
    "undefined wide": ("bad: .short 0xF7F0, 0xA000", 6, UNDEFINSTR, None),
    "coprocessor": ("bad: mrc p3, 0, r0, c0, c0, 0", 6, NOCP, None),
    "even branch": ("ldr r0,=0x08000100; bx r0", 6, INVSTATE, None),
    "read": ("ldr r0,=0x60000000\nbad: ldr r1,[r0,#8]!", 5, PRECISERR, 0x60000008),
    "write": ("ldr r0,=0x60000000\nbad: str r1,[r0],#4", 5, PRECISERR, 0x60000000),
    "write to flash": ("ldr r0,=0x08001000\nbad: str r1,[r0]", 5, PRECISERR, 0x08001000),
    "peripheral hole": ("ldr r0,=0x40000000\nbad: ldrb r1,[r0,#1]", 5, PRECISERR, 0x40000001),
    "unaligned": ("ldr r0,=0x20000101\nbad: ldrex r1,[r0]", 6, UNALIGNED, None),
    "fetch": ("ldr r0,=0x60000001; bx r0", 5, IBUSERR, None),
    "execute a peripheral": ("ldr r0,=0x40000001; bx r0", 4, IACCVIOL, None),
    "execute a device": ("ldr r0,=0xA0000001; bx r0", 4, IACCVIOL, None),
    "execute the system": ("ldr r0,=0xE000E001; bx r0", 4, IACCVIOL, None),
}


@pytest.mark.parametrize("case", CASES)
def test_fault(case: str) -> None:
    code, number, flag, address = CASES[case]
    m = Machine(f"{ALL_FAULTS}\n{code}\nb .{REPORT}").run(100)
    valid = BFARVALID if address is not None else 0
    assert (m.r(8), m.r(9), m.r(10)) == (number, flag | valid, 0)
    if address is not None:
        assert m.r(12) == address
        assert f"{address:#010x}" in m.core.faults[0]
    if "bad" in m.labels:
        assert m.r(7) == m.labels["bad"]
        assert f"the code at {m.labels['bad']:#010x}" in m.core.faults[0]
    assert len(m.core.faults) == 1


@pytest.mark.parametrize("case", CASES)
def test_without_its_enable_a_fault_is_a_hard_fault(case: str) -> None:
    code, _, flag, address = CASES[case]
    m = Machine(f"mov r1,#1\n{code}\nb .{REPORT}").run(100)
    valid = BFARVALID if address is not None else 0
    assert (m.r(8), m.r(9), m.r(10)) == (3, flag | valid, 1 << 30)


def test_a_faulting_access_changes_no_register() -> None:
    m = Machine(f"""
        {ALL_FAULTS}
        ldr r0,=0x60000000; mov r3,#3
        ldmia r0!, {{r1, r3}}
        .thumb_func
busfault: b .
    """).run(60)
    assert m.core.state().r[:4] == (0x60000000, 1, 2, 3)


class Refusing:
    """A block that refuses what is not word 0."""

    name, base, size = "refusing", 0x40001000, 0x20

    def read(self, offset: int, size: int) -> int:
        if offset:
            raise BusError("no")
        return 0x1234

    def write(self, offset: int, size: int, value: int) -> None:
        raise BusError("no")

    def reset(self) -> None: ...


@pytest.mark.parametrize(
    ("access", "address"),
    [
        ("ldr r1,[r0,#4]!", 0x40001004),
        ("str r1,[r0],#4", 0x40001000),
        ("ldrd r1,r2,[r0]", 0x40001004),
        ("stmia r0!,{r1,r2}", 0x40001000),
        ("ldr r1,[r0,#0x20]", 0x40001020),
    ],
)
def test_an_access_that_a_block_refuses_is_undone(access: str, address: int) -> None:
    m = Machine(f"{ALL_FAULTS}; ldr r0,=0x40001000; nop\nbad: {access}\nb .{REPORT}")
    m.core.map_block(Refusing())
    m.run(100)
    assert (m.r(8), m.r(9), m.r(12)) == (5, PRECISERR | BFARVALID, address)
    assert m.r(7) == m.labels["bad"]
    frame = STACK_TOP - 0x20
    assert m.word(frame) == 0x40001000  # r0 has no write-back
    assert (m.word(frame + 4), m.word(frame + 8)) in ((1, 2), (0x1234, 2))


def test_fault_handler_can_skip_the_instruction_and_go_on() -> None:
    m = Machine(f"""
        {ALL_FAULTS}
        ldr r0,=0x60000000
        ldr r1,[r0]
        mov r6,#5
        b .
        .thumb_func
busfault: ldr r3,[sp,#24]; adds r3,#2; str r3,[sp,#24]
        ldr r0,=0xE000ED28; ldr r4,[r0]; str r4,[r0]; ldr r5,[r0]
        bx lr
    """).run(60)
    assert m.r(6) == 5
    assert m.r(5) == 0  # writing ones clears CFSR


def test_svc_that_cannot_be_taken_escalates() -> None:
    m = Machine(f"cpsid i\nsvc #0\nb .{REPORT}").run(40)
    assert (m.r(8), m.r(10)) == (3, 1 << 30)


def test_bkpt_without_debugger_is_a_hard_fault_with_debugevt() -> None:
    m = Machine(f"nop\nbad: bkpt #0\nb .{REPORT}").run(40)
    assert (m.r(8), m.r(10), m.r(7)) == (3, 1 << 31, m.labels["bad"])
    assert m.core.scb.faults.dfsr == 2


def test_a_fault_in_hard_fault_locks_up_with_a_sentence() -> None:
    m = Machine("""
        udf #0
        .thumb_func
hardfault: nop
bad:    udf #1
    """).run(40)
    assert m.stop is Stop.LOCKUP
    assert m.core.lockup
    assert f"lockup at {m.labels['bad']:#010x}, instruction 3" in m.core.lockup
    assert m.core.faults[-1] == m.core.lockup
    assert m.core.instructions == 3


def test_a_fault_with_faultmask_locks_up() -> None:
    assert Machine("cpsid f\nudf #0").run(40).stop is Stop.LOCKUP


def test_unprivileged_code_may_not_touch_the_system_control_space() -> None:
    program = f"""
        {ALL_FAULTS}
        ldr r0,=CCR; ldr r1,[r0]; orr r1,#{{ccr}}; str r1,[r0]
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        mov r0,#1; msr control,r0; isb
        ldr r0,={{address:#x}}; mov r1,#0
        str r1,[r0]
        mov r6,#1
        b .
        .thumb_func
irq0:   mov r5,#1
        bx lr
        {REPORT}
    """
    m = Machine(program.format(ccr=0, address=0xE000ED08)).run(60)
    assert (m.r(8), m.r(9), m.r(12)) == (5, PRECISERR | BFARVALID, 0xE000ED08)
    m = Machine(program.format(ccr=0, address=0xE000EF00)).run(60)
    assert m.r(8) == 5
    m = Machine(program.format(ccr=2, address=0xE000EF00)).run(60)  # USERSETMPEND
    assert (m.r(5), m.r(6)) == (1, 1)


def test_software_can_set_pending_and_active_bits_in_shcsr() -> None:
    m = Machine("""
        ldr r0,=SHCSR; ldr r1,=(7<<16)|(1<<14); str r1,[r0]   @ BUSFAULTPENDED
        b .
        .thumb_func
busfault: ldr r4,[r0]
        b .
    """).run(40)
    assert m.r(4) == 7 << 16 | 1 << 1  # enabled, active, no longer pended


def test_stack_in_the_middle_of_nowhere_locks_up_only_if_nothing_can_run() -> None:
    """A HardFault is entered even if its frame cannot be stacked."""
    m = Machine(f"""
        ldr r0,={RAM:#x}; mov sp, r0
        udf #0
        .thumb_func
hardfault: mov r8,#3
        b .
    """).run(40)
    assert m.r(8) == 3
