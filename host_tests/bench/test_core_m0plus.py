"""The Cortex-M0+ (ARMv6-M, DDI 0419C; DDI 0484C) and what the Cortex-M0 lacks of it."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import FLASH, STACK_TOP, Machine
from tools.bench.core import CORTEX_M0, CORTEX_M0PLUS, CoreSpec

HARD_FAULT, SVCALL, PENDSV, IRQ0 = 3, 11, 14, 16
CTRL, RBAR, RASR = 0xE000ED94, 0xE000ED9C, 0xE000EDA0
NONE, PRIV_RW, FULL, PRIV_R = (n << 24 for n in (0, 1, 3, 5))
XN = 1 << 28


def run(code: str, cycles: int = 300, spec: CoreSpec = CORTEX_M0PLUS) -> Machine:
    return Machine(code, spec=spec).run(cycles)


# -- registers ------------------------------------------------------------------------------

RESET_VALUES = {
    0xE000ED00: 0x410CC601,  # CPUID
    0xE000ED04: 0x00000000,  # ICSR
    0xE000ED08: 0x00000000,  # VTOR
    0xE000ED0C: 0xFA050000,  # AIRCR
    0xE000ED10: 0x00000000,  # SCR
    0xE000ED14: 0x00000208,  # CCR
    0xE000ED1C: 0x00000000,  # SHPR2
    0xE000ED20: 0x00000000,  # SHPR3
    0xE000ED90: 0x00000800,  # MPU_TYPE
    0xE000ED94: 0x00000000,  # MPU_CTRL
    0xE000E100: 0x00000000,  # NVIC_ISER
    0xE000E010: 0x00000000,  # SYST_CSR
}


def test_reset_values() -> None:
    m = Machine("b .", spec=CORTEX_M0PLUS)
    assert {a: m.core.bus.load(a) for a in RESET_VALUES} == RESET_VALUES


def names(spec: CoreSpec) -> set[str]:
    return {view.name for view in Machine("b .", spec=spec).core.scs.registers()}


def test_what_armv6m_has_not_got_is_not_listed() -> None:
    listed = names(CORTEX_M0PLUS)
    absent = {"CFSR", "HFSR", "SHCSR", "SHPR1", "CPACR", "FPCCR", "NVIC_IABR0", "ACTLR", "DFSR"}
    assert not listed & absent
    assert {"VTOR", "SHPR2", "SHPR3", "NVIC_ISER0", "NVIC_IPR7", "MPU_RASR7"} <= listed
    assert not {"NVIC_ISER1", "NVIC_IPR8"} & listed
    assert listed - names(CORTEX_M0) == {"VTOR", "MPU_CTRL", "MPU_RNR"} | {
        f"MPU_{name}{n}" for name in ("RBAR", "RASR") for n in range(8)
    } | {n for n in listed if n.startswith(("MPU_RBAR_", "MPU_RASR_"))}


def test_two_bits_of_priority_no_prigroup_and_a_ccr_that_stays() -> None:
    m = Machine("b .", spec=CORTEX_M0PLUS)
    store, load = m.core.bus.store, m.core.bus.load
    for address in (0xE000E400, 0xE000ED1C, 0xE000ED20, 0xE000ED14, RASR, RBAR):
        store(address, 4, 0xFFFFFFEF)
    store(0xE000ED0C, 4, 0x05FA0700)
    assert load(0xE000E400) == 0xC0C0C0C0
    assert (load(0xE000ED1C), load(0xE000ED20)) == (0xC0000000, 0xC0C00000)
    assert (load(0xE000ED14), load(0xE000ED0C)) == (0x208, 0xFA050000)
    assert (load(RASR), load(RBAR)) == (0x1707FF2F, 0xFFFFFF00)


@pytest.mark.parametrize(
    "access", ["ldrb r1,[r0]", "ldrh r1,[r0]", "strb r1,[r0]", "strh r1,[r0]"]
)
def test_the_system_control_space_is_accessed_by_word(access: str) -> None:
    m = run(f"ldr r0,=0xE000ED20\nat: {access}\nb .\n.thumb_func\nhardfault: b .")
    assert m.taken == [HARD_FAULT]
    assert m.core.exceptions_taken[0].return_address == m.labels["at"]


def test_vtor_moves_the_vectors_but_not_on_a_cortex_m0() -> None:
    code = """
        ldr r0,=0xE000ED08; ldr r1,=0x20000100; str r1,[r0]; dsb
        ldr r2,=moved; adds r2,#1; str r2,[r1,#44]
        svc #0
        b .
        .thumb_func
