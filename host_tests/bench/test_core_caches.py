"""The caches of a Cortex-M7: what software forgets about them is named (cpu/caches.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_tests.bench.thumb import FLASH, RAM, Machine
from tools.bench.core import CORTEX_M7, Memory
from tools.bench.cpu.cache_registers import ccsidr

CODE, DATA = RAM + 0x400, RAM + 0x1000
DC, IC = 1 << 16, 1 << 17
# Registers by name for the assembler, and programs that end in `b .`.
NAMES = """
        .equ ICIALLU, 0xE000EF50
        .equ ICIMVAU, 0xE000EF58
        .equ DCIMVAC, 0xE000EF5C
        .equ DCISW, 0xE000EF60
        .equ DCCMVAU, 0xE000EF64
        .equ DCCMVAC, 0xE000EF68
        .equ DCCSW, 0xE000EF6C
        .equ DCCIMVAC, 0xE000EF70
        .equ DCCISW, 0xE000EF74
        .macro to register, value
        ldr r11,=\\register; ldr r12,=\\value; str r12,[r11]; dsb; isb
        .endm
        .macro every_set_and_way operation     @ of 4 KiB in 4 ways
        ldr r11,=\\operation; mov r9,#31
1:      mov r10,#3
2:      lsl r12,r9,#5; orr r12,r12,r10,lsl #30; str r12,[r11]
        subs r10,#1; bpl 2b
        subs r9,#1; bpl 1b
        dsb; isb
        .endm
