"""The address map: shared memory, blocks, remapping, flash writes, self-modifying code."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from unicorn.arm_const import UC_ARM_REG_PRIMASK

from host_tests.bench.thumb import FLASH, RAM, Machine
from tools.bench.core import BusError, Memory
from tools.bench.cpu.nvic import PENDSV


class Word:
    """One register at any address."""

    def __init__(self, base: int, size: int = 4) -> None:
        self.name, self.base, self.size = f"word {base:#x}", base, size
        self.value = 0
        self.seen: list[tuple[str, int, int]] = []
        self.on_write: Callable[[], object] = lambda: None

    def read(self, offset: int, size: int) -> int:
        self.seen.append(("r", offset, size))
        return self.value >> 8 * (offset & 3) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        self.seen.append(("w", offset, size))
        self.value = value
        self.on_write()

    def reset(self) -> None: ...


def test_python_and_the_cpu_share_the_bytes() -> None:
    m = Machine("ldr r0,=0x20000100; ldr r1,[r0]; add r1,#1; str r1,[r0,#4]; b .")
    m.ram.store(0x100, 4, 41)
    m.run(20)
    assert m.ram.load(0x104, 4) == 42


def test_blocks_may_share_a_page_and_the_rest_of_it_is_a_hole() -> None:
    m = Machine("""
        ldr r0,=0x40010000
        mov r1,#0x11; str r1,[r0]
        mov r1,#0x22; strh r1,[r0,#0x1C]
        ldrb r2,[r0,#1]
        ldr r3,[r0,#0x20]
        .thumb_func
hardfault: b .
    """)
    a, b = Word(0x40010000), Word(0x4001001C)
    m.core.map_block(a)
    m.core.map_block(b)
    m.run(30)
    assert (a.seen, b.seen) == ([("w", 0, 4), ("r", 1, 1)], [("w", 0, 2)])
    assert (a.value, b.value) == (0x11, 0x22)
    assert m.core.scb.faults.bfar == 0x40010020


def test_a_large_block_gets_offsets_from_its_base() -> None:
    m = Machine("ldr r0,=0x42001FFC; str r1,[r0]; ldr r0,=0x42000000; ldr r1,[r0]; b .")
    block = Word(0x42000000, 0x2000)
    m.core.map_block(block)
    m.run(20)
    assert block.seen == [("w", 0x1FFC, 4), ("r", 0, 4)]


@pytest.mark.parametrize("large", [True, False], ids=["over a page", "over a large block"])
def test_a_large_block_shares_no_page(large: bool) -> None:
    m = Machine("b .")
    word, block = Word(0x42001000), Word(0x42000000, 0x40000)
    m.core.map_block(word if large else block)
    with pytest.raises(ValueError, match="there already"):
        m.core.map_block(block if large else word)
    with pytest.raises(ValueError, match="there already"):
        m.core.map_memory(0x42001000, Memory(0x400))
    with pytest.raises(ValueError, match="there already"):
        m.core.map_block(Word(FLASH))


def test_the_alias_moves_before_the_next_instruction() -> None:
    """The store that remaps is followed by a load through the alias."""
    m = Machine("ldr r0,=0x40013800; mov r1,#0; ldr r2,[r1]; str r1,[r0]; ldr r3,[r1]; b .")
    other = Memory(0x10000, fill=0x5A)
    block = Word(0x40013800)

    def remap() -> None:
        m.core.unmap(0, 0x10000)
        m.core.map_memory(0, other, writable=False)

    block.on_write = lambda: m.core.after_instruction(remap)
    m.core.map_block(block)
    m.run(20)
    assert (m.r(2), m.r(3)) == (m.flash.load(0, 4), 0x5A5A5A5A)


def test_code_that_runs_through_the_alias_is_exchanged_under_it() -> None:
    m = Machine("""
        ldr r0,=0x40013800
        ldr r1,=here - 0x08000000 + 1
        bx r1
here:   str r1,[r0]
        mov r4,#1
        b .
    """)
    other = Memory(0x10000)
    other.view[:] = m.flash.view
    patch = m.labels["here"] + 2 - FLASH
    other.write(patch, bytes.fromhex("4ff00204"))  # mov.w r4,#2
    block = Word(0x40013800)

    def remap() -> None:
        m.core.unmap(0, 0x10000)
        m.core.map_memory(0, other, writable=False)

    block.on_write = lambda: m.core.after_instruction(remap)
    m.core.map_block(block)
    m.run(20)
    assert m.r(4) == 2


def test_stores_to_flash_go_to_its_controller() -> None:
    m = Machine("""
        ldr r0,=0x08008000; ldr r1,=0x12345678
        str r1,[r0]; strh r1,[r0,#4]; strb r1,[r0,#6]
        ldr r2,[r0]
        b .
    """)
    m.core.unmap(FLASH, 0x10000)
    seen: list[tuple[int, int, int]] = []

    def program(address: int, size: int, value: int) -> bool:
        seen.append((address, size, value))
        if size == 4:
            m.flash.store(address - FLASH, 4, m.flash.load(address - FLASH, 4) | 0xF0 & value)
        return False

    m.core.map_memory(FLASH, m.flash, writable=False, on_write=program)
    m.run(30)
    assert seen == [
        (0x08008000, 4, 0x12345678),
        (0x08008004, 2, 0x5678),
        (0x08008006, 1, 0x78),
    ]
    assert m.r(2) == 0x70  # what the controller made of it, not what was stored
    assert m.core.faults == []


def test_what_a_flash_controller_raises_is_not_lost() -> None:
    program = "ldr r0,=0x08008000; str r0,[r0]\n.thumb_func\nhardfault: b ."
    for error in (BusError("no"), KeyError("a bug")):
        m = Machine(program)
        m.core.unmap(FLASH, 0x10000)

        def refuse(address: int, size: int, value: int, error: Exception = error) -> bool:
            raise error

        m.core.map_memory(FLASH, m.flash, writable=False, on_write=refuse)
        if isinstance(error, BusError):
            assert m.run(20).core.scb.faults.bfar == 0x08008000
        else:
            with pytest.raises(KeyError, match="a bug"):
                m.run(20)
        assert m.flash.load(0x8000, 4) == 0


def test_a_signal_waits_for_the_end_of_the_slice() -> None:
    """What its handler raises could be lost in a callback, and the program would go on."""
    m = Machine("ldr r0,=0x40013800; str r0,[r0]; b .")
    word = Word(0x40013800)
    m.core.map_block(word)
    written: list[int] = []

    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)
        written.append(word.value)

    word.on_write = interrupt
    with pytest.raises(KeyboardInterrupt):
        m.run(20)
    assert written == [0x40013800]


def test_memory_that_goes_away_faults_from_the_next_instruction_on() -> None:
    m = Machine("""
        ldr r0,=0x40013800; ldr r1,=0x60000000; ldr r2,[r1]
        str r1,[r0]
bad:    ldr r3,[r1]
        .thumb_func
hardfault: b .
    """)
    m.core.map_memory(0x60000000, Memory(0x1000, fill=0x11))
    block = Word(0x40013800)
    block.on_write = lambda: m.core.after_instruction(lambda: m.core.unmap(0x60000000, 0x1000))
    m.core.map_block(block)
    m.run(30)
    assert m.r(2) == 0x11111111
    assert f"{m.labels['bad']:#010x}" in m.core.faults[0]


@pytest.mark.parametrize("at", [0x3F8, 0x3FA, 0x3FC, 0x3FE, 0x400])
def test_code_in_ram_that_runs_on_into_pages_where_none_was(at: int) -> None:
    m = Machine(f"""
        ldr r0,=0x60000001 + {at:#x}; mov r2,#0
        ldr r4,=0x60000440; str r2,[r4]  @ data until later
        blx r0
        b .
    """)
    pages = [Memory(0x400, name="RAM") for _ in range(2)]
    # adds.w r2,r2,#1; nop; adds.w r2,r2,#1; nop; adds.w r2,r2,#1; bx lr
    code = bytes(at) + bytes.fromhex("12f10102 00bf 12f10102 00bf 12f10102 7047")
    for n, page in enumerate(pages):
        page.write(0, code.ljust(0x800, b"\0")[n * 0x400 : (n + 1) * 0x400])
        m.core.map_memory(0x60000000 + n * 0x400, page)
    m.run(10)
    assert (m.r(2), m.pc) == (3, 0x60000000 + at + 16)
    assert m.core.instructions == 10
    m.run(10)
    assert (m.taken, m.core.faults) == ([], [])


def test_memory_that_is_exchanged_for_other_memory_under_code_in_ram() -> None:
    m = Machine("""
        ldr r4,=0x60000001; mov r2,#0; ldr r5,=0x40010000
        blx r4; str r2,[r5]; blx r4
        b .
    """)
    one, two = (Memory(0x400, name=name) for name in ("one", "two"))
    for memory, code in ((one, "0132 7047"), (two, "1032 7047")):  # adds r2,#1 or #16; bx lr
        memory.write(0, bytes.fromhex(code))
    word = Word(0x40010000)
    m.core.map_block(word)
    m.core.map_memory(0x60000000, one)

    def exchange() -> None:
        m.core.unmap(0x60000000, 0x400)
        m.core.map_memory(0x60000000, two)

    word.on_write = lambda: m.core.after_instruction(exchange)
    m.run(30)
    assert (m.r(2), m.taken) == (0x11, [])


COPY = """
        ldr r0,=0x20000200; ldr r5,=0x40013800
        ldr r1,=0x47702401; str r1,[r0]      @ movs r4,#1; bx lr
        orr r6,r0,#1
        blx r6
        mov r7,r4
        {change}
        blx r6
        b .
"""


def test_code_that_the_cpu_changes() -> None:
    m = Machine(COPY.format(change="ldr r1,=0x47702402; str r1,[r0]")).run(50)
    assert (m.r(7), m.r(4)) == (1, 2)


def test_code_that_python_changes() -> None:
    m = Machine(COPY.format(change="str r1,[r5]"))
    block = Word(0x40013800)
    block.on_write = lambda: m.ram.write(0x200, bytes.fromhex("03247047"))
    m.core.map_block(block)
    m.run(50)
    assert (m.r(7), m.r(4)) == (1, 3)


def test_code_that_a_stacked_frame_overwrites() -> None:
    m = Machine("""
        ldr r3,=0x20007FE0; ldr r0,=0x47702001; str r0,[r3]   @ movs r0,#1; bx lr
        orr r4,r3,#1; blx r4; mov r8,r0
        ldr r0,=0x47702002; svc #0                            @ movs r0,#2; bx lr
        blx r4; mov r9,r0
        b .
        .thumb_func
svcall: bx lr
    """).run(50)
    assert (m.r(8), m.r(9)) == (1, 2)


def test_code_that_is_programmed_where_erased_flash_was_run_into() -> None:
    m = Machine("""
        ldr r0,=0x08008000; orr r6,r0,#1
        blx r6                                @ erased: a fault
        ldr r1,=0x47702404; str r1,[r0]       @ movs r4,#4; bx lr
        blx r6
        b .
        .thumb_func
hardfault: ldr r1,[sp,#20]; str r1,[sp,#24]   @ return to LR instead
        add r7,#1
        bx lr
    """)
    m.erase_for_programming(0x8000)
    m.run(100)
    assert (m.r(7), m.r(4)) == (1, 4)


@pytest.mark.parametrize("masked", [False, True], ids=["", "something is masked"])
@pytest.mark.parametrize("known", [1, 2], ids=["not reached", "reached"])
def test_code_that_is_programmed_behind_code_that_was_executed(known: int, masked: bool) -> None:
    m = Machine("b .")
    m.core.engine.set(UC_ARM_REG_PRIMASK, masked)
    if masked:
        m.core.pend(PENDSV)
    m.flash.fill(0x8000, 0x400, 0xFF)
    m.flash.write(0x8000, bytes.fromhex("01240125"))  # movs r4,#1; movs r5,#1; then erased
    for instructions in (known, 5):
        m.core.engine.branch(FLASH + 0x8000)
        m.run(instructions)
        m.flash.store(0x8004, 4, 0xE7FE2703)  # movs r7,#3; b .
    assert (m.r(4), m.r(5), m.r(7)) == (1, 1, 3)
    assert not m.core.faults
    assert m.core.instructions == known + 5


def test_memory_where_code_may_not_run() -> None:
    m = Machine("ldr r0,=0x60000001; bx r0\n.thumb_func\nhardfault: b .")
    m.core.map_memory(0x60000000, Memory(0x400), executable=False)
    m.run(20)
    assert m.core.scb.faults.cfsr == 1 << 8


def test_access_from_python() -> None:
    m = Machine("b .")
    block = Word(0x40013800)
    m.core.map_block(block)
    m.core.bus.store(0x40013800, 4, 7)
    m.core.bus.store(RAM + 8, 2, 0xBEEF)
    assert (m.core.bus.load(0x40013800), m.core.bus.load(RAM + 8)) == (7, 0xBEEF)
    for access in (
        lambda: m.core.bus.load(0x40013804),
        lambda: m.core.bus.load(0x70000000),
        lambda: m.core.bus.store(0x70000000, 4, 0),
        lambda: m.core.bus.store(FLASH, 4, 0),
    ):
        with pytest.raises(BusError):
            access()


def test_bad_maps_are_sentences() -> None:
    m = Machine("b .")
    with pytest.raises(ValueError, match="not a multiple of 1024"):
        Memory(1000)
    with pytest.raises(ValueError, match="cannot be unmapped in part"):
        m.core.unmap(RAM, 0x400)
    with pytest.raises(IndexError, match="outside its 0x10000 bytes"):
        m.ram.read(0xFFFF, 2)