svcall: movs r7,#1; bx lr
        .balign 4
moved:  movs r7,#2; bx lr
    """
    assert run(code).r(7) == 2
    assert run(code, spec=CORTEX_M0).r(7) == 1


# -- exceptions -----------------------------------------------------------------------------


def test_entry_and_return() -> None:
    m = run("""
        sub sp,#4
        movs r0,#1; movs r1,#2; movs r2,#3; movs r3,#4
        svc #0
here:   mov r5,sp
        b .
        .thumb_func
svcall: mov r4,sp; mov r6,lr; mrs r7,ipsr
        movs r0,#0; movs r1,#0; movs r2,#0; movs r3,#0
        bx lr
    """)
    frame = STACK_TOP - 4 - 0x20 & ~7
    assert [m.r(n) for n in range(8)] == [1, 2, 3, 4, frame, STACK_TOP - 4, 0xFFFFFFF9, SVCALL]
    assert m.word(frame + 24) == m.labels["here"]
    assert m.word(frame + 28) & 1 << 9  # the stack was aligned
    assert m.core.faults == []


def test_return_by_pop_to_the_process_stack() -> None:
    m = run("""
        ldr r0,=0x20004000; msr psp,r0; movs r0,#2; msr control,r0; isb
        svc #0
        mrs r4,control; mov r5,sp
        b .
        .thumb_func
svcall: push {r4,lr}; movs r7,#1; pop {r4,pc}
    """)
    assert (m.r(4), m.r(5), m.r(7)) == (2, 0x20004000, 1)


def test_a_higher_priority_preempts_and_an_equal_one_waits() -> None:
    m = run("""
        ldr r0,=0xE000E400; ldr r1,=0x004080C0; str r1,[r0]     @ irq0 lowest, irq2 higher
        ldr r0,=0xE000E100; movs r1,#7; str r1,[r0]
        ldr r7,=0xE000E200; movs r1,#1; str r1,[r7]
        b .
        .thumb_func
irq0:   movs r1,#6; str r1,[r7]; movs r4,#1; bx lr
        .thumb_func
irq1:   mov r5,r4; bx lr
        .thumb_func
irq2:   mov r6,r4; bx lr
    """)
    assert m.taken == [IRQ0, IRQ0 + 2, IRQ0 + 1]
    assert (m.r(4), m.r(5), m.r(6)) == (1, 0, 0)


def test_primask_holds_pendsv_back_until_cpsie() -> None:
    m = run("""
        cpsid i
        ldr r0,=ICSR; movs r1,#1; lsls r1,#28; str r1,[r0]; nop
        cpsie i
after:  b .
        .thumb_func