"""
STORE_CODE = f"ldr r0,={CODE:#x}; ldr r1,=0x47702707; str r1,[r0]; dsb; isb\n"  # movs r7,#7; bx lr
CALL = "orr r1,r0,#1; blx r1\n"
STORE = f"ldr r0,={DATA:#x}; ldr r1,=0x1234; str r1,[r0]; dsb\n"
LOAD = f"ldr r0,={DATA:#x}; ldr r7,[r0]\n"


def on(which: int) -> str:
    return f"to ICIALLU, 0\nto CCR, {which:#x}\n"


def run(code: str, *, prepare: str = "", cycles: int = 3000) -> Machine:
    return Machine(f"{NAMES}{prepare}\n{code}\nb .", spec=CORTEX_M7).run(cycles)


NOT_CLEANED, NOT_INVALIDATED = "was not cleaned", "was not invalidated after the code was stored"
CLEAN = f"to DCCMVAU, {CODE:#x}\n"


@pytest.mark.parametrize(
    ("caches", "maintenance", "missed"),
    [
        (0, "", ()),
        (DC | IC, "", (NOT_CLEANED, NOT_INVALIDATED)),
        (DC | IC, CLEAN, (NOT_INVALIDATED,)),
        (DC | IC, "to ICIALLU, 0\n", (NOT_CLEANED,)),
        (DC | IC, CLEAN + "to ICIALLU, 0\n", ()),
        (DC | IC, CLEAN + f"to ICIMVAU, {CODE + 28:#x}\n", ()),
        (DC | IC, f"to DCCIMVAC, {CODE:#x}\nto ICIALLU, 0\n", ()),
        (DC | IC, f"to DCCMVAC, {CODE + 32:#x}\nto ICIALLU, 0\n", (NOT_CLEANED,)),
        (DC | IC, f"{CLEAN}to ICIMVAU, {CODE + 32:#x}\n", (NOT_INVALIDATED,)),
        (DC | IC, "every_set_and_way DCCSW\nto ICIALLU, 0\n", ()),
        (DC, "", (NOT_CLEANED,)),
        (DC, CLEAN, ()),
        (IC, "", (NOT_INVALIDATED,)),
        (IC, "to ICIALLU, 0\n", ()),
    ],
)
def test_code_that_is_stored_and_executed(
    caches: int, maintenance: str, missed: tuple[str, ...]
) -> None:
    m = run(on(caches) + STORE_CODE + maintenance + CALL)
    assert m.r(7) == 7
    assert len(m.core.violations) == len(missed)
    for sentence, words in zip(m.core.violations, missed, strict=True):
        assert words in sentence and f"{CODE:#010x}" in sentence


def test_code_that_changes_is_missed_each_time() -> None:
    again = "ldr r1,=0x47702708; str r1,[r0]; dsb; isb\n"
    m = run(on(DC | IC) + STORE_CODE + CLEAN + "to ICIALLU, 0\n" + CALL + again + CLEAN + CALL)
    assert len(m.core.violations) == 1 and NOT_INVALIDATED in m.core.violations[0]


def test_code_that_was_there_before_the_caches_were_on() -> None:
    assert run(STORE_CODE + on(DC | IC) + CALL).core.violations == []


def test_code_in_tightly_coupled_memory_needs_nothing() -> None:
    m = Machine(f"{NAMES}{on(DC | IC)}{STORE_CODE}{CALL}b .", spec=CORTEX_M7)
    m.core.unmap(RAM, m.ram.size)
    m.core.map_memory(RAM, m.ram, tcm=True)
    m.run(200)
    assert (m.r(7), m.core.violations) == (7, [])


# RASR of 256 KiB: TEX, C, B, S, full access
NORMAL_NC, WRITE_THROUGH, WRITE_BACK = 0x03080023, 0x03020023, 0x030B0023
SHAREABLE, DEVICE = WRITE_BACK | 1 << 18, 0x03010023
MPU = f"to 0xE000ED9C, {RAM:#x}\nto 0xE000EDA0, {{rasr:#x}}\nto 0xE000ED94, 5\n"


@pytest.mark.parametrize(
    ("rasr", "missed"),
    [
        *((NORMAL_NC, []), (SHAREABLE, []), (DEVICE, [])),
        (WRITE_THROUGH, [NOT_INVALIDATED]),
        (WRITE_BACK, [NOT_CLEANED, NOT_INVALIDATED]),
    ],
)
def test_the_mpu_says_what_is_cached(rasr: int, missed: list[str]) -> None:
    m = run(on(DC | IC) + STORE_CODE + CALL, prepare=MPU.format(rasr=rasr))
    found = m.core.violations
    assert [words in sentence for words, sentence in zip(missed, found, strict=True)] == [
        True
    ] * len(missed)


def test_a_line_stays_dirty_when_the_mpu_takes_it_out_of_the_cache() -> None:
    m = run(on(DC) + STORE + MPU.format(rasr=NORMAL_NC))
    assert m.core.caches and m.core.caches.dirty_lines() == [DATA]
    m = run(on(DC) + MPU.format(rasr=NORMAL_NC) + STORE + MPU.format(rasr=WRITE_BACK))
    assert m.core.caches and m.core.caches.dirty_lines() == []


# -- dirty lines ----------------------------------------------------------------------------


def test_lines_that_a_program_stores_to_are_dirty_until_they_are_cleaned() -> None:
    for code, dirty in (("", [DATA]), (f"to DCCMVAC, {DATA + 4:#x}\n", [])):
        m = run(on(DC) + STORE + code)
        assert m.core.caches and m.core.caches.dirty_lines() == dirty


def test_dirty_lines_when_the_d_cache_is_switched_off() -> None:
    m = run(on(DC) + STORE + "to CCR, 0\n")
    assert m.core.violations == []
    first, second = m.core.left_behind()
    assert f"1 lines (the first at {DATA:#010x}) are dirty" in first
    assert "the D-cache was not invalidated" in second
    m = run(on(DC) + STORE + "to CCR, 0\n" + LOAD)
    assert [f"loaded from {DATA:#010x}" in s for s in m.core.violations] == [True]


def test_invalidating_a_dirty_line_loses_it() -> None:
    for operation in (f"to DCIMVAC, {DATA:#x}\n", "every_set_and_way DCISW\n"):
        (sentence,) = run(on(DC) + STORE + operation).core.violations
        assert f"{DATA:#010x} was invalidated" in sentence and "lost" in sentence


@pytest.mark.parametrize(("code", "word"), [("", 0), (f"to DCCMVAC, {DATA:#x}\n", 0x1234)])
def test_a_reset_loses_what_is_dirty(code: str, word: int) -> None:
    m = run(on(DC | IC) + STORE + code)
    assert m.word(DATA) == 0x1234
    m.core.reset(FLASH)
    assert m.word(DATA) == word
    assert m.core.left_behind() == []
    assert m.core.scb.ccr & (DC | IC) == 0


def test_memory_that_goes_away_with_dirty_lines() -> None:
    m = Machine(f"{NAMES}{on(DC)}ldr r0,=0x60000000; str r0,[r0]\nb .", spec=CORTEX_M7)
    m.core.map_memory(0x60000000, Memory(0x400, name="sdram"))
    m.run(100)
    m.core.unmap(0x60000000, 0x400)
    m.run(1)
    (sentence,) = m.core.violations
    assert "sdram at 0x60000000 was unmapped" in sentence


def test_a_reset_that_takes_a_memory_away_takes_the_dirty_lines_too() -> None:
    m = Machine(f"{NAMES}{on(DC)}ldr r0,=0x60000000; str r0,[r0]\nb .", spec=CORTEX_M7)
    m.core.map_memory(0x60000000, Memory(0x400, name="sdram"))
    m.run(100)
    m.core.unmap(0x60000000, 0x400)
    m.core.reset(FLASH)
    m.run(1)
    assert m.core.violations == []


# -- as CMSIS does it -----------------------------------------------------------------------

ENABLE = f"to ICIALLU, 0\nto CCR, {IC:#x}\nevery_set_and_way DCISW\nto CCR, {DC | IC:#x}\n"
DISABLE = f"to CCR, {IC:#x}\nevery_set_and_way DCCISW\nto CCR, 0\nto ICIALLU, 0\n"


def test_on_and_off_in_the_order_of_cmsis() -> None:
    m = run(ENABLE + STORE + DISABLE + LOAD)
    assert (m.core.violations, m.core.left_behind(), m.r(7)) == ([], [], 0x1234)


@pytest.mark.parametrize(
    ("disable", "left"),
    [
        (DISABLE.replace("to ICIALLU, 0\n", ""), "I-cache was not invalidated"),
        (DISABLE.replace("DCCISW", "DCCSW"), "D-cache was not invalidated"),
        (f"to CCR, {DC | IC:#x}\n" + DISABLE[DISABLE.index("every") :], "D-cache was not"),
    ],
)
def test_what_is_forgotten_is_named(disable: str, left: str) -> None:
    (sentence,) = run(ENABLE + STORE + disable).core.left_behind()
    assert left in sentence


# -- the rest -------------------------------------------------------------------------------


def test_what_python_writes_is_coherent() -> None:
    m = run(on(DC | IC))
    m.ram.write(CODE - RAM, bytes.fromhex("0727 7047"))
    m.core.engine.branch(CODE | 1)
    m.run(1)
    assert (m.r(7), m.core.violations) == (7, [])
    assert m.core.caches and m.core.caches.dirty_lines() == []


def test_a_stacked_frame_is_dirty() -> None:
    m = run(on(DC) + "svc #0\nb .\n.thumb_func\nsvcall: bx lr")
    assert m.core.caches and m.core.caches.dirty_lines() == [RAM + 0x7FE0]


def test_cache_registers() -> None:
    # DDI 0489E table 4-10
    assert (ccsidr(4096, 4), ccsidr(4096, 2)) == (0xF003E019, 0xF007E009)
    assert (ccsidr(16384, 4), ccsidr(16384, 2)) == (0xF00FE019, 0xF01FE009)
    spec = replace(CORTEX_M7, irq_count=150, icache=16384, dcache=16384)
    m = Machine("b .", spec=spec)
    store, load = m.core.bus.store, m.core.bus.load
    assert (load(0xE000ED78), load(0xE000ED7C)) == (0x09000003, 0x8303C003)
    assert load(0xE000ED80) == 0xF00FE019
    store(0xE000ED84, 4, 1)
    assert load(0xE000ED80) == 0xF01FE009
    store(0xE000ED84, 4, 2)
    assert load(0xE000ED80) == 0
    store(0xE000EF9C, 4, 0xFFFFFFFF)
    assert load(0xE000EF9C) == 7
    names = {view.name for view in m.core.scs.registers()}
    assert {"CLIDR", "CSSELR", "CACR", "ITCMCR", "DTCMCR"} <= names
