"""System control space: reset values, masks, SysTick, DWT (DDI 0403E B3, DDI 0439)."""

from __future__ import annotations

import pytest

from host_tests.bench.thumb import FLASH, Machine
from tools.bench.core import CORES, CORTEX_M7, CoreSpec

ALL = list(CORES.values())

# Addresses and reset values: DDI 0403E B3.2 and B3.4, CPUID of an r0p1.
RESET_VALUES_M4 = {
    0xE000E008: 0x00000000,  # ACTLR
    0xE000E010: 0x00000000,  # SYST_CSR
    0xE000E100: 0x00000000,  # NVIC_ISER0
    0xE000E400: 0x00000000,  # NVIC_IPR0
    0xE000ED00: 0x410FC241,  # CPUID
    0xE000ED04: 0x00000000,  # ICSR, but for RETTOBASE, which is unknown in thread mode
    0xE000ED08: 0x00000000,  # VTOR
    0xE000ED0C: 0xFA050000,  # AIRCR
    0xE000ED10: 0x00000000,  # SCR
    0xE000ED14: 0x00000200,  # CCR
    0xE000ED18: 0x00000000,  # SHPR1
    0xE000ED20: 0x00000000,  # SHPR3
    0xE000ED24: 0x00000000,  # SHCSR
    0xE000ED28: 0x00000000,  # CFSR
    0xE000ED2C: 0x00000000,  # HFSR
    0xE000ED88: 0x00000000,  # CPACR
    0xE000ED90: 0x00000800,  # MPU_TYPE
    0xE000ED94: 0x00000000,  # MPU_CTRL
    0xE000EF34: 0xC0000000,  # FPCCR
    0xE000EF3C: 0x00000000,  # FPDSCR
    0xE000EF40: 0x10110021,  # MVFR0
    0xE000EF44: 0x11000011,  # MVFR1
}


def test_reset_values_of_a_cortex_m4() -> None:
    m = Machine("b .")
    read = {address: m.core.bus.load(address) for address in RESET_VALUES_M4}
    read[0xE000ED04] &= ~(1 << 11)
    assert read == RESET_VALUES_M4


@pytest.mark.parametrize("spec", ALL, ids=lambda s: s.name)
def test_every_register_is_listed_and_at_reset_and_comes_back_to_it(spec: CoreSpec) -> None:
    m = Machine("b .", spec=spec)
    before = {view.name: view for view in m.core.scs.registers()}
    assert len(before) > (50 if spec.mainline else 20)
    for view in before.values():
        assert (view.value ^ view.reset) & view.mask == 0, view
        assert view.reset & ~view.mask == 0 or view.mask == 0, view
    for view in before.values():
        if view.name != "AIRCR":
            m.core.bus.store(view.address, 4, 0xFFFFFFFF)
    m.core.bus.store(0xE000ED0C, 4, 0x05FA0700)
    changed = {v.name for v in m.core.scs.registers() if v.value != before[v.name].value}
    assert {"SHPR3", "NVIC_ISER0", "NVIC_IPR7"} <= changed
    assert ("VTOR" in changed) == spec.vtor
    assert ("MPU_RNR" in changed) == bool(spec.mpu_regions)
    assert ({"CCR", "SHCSR", "NVIC_ISER1"} <= changed) == spec.mainline
    assert ("CPACR" in changed) == spec.fpu
    m.core.reset(FLASH)
    after = {view.name: view for view in m.core.scs.registers()}
    assert after == before


@pytest.mark.parametrize("spec", ALL, ids=lambda s: s.name)
def test_no_register_keeps_more_bits_than_its_mask(spec: CoreSpec) -> None:
    m = Machine("b .", spec=spec)
    skip = ("AIRCR", "MPU_R")
    for view in list(m.core.scs.registers()):
        if not view.name.startswith(skip):
            m.core.bus.store(view.address, 4, 0xFFFFFFFF)
    for view in m.core.scs.registers():
        assert view.value & ~(view.mask | 0x9FF if view.name == "ICSR" else view.mask) == 0, view


def test_listing_has_no_side_effects() -> None:
    m = Machine("b .")
    m.core.bus.store(0xE000E014, 4, 9)
    m.core.bus.store(0xE000E018, 4, 0)
    m.core.bus.store(0xE000E010, 4, 5)
    m.run(30)
    list(m.core.scs.registers())
    assert m.core.bus.load(0xE000E010) == 0x10005  # COUNTFLAG was still set
    assert m.core.bus.load(0xE000E010) == 5


def test_narrow_accesses() -> None:
    m = Machine("""
        ldr r0,=0xE000E400; mov r1,#0x30; strb r1,[r0,#2]; mov r1,#0x5040; strh r1,[r0,#4]
        ldr r2,[r0]; ldrh r3,[r0,#4]; ldrb r4,[r0,#2]
        ldr r0,=0xE000ED28; mov r1,#2; strb r1,[r0,#3]     @ clears DIVBYZERO only
        b .
    """)
    m.core.scb.faults.cfsr = 1 << 25 | 1 << 9 | 1 << 1
    m.run(40)
    assert (m.r(2), m.r(3), m.r(4)) == (0x00300000, 0x5040, 0x30)
    assert m.core.scb.faults.cfsr == 1 << 9 | 1 << 1