pendsv: bx lr
    """)
    (entry,) = m.core.exceptions_taken
    assert (entry.number, entry.return_address) == (PENDSV, m.labels["after"])


FAULTS = {
    "undefined": "at: udf #0",
    "unaligned word": "ldr r0,=0x20000001\nat: ldr r1,[r0]",
    "unaligned halfword": "ldr r0,=0x20000001\nat: strh r1,[r0]",
    "unaligned ldm": "ldr r0,=0x20000002\nat: ldm r0!,{r1,r2}",
    "nothing there": "ldr r0,=0x70000000\nat: ldr r1,[r0]",
    "bkpt": "at: bkpt",
    "masked svc": "cpsid i; svc #0\nat: nop",
    # what ARMv6-M lacks
    "cbz": "movs r0,#0\nat: .inst.n 0xb100; nop; nop",
    "cbnz behind a branch": "movs r0,#1; b at; nop\nat: .inst.n 0xb900; nop",
    "it": "cmp r0,r0\nat: .inst.n 0xbf08; movs r1,#1",
    "it at a branch target": "b at; nop\nat: .inst.n 0xbf08; movs r1,#1",
    "movw": "at: .inst.w 0xf2410034",
    "b.w": "at: .inst.w 0xf000b800",
    "ldrex": "at: .inst.w 0xe85d0f00",
    "udiv": "at: .inst.w 0xfbb0f0f1",
    "vmov": "at: .inst.w 0xee000a10",
}


@pytest.mark.parametrize("code", FAULTS.values(), ids=FAULTS)
def test_every_fault_is_a_hard_fault(code: str) -> None:
    m = run(code + "\nb .\n.thumb_func\nhardfault: ldr r6,[sp,#24]; mrs r7,ipsr; b .")
    assert m.taken == [HARD_FAULT]
    assert (m.r(6), m.r(7)) == (m.labels["at"], HARD_FAULT)
    assert len(m.core.faults) == ("svc" not in code)


def test_a_fault_in_the_hard_fault_handler_locks_up() -> None:
    assert run("udf #0\n.thumb_func\nhardfault: udf #1").core.lockup


def test_code_in_ram_that_was_an_it_may_change() -> None:
    m = run("""
        ldr r4,=0x20000100; ldr r0,=0x4770bf08; str r0,[r4]     @ it eq; bx lr
        adds r4,#1; blx r4
        subs r4,#1; ldr r0,=0x47702507; str r0,[r4]             @ movs r5,#7; bx lr
        adds r4,#1; blx r4
        b .
        .thumb_func
