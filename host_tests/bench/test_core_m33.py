"""The Cortex-M33 without the security extension in effect (ARMv8-M mainline, DDI 0553B)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import FLASH, RAM, STACK_TOP, Machine
from tools.bench.core import CORTEX_M33

HARD_FAULT, MEM_MANAGE, USAGE_FAULT, SVCALL = 3, 4, 6, 11
CFSR, CTRL, RNR, RBAR, RLAR, MAIR0 = (
    *(0xE000ED28, 0xE000ED94, 0xE000ED98, 0xE000ED9C, 0xE000EDA0),
    0xE000EDC0,
)
STKOF, INVPC, IACCVIOL, DACCVIOL, MMARVALID = 1 << 20, 1 << 18, 1, 2, 1 << 7
ENABLE_FAULTS = "ldr r0,=SHCSR; ldr r1,=7<<16; str r1,[r0]\n"
FPU_ON = "ldr r0,=0xE000ED88; mov r1,#0xF00000; str r1,[r0]; dsb; isb\n"


def run(code: str, cycles: int = 400) -> Machine:
    return Machine(f"{code}\nb .", spec=CORTEX_M33).run(cycles)


# -- exceptions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "control", "exc_return"),
    [
        ("", 0, 0xFFFFFFB8),
        ("ldr r0,=0x20004000; msr psp,r0; mov r0,#2; msr control,r0; isb", 2, 0xFFFFFFBC),
        ("ldr r0,=0x20004000; msr psp,r0; mov r0,#3; msr control,r0; isb", 3, 0xFFFFFFBC),
        (FPU_ON + "vmov.f32 s0,#1.0", 4, 0xFFFFFFA8),
    ],
    ids=["main stack", "process stack", "unprivileged", "floating point"],
)
def test_entry_and_return(before: str, control: int, exc_return: int) -> None:
    m = run(f"""
        {before}
        mov r2,#5; mov r4,sp
        svc #0
        mrs r5,control; mov r6,sp; mov r7,r2
        b .
        .thumb_func
svcall: mov r8,lr; mrs r9,ipsr; mov r2,#0; bx lr
    """)
    assert (m.r(5), m.r(6), m.r(7)) == (control, m.r(4), 5)
    assert (m.r(8), m.r(9)) == (exc_return, SVCALL)
    assert m.core.faults == []


def test_a_handler_that_is_interrupted_gets_its_return_value_and_pops_it() -> None:
    m = run("""
        ldr r0,=0xE000ED1C; mov r1,#0x80000000; str r1,[r0]     @ SVCall below IRQ 0
        ldr r0,=0xE000E100; mov r1,#1; str r1,[r0]
        svc #0
        mov r7,#1
        b .
        .thumb_func
svcall: push {r4,lr}; ldr r0,=0xE000E200; mov r1,#1; str r1,[r0]; dsb; isb; pop {r4,pc}
        .thumb_func
irq0:   mov r8,lr; bx lr
    """)
    assert (m.r(7), m.r(8)) == (1, 0xFFFFFFB0)
    assert m.taken == [SVCALL, 16]


@pytest.mark.parametrize("value", [0xFFFFFFF9, 0xFFFFFFB9, 0xFFFFFFBA, 0xFFFFFFB4, 0xFFFF00B8])
def test_a_return_value_that_does_not_fit(value: int) -> None:
    m = run(
        ENABLE_FAULTS
        + f"svc #0\n.thumb_func\nsvcall: ldr lr,={value:#x}; bx lr\n.thumb_func\nusagefault: b ."
    )
    assert m.taken == [SVCALL, USAGE_FAULT]
    assert m.core.scb.faults.cfsr == INVPC


@pytest.mark.parametrize("value", [0xFFFFFFB9, 0xFEFFFFFF])
def test_in_thread_mode_it_is_an_address_that_may_not_be_executed(value: int) -> None:
    m = run(ENABLE_FAULTS + f"ldr r0,={value:#x}; bx r0\n.thumb_func\nmemmanage: b .")
    assert m.taken == [MEM_MANAGE]
    assert m.core.scb.faults.cfsr == IACCVIOL


# -- stack limits ---------------------------------------------------------------------------

LIMIT = "ldr r0,={limit:#x}; msr {which},r0; isb\n"
OVERFLOW_HANDLER = """
        .thumb_func