SYSTICK = """
        ldr r0,=0xE000E010
        ldr r1,={reload}; str r1,[r0,#4]
        str r1,[r0,#8]
        mov r1,#{control}; str r1,[r0]
"""


def test_systick_interrupts_every_reload_plus_one_cycles() -> None:
    m = Machine(
        SYSTICK.format(reload=99, control=7)
        + "started: b .\n.thumb_func\nsystick: add r4,#1\nbx lr"
    ).run(1000)
    cycles = [entry.cycles for entry in m.core.exceptions_taken]
    # the counter leaves 0 in the first cycle after it is switched on
    assert cycles == [6 + 100 * n for n in range(1, 10)]
    assert m.r(4) == 9


def test_systick_from_the_divided_clock() -> None:
    m = Machine(SYSTICK.format(reload=9, control=3) + "b .\n.thumb_func\nsystick: bx lr").run(300)
    assert [entry.cycles for entry in m.core.exceptions_taken] == [86, 166, 246]


def test_systick_value_counts_down_and_wraps() -> None:
    m = Machine(
        SYSTICK.format(reload=3, control=5) + "\n".join(f"ldr r{n},[r0,#8]" for n in range(1, 9))
    ).run(16)
    # switched on by instruction 6; the reads are instructions 7 to 14
    assert [m.r(n) for n in range(1, 9)] == [3, 2, 1, 0, 3, 2, 1, 0]


def test_systick_count_flag_is_cleared_by_reading_and_by_writing_val() -> None:
    m = Machine(
        SYSTICK.format(reload=3, control=5)
        + """
        nop; nop; nop; nop; nop
        ldr r2,[r0]; ldr r3,[r0]
        nop; nop; nop; nop
        str r1,[r0,#8]
        ldr r4,[r0]
        b .
    """
    ).run(30)
    assert (m.r(2), m.r(3), m.r(4)) == (0x10005, 5, 5)


def test_systick_count_flag_is_right_in_the_very_cycle() -> None:
    m = Machine(
        SYSTICK.format(reload=3, control=5) + "nop; nop; nop; ldr r2,[r0]; ldr r3,[r0]; b ."
    )
    m.run(30)
    assert (m.r(2), m.r(3)) == (0x10005, 5)


def test_a_stopped_systick_keeps_its_value_and_goes_on() -> None:
    m = Machine(
        SYSTICK.format(reload=100, control=5)
        + """
        nop; nop; nop
        mov r1,#0; str r1,[r0]
        ldr r2,[r0,#8]; nop; nop; ldr r3,[r0,#8]
        mov r1,#5; str r1,[r0]
        ldr r4,[r0,#8]
        b .
    """
    ).run(40)
    assert m.r(2) == m.r(3) == 96
    assert m.r(4) == 95


def test_reload_of_zero_stops_systick_after_the_wrap() -> None:
    m = Machine(
        SYSTICK.format(reload=50, control=7)
        + "mov r1,#0; str r1,[r0,#4]\nb .\n.thumb_func\nsystick: add r4,#1\nbx lr"
    ).run(1000)
    assert m.r(4) == 1


def test_systick_follows_the_cpu_clock() -> None:
    m = Machine(SYSTICK.format(reload=999, control=7) + "b .\n.thumb_func\nsystick: bx lr").run(10)
    m.clock.hclk = 160_000_000
    m.run(2000)
    assert [entry.cycles for entry in m.core.exceptions_taken] == [1006, 2006]


def test_cycle_counter_needs_trcena_and_its_own_enable() -> None:
    m = Machine("""
        ldr r0,=0xE0001000; ldr r1,=0xE000EDFC; mov r2,#1; mov r3,#1<<24
        str r2,[r0]; ldr r4,[r0,#4]
        str r3,[r1]; nop; nop; ldr r5,[r0,#4]; ldr r6,[r0,#4]
        mov r2,#100; str r2,[r0,#4]; ldr r7,[r0,#4]
        b .
    """).run(30)
    assert (m.r(4), m.r(5), m.r(6), m.r(7)) == (0, 3, 4, 101)
    assert m.core.bus.load(0xE0001000) == 0x40000001


def test_debug_registers_survive_a_reset() -> None:
    m = Machine("b .")
    m.core.bus.store(0xE000EDFC, 4, 1 << 24)
    m.core.reset(FLASH)
    assert m.core.bus.load(0xE000EDFC) == 1 << 24
    assert not any("DEMCR" in view.name for view in m.core.scs.registers())


def test_m7_keeps_stkalign_and_branch_prediction_and_has_cache_enables() -> None:
    m = Machine("b .", spec=CORTEX_M7)
    m.core.bus.store(0xE000ED14, 4, 0x30000)
    assert m.core.bus.load(0xE000ED14) == 0x70200
    m.core.bus.store(0xE000EF50, 4, 0)  # ICIALLU
    assert m.core.bus.load(0xE000EF50) == 0