hardfault: ldr r1,[sp,#20]; str r1,[sp,#24]; adds r6,#1; bx lr  @ return to LR instead
    """)
    assert (m.r(5), m.r(6)) == (7, 1)


def test_wfi_sleeps_and_wfe_sees_the_event() -> None:
    m = run("sev; wfe; movs r4,#1; wfi; movs r5,#1; b .")
    assert (m.r(4), m.r(5), m.core.asleep) == (1, 0, True)


# -- privileges -----------------------------------------------------------------------------

USER = "ldr r0,=0x20004000; msr psp,r0; movs r0,#3; msr control,r0; isb\n"


def test_unprivileged_code_cannot_mask_or_come_back_but_a_handler_lets_it() -> None:
    m = run(
        USER
        + """
        cpsid i; movs r0,#0; msr control,r0; isb
        mrs r4,control; mrs r5,primask
        svc #0
        mrs r6,control; cpsid i; mrs r7,primask
        b .
        .thumb_func
svcall: movs r0,#0; msr control,r0; isb; bx lr
    """
    )
    assert (m.r(4), m.r(5), m.r(6), m.r(7)) == (3, 0, 2, 1)
    assert m.core.state().control == 2
    m.core.reset(FLASH)
    assert m.core.state().control == 0


def test_unprivileged_code_may_not_use_the_system_control_space() -> None:
    code = USER + "ldr r0,=0xE000ED00\nat: ldr r1,[r0]\nb .\n.thumb_func\nhardfault: b ."
    m = run(code)
    assert m.taken == [HARD_FAULT]
    assert m.core.exceptions_taken[0].return_address == m.labels["at"]


# -- MPU ------------------------------------------------------------------------------------


def rasr(size_bits: int, access: int, srd: int = 0) -> int:
    return access | srd << 8 | (size_bits - 1) << 1 | 1


def with_mpu(regions: list[tuple[int, int]], code: str, *, control: int = 5) -> Machine:
    setup = f"ldr r0,={CTRL}\n"
    for n, (base, attributes) in enumerate(regions):
        setup += f"ldr r1,={base | 0x10 | n:#x}; str r1,[r0,#8]\n"
        setup += f"ldr r1,={attributes:#x}; str r1,[r0,#12]\n"
    setup += f"movs r1,#{control}; str r1,[r0]; dsb; isb\n"
    m = Machine(
        f"{setup}\n{code}\nb .\n.thumb_func\n"
        "hardfault: mrs r6,ipsr; ldr r0,=0x20001000; ldr r4,[r0]; b .",
        spec=CORTEX_M0PLUS,
    )
    m.ram.store(0x1000, 4, 0x1234)
    return m.run(400)


READ = "ldr r0,=0x20001000; ldr r7,[r0]"
WRITE = "ldr r0,=0x20001000; movs r1,#7; str r1,[r0]; movs r5,#1"
STM = "ldr r0,=0x20000FF8; ldr r1,=0x1111; mov r2,r1; mov r3,r1; mov r4,r1; stm r0!,{r1-r4}"


@pytest.mark.parametrize(
    ("access", "rights"), [(NONE, ""), (PRIV_RW, "rw"), (FULL, "rw"), (PRIV_R, "r")]
)
def test_access_permissions(access: int, rights: str) -> None:
    region = (0x20001000, rasr(8, access))
    m = with_mpu([region], READ)
    assert (m.r(7), m.r(6)) == ((0x1234, 0) if "r" in rights else (0, HARD_FAULT))
    m = with_mpu([region], WRITE)
    assert (m.word(0x20001000), m.r(5)) == ((7, 1) if "w" in rights else (0x1234, 0))
    m = with_mpu([region], STM)
    assert (m.word(0x20001000) == 0x1234, m.r(6)) == (
        (False, 0) if "w" in rights else (True, HARD_FAULT)
    )
    assert m.core.faults == [] or "w" not in rights


def test_regions_end_where_they_end_and_can_leave_subregions_out() -> None:
    around = "ldr r0,=0x20000FFC; ldr r1,[r0]; ldr r0,=0x20001100; ldr r1,[r0]; movs r5,#1\n"
    m = with_mpu([(0x20001000, rasr(8, NONE))], around + READ)
    assert (m.r(5), m.r(6)) == (1, HARD_FAULT)
    assert with_mpu([(0x20001000, rasr(8, NONE, srd=1))], READ).r(7) == 0x1234


def test_execute_never() -> None:
    code = "ldr r0,=0x20001000; ldr r1,=0x47702707; str r1,[r0]; adds r0,#1; blx r0"
    assert with_mpu([(0x20001000, rasr(8, FULL))], code).r(7) == 7
    m = with_mpu([(0x20001000, rasr(8, FULL | XN))], code)
    assert (m.r(7), m.r(6)) == (0, HARD_FAULT)
    assert m.core.exceptions_taken[0].return_address == 0x20001000


def test_without_background_region_and_in_the_hard_fault_handler() -> None:
    flash = (FLASH, rasr(16, PRIV_R))
    assert with_mpu([flash], READ, control=1).core.lockup is None  # the handler runs without it
    assert with_mpu([flash], READ, control=3).core.lockup


def test_a_refused_store_to_a_block_does_nothing_and_off_it_costs_nothing() -> None:
    m = with_mpu([(0xE0000000, rasr(28, NONE)), (0x40000000, rasr(28, NONE))], "nop")
    assert m.r(6) == 0  # the system control space is always reachable
    m = with_mpu([], "ldr r0,=0xE000ED94; movs r1,#0; str r1,[r0]; b .")
    assert m.core.bus.load(CTRL) == 0


def test_it_is_off_for_the_next_instruction_on_another_page_too() -> None:
    code = f"""
        ldr r0,={CTRL}; movs r1,#0; ldr r2,=last+1; bx r2
        .ltorg
        .balign 4096
        .space 4094
        last: str r1,[r0]
        movs r7,#7"""
    m = with_mpu([], code)
    assert (m.r(7), m.r(6)) == (7, 0)
