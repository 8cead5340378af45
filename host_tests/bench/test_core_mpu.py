"""The memory protection unit (DDI 0403E B3.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_tests.bench.thumb import Machine
from tools.bench.core import CORTEX_M3, CORTEX_M7
from tools.bench.cpu.private import PrivateState

CTRL, RNR, RBAR, RASR = 0xE000ED94, 0xE000ED98, 0xE000ED9C, 0xE000EDA0
NONE, PRIV_RW, PRIV_RW_USER_R, FULL, PRIV_R, ALL_R = (n << 24 for n in (0, 1, 2, 3, 5, 6))
XN = 1 << 28
HANDLERS = """
        .thumb_func
memmanage: .thumb_func
hardfault: mrs r8, ipsr
        ldr r0,=0xE000ED28; ldr r9,[r0]; ldr r12,[r0,#12]
        b .
"""


def rasr(size_bits: int, access: int, srd: int = 0) -> int:
    return access | srd << 8 | (size_bits - 1) << 1 | 1


def run(
    regions: list[tuple[int, int]], code: str, *, control: int = 5, user: bool = False
) -> Machine:
    """Set the regions (RBAR base, RASR) and MPU_CTRL by code, then run `code`."""
    setup = "ldr r0,=SHCSR; ldr r1,=1<<16; str r1,[r0]; ldr r0,=0xE000ED94\n"
    for n, (base, attributes) in enumerate(regions):
        setup += f"ldr r1,={base | 0x10 | n:#x}; str r1,[r0,#8]\n"
        setup += f"ldr r1,={attributes:#x}; str r1,[r0,#12]\n"
    setup += f"mov r1,#{control}; str r1,[r0]; dsb; isb\n"
    if user:
        setup += "mov r1,#1; msr control,r1; isb\n"
    m = Machine(f"{setup}\n{code}\nb .{HANDLERS}")
    m.ram.store(0x1000, 4, 0x1234)
    return m.run(400)


READ = "ldr r0,=0x20001000; ldr r7,[r0]"
WRITE = "ldr r0,=0x20001000; mov r1,#7; str r1,[r0]; mov r7,#0x1234"
DACC, MSTKERR = 1 << 1 | 1 << 7, 1 << 4


@pytest.mark.parametrize(
    ("access", "privileged", "user"),
    [
        *((NONE, "", ""), (PRIV_RW, "rw", ""), (PRIV_RW_USER_R, "rw", "r")),
        *((FULL, "rw", "rw"), (PRIV_R, "r", ""), (ALL_R, "r", "r")),
    ],
)
def test_access_permissions(access: int, privileged: str, user: str) -> None:
    everything = (0x00000000, rasr(32, FULL))
    for rights, as_user in ((privileged, False), (user, True)):
        for letter, code in (("r", READ), ("w", WRITE)):
            m = run([everything, (0x20001000, rasr(10, access))], code, user=as_user)
            allowed = letter in rights
            assert (m.r(7) == 0x1234) == allowed, (letter, as_user)
            assert m.r(9) == (0 if allowed else DACC)
            if not allowed:
                assert (m.r(8), m.r(12)) == (4, 0x20001000)


def test_background_region_is_for_privileged_code_only() -> None:
    flash = (0x08000000, rasr(20, ALL_R))
    assert run([flash], READ, control=5).r(7) == 0x1234
    # hardware stacks with the rights of the code it interrupts, so that fails as well
    assert run([flash], READ, control=5, user=True).r(9) == DACC | MSTKERR
    assert run([], READ, control=0, user=True).r(7) == 0x1234
    assert run([flash], READ, control=1).core.scb.faults.cfsr == DACC | MSTKERR


def test_the_highest_region_wins() -> None:
    low, high = (0x20001000, rasr(12, NONE)), (0x20001000, rasr(10, FULL))
    assert run([low, high], READ).r(7) == 0x1234
    assert run([high, low], READ).r(9) == DACC


@pytest.mark.parametrize(("srd", "allowed"), [(0, False), (1, True), (2, False), (0xFF, True)])
def test_subregions_can_be_left_out(srd: int, allowed: bool) -> None:
    m = run([(0x20001000, rasr(10, NONE, srd))], READ)
    assert (m.r(7) == 0x1234) == allowed


@pytest.mark.parametrize("bits", [5, 6, 8, 9])
def test_a_region_smaller_than_a_page_ends_where_it_ends(bits: int) -> None:
    """32 to 512 bytes, between neighbours that stay accessible."""
    code = "ldr r0,=0x20001000; ldr r7,[r0,#-4]; ldr r6,[r0,#{size}]; ldr r5,[r0,#{last}]"
    m = run([(0x20001000, rasr(bits, NONE))], code.format(size=1 << bits, last=(1 << bits) - 4))
    assert (m.r(9), m.r(12)) == (DACC, 0x20001000 + (1 << bits) - 4)
    assert m.core.bus.load(m.core.state().msp + 24) > m.labels["start"]


@pytest.mark.parametrize("bits", [5, 12])
def test_execute_never(bits: int) -> None:
    code = "ldr r0,=0x20001000; ldr r1,=0x47702407; str r1,[r0]; orr r1,r0,#1; blx r1; mov r7,r4"
    assert run([(0x20001000, rasr(bits, FULL))], code).r(7) == 7
    m = run([(0x20001000, rasr(bits, FULL | XN))], code)
    assert (m.r(8), m.r(9)) == (4, 1)


def test_a_region_makes_a_device_executable_but_not_the_system() -> None:
    code = "ldr r0,={at:#x}; bx r0"
    device = (0xA0000000, rasr(20, FULL))
    assert run([device], code.format(at=0xA0000001)).r(8) == 3  # nothing is there: IBUSERR
    assert run([], code.format(at=0xA0000001)).r(9) == 1
    everything = (0, rasr(32, FULL))
    assert run([everything], code.format(at=0xE0100001)).r(9) == 1


def test_address_bits_below_the_size_are_ignored() -> None:
    m = run([(0x20001000 | 0x3E0, rasr(10, NONE))], READ)
    assert m.r(9) == DACC


def test_the_system_control_space_is_always_reachable() -> None:
    m = run([(0, rasr(32, PRIV_R))], "ldr r0,=0xE000ED08; ldr r1,=0x100; str r1,[r0]; ldr r7,[r0]")
    assert m.r(7) == 0x100


def test_it_takes_effect_with_the_next_instruction_and_can_be_switched_off() -> None:
    code = "ldr r2,=0xE000ED94; mov r1,#0; str r1,[r2]; ldr r0,=0x20001000; ldr r7,[r0]"
    assert run([(0x20001000, rasr(10, NONE))], code).r(7) == 0x1234


@pytest.mark.parametrize("hfnmiena", [0, 2])
def test_hard_fault_handlers_may_run_without_it(hfnmiena: int) -> None:
    m = Machine(f"""
        ldr r0,=0xE000ED94
        ldr r1,=0x20001010; str r1,[r0,#8]; ldr r1,={rasr(10, NONE):#x}; str r1,[r0,#12]
        mov r1,#{5 + hfnmiena}; str r1,[r0]
        udf #0
        .thumb_func
hardfault: ldr r0,=0x20001000; ldr r7,[r0]
        mov r6,#1
        b .
    """)
    m.ram.store(0x1000, 4, 0x1234)
    m.run(100)
    if hfnmiena:
        assert m.core.lockup
    else:
        assert (m.r(7), m.r(6)) == (0x1234, 1)


def test_it_is_back_after_the_hard_fault_handler() -> None:
    m = Machine(f"""
        ldr r0,=SHCSR; ldr r1,=1<<16; str r1,[r0]
        ldr r0,=0xE000ED94
        ldr r1,=0x20001010; str r1,[r0,#8]; ldr r1,={rasr(10, NONE):#x}; str r1,[r0,#12]
        mov r1,#5; str r1,[r0]
        udf #0
        ldr r0,=0x20001000; ldr r7,[r0]
        b .
        .thumb_func
hardfault: ldr r3,[sp,#24]; adds r3,#2; str r3,[sp,#24]; bx lr
        .thumb_func
memmanage: mov r6,#1; b .
    """).run(100)
    assert m.r(6) == 1


def test_changing_regions_costs_nothing_while_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(PrivateState, "set_mpu", lambda *arguments: calls.append(arguments))
    run([(0x20001000, rasr(10, NONE))] * 8, "nop", control=0)
    assert calls == []


def test_region_registers() -> None:
    m = run([], "nop", control=0)
    store, load = m.core.bus.store, m.core.bus.load
    store(RNR, 4, 3)
    store(RBAR, 4, 0x20000FE0)
    store(RASR, 4, 0xFFFFFFFF)
    assert (load(RBAR), load(RASR)) == (0x20000FE0 | 3, 0x173FFF3F)
    store(RBAR + 8, 4, 0x08000015)  # alias 1, VALID, region 5
    assert (load(RNR), load(RBAR)) == (5, 0x08000005)
    store(RNR, 4, 9)  # there is no region 9
    store(RASR, 4, 1)
    views = [v for v in m.core.scs.registers() if v.name.startswith("MPU_RASR")]
    assert [view.value for view in views] == [0, 0, 0, 0x173FFF3F, 0, 0, 0, 0]


def test_sixteen_regions_of_which_eight_can_be_used() -> None:
    spec = replace(CORTEX_M7, irq_count=150, mpu_regions=16)
    m = Machine("ldr r0,=0x20001000; ldr r7,[r0]\nb .\n.thumb_func\nhardfault: b .", spec=spec)
    store = m.core.bus.store
    store(RBAR, 4, 0x2000101F)  # region 15
    store(RASR, 4, rasr(10, NONE))
    store(CTRL, 4, 5)
    m.run(20)
    assert m.core.scb.faults.cfsr == DACC
    assert len(m.core.faults) == 1
    for n in range(8):
        store(RBAR, 4, 0x20008010 | n)
        store(RASR, 4, rasr(10, FULL))
    store(CTRL, 4, 7)  # in HardFault, where it is off otherwise
    m.run(1)
    assert "uses 9 MPU regions" in m.core.faults[-1]


def test_a_core_without_mpu_has_no_registers_of_it() -> None:
    spec = replace(CORTEX_M3, irq_count=43, mpu_regions=0)
    m = Machine("b .", spec=spec)
    m.core.bus.store(CTRL, 4, 5)
    assert (m.core.bus.load(CTRL), m.core.bus.load(0xE000ED90)) == (0, 0)
    assert not any(view.name.startswith("MPU_R") for view in m.core.scs.registers())


def test_python_and_unicorn_agree_on_every_permission() -> None:
    """`Mpu.allows()`, which stacking uses, against what the CPU is allowed."""
    cases = [(n << 24, user) for n in (0, 1, 2, 3, 5, 6, 7) for user in (False, True)]
    for access, user in cases:
        regions = [(0, rasr(32, FULL)), (0x20001000, rasr(10, access, 0x80))]
        for offset in (0, 0x37C, 0x380):
            code = f"ldr r0,={0x20001000 + offset:#x}; ldr r7,[r0]"
            m = run(regions, code, user=user)
            allowed = m.core.mpu.allows(0x20001000 + offset, write=False, privileged=not user)
            assert allowed == (m.r(9) == 0), (hex(access), user, hex(offset))