usagefault: ldr r9,[sp,#24]; mrs r10,ipsr; b .
"""


@pytest.mark.parametrize(
    "code", ["push {r0-r7,lr}", "sub sp,#64", "str r1,[sp,#-64]!", "ldr r1,=0x20000000; mov sp,r1"]
)
@pytest.mark.parametrize("stack", ["msp", "psp"])
def test_going_below_the_limit(code: str, stack: str) -> None:
    top = STACK_TOP if stack == "msp" else RAM + 0x4000
    to_psp = "ldr r0,=0x20004000; msr psp,r0; mov r0,#2; msr control,r0; isb\n"
    m = run(
        ENABLE_FAULTS
        + (to_psp if stack == "psp" else "")
        + LIMIT.format(limit=top - 32, which=f"{stack}lim")
        + f"sub sp,#32; add sp,#32; {code}\nb .\n{OVERFLOW_HANDLER}"
    )
    assert m.core.scb.faults.cfsr & STKOF
    assert m.taken[0] == USAGE_FAULT
    state = m.core.state()
    assert (state.msplim, state.psplim)[stack == "psp"] == top - 32
    assert "go below MSPLIM or PSPLIM" in m.core.faults[0]


def test_a_frame_that_has_no_room_is_not_stored() -> None:
    m = run(
        ENABLE_FAULTS
        + "ldr r0,=0x20004000; msr psp,r0; mov r0,#2; msr control,r0; isb\n"
        + LIMIT.format(limit=RAM + 0x3FF0, which="psplim")
        + "svc #0\nb .\n.thumb_func\nusagefault: mrs r7,psp; mov r8,#1; b ."
        + "\n.thumb_func\nsvcall: mov r9,#1; bx lr"
    )
    assert m.core.scb.faults.cfsr == STKOF
    assert (m.r(7), m.r(8)) == (RAM + 0x3FF0, 1)
    assert m.ram.read(0x3FE0, 32) == bytes(32)


def test_limits_are_0_after_a_reset() -> None:
    m = run(LIMIT.format(limit=RAM + 0x1000, which="msplim"))
    assert m.core.state().msplim == RAM + 0x1000
    m.core.reset(FLASH)
    assert (m.core.state().msplim, m.core.state().psplim) == (0, 0)


# -- MPU ------------------------------------------------------------------------------------

RW, RW_ALL, R, R_ALL, XN = 0 << 1, 1 << 1, 2 << 1, 3 << 1, 1


def with_mpu(
    regions: list[tuple[int, int, int]], code: str, *, control: int = 5, user: bool = False
) -> Machine:
    """Set the regions (first address, last address, AP and XN), then run `code`."""
    setup = ENABLE_FAULTS + f"ldr r0,={CTRL:#x}\n"
    for n, (first, last, rights) in enumerate(regions):
        setup += f"mov r1,#{n}; str r1,[r0,#4]\n"
        setup += f"ldr r1,={first | rights:#x}; str r1,[r0,#8]\n"
        setup += f"ldr r1,={last & ~0x1F | 1:#x}; str r1,[r0,#12]\n"
    setup += f"mov r1,#{control}; str r1,[r0]; dsb; isb\n"
    setup += "mov r1,#1; msr control,r1; isb\n" if user else ""
    handler = "\n.thumb_func\nmemmanage: .thumb_func\nhardfault: mrs r8,ipsr; b ."
    m = Machine(f"{setup}\n{code}\nb .{handler}", spec=CORTEX_M33)
    m.ram.store(0x1000, 4, 0x1234)
    return m.run(400)


READ = "ldr r0,=0x20001000; ldr r7,[r0]"
WRITE = "ldr r0,=0x20001000; mov r1,#7; str r1,[r0]; mov r7,#0x1234"
EVERYTHING = [(0, RAM + 0xFDF, RW_ALL), (RAM + 0x1020, 0xDFFFFFFF, RW_ALL)]


@pytest.mark.parametrize(
    ("rights", "privileged", "unprivileged"),
    [(RW, "rw", ""), (RW_ALL, "rw", "rw"), (R, "r", ""), (R_ALL, "r", "r")],
)
def test_access_permissions(rights: int, privileged: str, unprivileged: str) -> None:
    for allowed, user in ((privileged, False), (unprivileged, True)):
        for letter, code in (("r", READ), ("w", WRITE)):
            m = with_mpu([*EVERYTHING, (0x20001000, 0x2000101F, rights)], code, user=user)
            refused = letter not in allowed
            assert m.core.scb.faults.cfsr == (DACCVIOL | MMARVALID if refused else 0)
            assert m.r(8) == (MEM_MANAGE if refused else 0)


def test_a_region_ends_where_it_ends_and_the_background_is_for_privileged_code() -> None:
    around = "ldr r0,=0x20000FFC; ldr r1,[r0]; ldr r1,[r0,#0x24]; mov r5,#1\n"
    m = with_mpu([(0x20001000, 0x2000101F, R)], around + WRITE)
    assert (m.r(5), m.core.scb.faults.cfsr) == (1, DACCVIOL | MMARVALID)
    # without a background, flash alone: loads from RAM fail
    m = with_mpu([(FLASH, FLASH + 0xFFFF, R)], READ, control=1)
    assert m.core.scb.faults.cfsr & DACCVIOL


def test_where_regions_overlap_everything_fails() -> None:
    m = with_mpu([(RAM, RAM + 0x1FFF, RW_ALL), (0x20001000, 0x2000101F, RW_ALL)], READ)
    assert m.core.scb.faults.cfsr == DACCVIOL | MMARVALID
    assert not m.core.mpu.allows(0x20001000, write=False, privileged=True)
    assert m.core.mpu.allows(0x20001020, write=True, privileged=True)


def test_execute_never() -> None:
    code = "ldr r0,=0x20001000; ldr r1,=0x47702707; str r1,[r0]; orr r1,r0,#1; blx r1"
    assert with_mpu([(0x20001000, 0x2000101F, RW)], code).r(7) == 7
    m = with_mpu([(0x20001000, 0x2000101F, RW | XN)], code)
    assert (m.r(7), m.core.scb.faults.cfsr) == (0, IACCVIOL)


def test_region_registers() -> None:
    m = run("nop")
    store, load = m.core.bus.store, m.core.bus.load
    store(RNR, 4, 5)
    store(RBAR, 4, 0x2000003F)
    store(RLAR, 4, 0x200000FF)
    store(RBAR + 16, 4, 0x30000000)  # alias 2: region 6
    assert (load(RBAR), load(RLAR)) == (0x2000003F, 0x200000EF)
    store(RNR, 4, 6)
    assert load(RBAR) == 0x30000000
    store(RNR, 4, 8)  # there is none
    store(RLAR, 4, 1)
    store(MAIR0, 4, 0x44FF00AA)
    values = {view.name: view.value for view in m.core.scs.registers()}
    assert values["MPU_RLAR5"] == 0x200000EF and values["MPU_MAIR0"] == 0x44FF00AA
    assert [values[f"MPU_RLAR{n}"] for n in (0, 7)] == [0, 0]
    assert "MPU_RASR0" not in values


# -- registers ------------------------------------------------------------------------------


def test_registers() -> None:
    m = run("nop")
    store, load = m.core.bus.store, m.core.bus.load
    assert load(0xE000ED00) == 0x410FD214
    for address, reset, most in (
        (0xE000ED14, 0x201, 0x71B),  # CCR
        (0xE000EF34, 0xC0000000, 0xD000077B),  # FPCCR
        (0xE000ED88, 0, 0x00F00000),  # CPACR
    ):
        assert load(address) == reset
        store(address, 4, 0xFFFFFFFF)
        assert load(address) == most
    store(0xE000EF34, 4, 0xC0000000)


def test_shcsr_says_that_a_hard_fault_is_active() -> None:
    m = run("udf #0\n.thumb_func\nhardfault: ldr r0,=SHCSR; ldr r7,[r0]; b .")
    assert m.r(7) == 1 << 2


def test_floating_point_is_off_until_cpacr_has_it_on() -> None:
    handler = "\n.thumb_func\nusagefault: b ."
    assert run(ENABLE_FAULTS + "vmov.f32 s0,#1.0" + handler).core.scb.faults.cfsr == 1 << 19
    assert run(ENABLE_FAULTS + FPU_ON + "vmov.f32 s0,#1.0" + handler).core.scb.faults.cfsr == 0
