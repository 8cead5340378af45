"""Every die of every family: it is found, its script is its table's, and it can be refused."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import AS_DELIVERED, CPUID, GoneError
from tools.tables import dies, f72, g0, g4, h7, h7a, l0
from tools.tables.family import Die, Family
from tools.tables.language import pack

Make = Callable[..., Board]
each_die = pytest.mark.parametrize(("family", "die"), dies(), ids=lambda x: str(x))
APB2ENR, DBGEN = 0x40021034, 1 << 22
L073, H743 = 0x447, 0x450
VTOR, STACKS = 0xE000ED08, 0x08000000


@each_die
def test_it_is_found_and_gets_its_script(family: Family, die: Die, make: Make) -> None:
    board = make(dev_id=die.dev_id)
    plan = board.romboot.plan()
    assert plan
    assert plan.chip.family.__name__ == f"romboot.{family.module}"
    script = pack(family.script(die)) + struct.pack("<3I", 2, family.vectors, 0)
    assert bytes(plan.image[20 : 20 + len(script)]) == script
    ram = die.rams[0]
    assert struct.unpack_from("<5I", plan.image) == (
        (20 + len(script)) // 4,
        ram.base,
        ram.base + ram.size,
        ram.base | 0x10 | max(family.mpu_regions - 1, 0),
        0x03060027,
    )


def test_the_first_revision_of_the_f405_shows_another_dev_id(make: Make) -> None:
    """0x411, the F2's, on a Cortex-M4 (errata sheet DM00037591, 2.1.2)."""
    board = make(dev_id=0x411, rev_id=0x2000)
    chip = board.romboot.plan().chip
    assert chip.idcode == 0x20000411
    assert bytes(board.entry.Entry().image) == bytes(make(dev_id=0x413).entry.Entry().image)
    board = make(dev_id=0x411, rev_id=0x2000)
    assert board.romboot.info().name == "STM32F405/407/415/417"
    board.registers.poke(CPUID, 0x412FC230)  # an F2
    with pytest.raises(board.errors.UnknownChipError, match="0x411"):
        board.romboot.plan()


@each_die
def test_plan_and_info_say_what_it_is(family: Family, die: Die, make: Make) -> None:
    board = make(dev_id=die.dev_id)
    board.registers.poke(die.rom_id, die.ids[-1], 1)
    for number, address in enumerate(family.unique_id):
        board.registers.poke(address, 0x01010101 * number)
    info = board.romboot.info()
    assert (info.name, info.id, info.rdp) == (die.name, die.ids[-1], 0)
    assert info.uid == b"\0\0\0\0\1\1\1\1\2\2\2\2"
    assert not info.warnings
    lines = repr(board.romboot.plan(force=True)).splitlines()
    assert die.name in lines[-1]


@each_die
def test_a_plan_names_registers_as_the_manual_does(family: Family, die: Die, make: Make) -> None:
    """As the tables do, which test_facts.py and test_registers.py compare with other sources."""
    names = {r.address: r.name for step in family.script(die) for r in step.registers}
    plan = make(dev_id=die.dev_id).romboot.plan()
    rows = [line.split() for line in repr(plan).splitlines() if line.startswith("0x")]
    assert len(rows) > 30
    assert [row[1] for row in rows] == [names[int(row[0], 16)] for row in rows]


@each_die
def test_the_room_for_a_plan_is_large_enough(family: Family, die: Die, make: Make) -> None:
    board = make(dev_id=die.dev_id)
    plan = board.romboot.plan()
    other_verdicts = 700  # a reason not to go, and a few warnings
    assert len(repr(plan)) + other_verdicts <= board.facts._ROOM * len(plan.image)


@pytest.mark.parametrize("family", [l0.FAMILY, h7.FAMILY, g0.FAMILY, g4.FAMILY], ids=str)
@pytest.mark.parametrize(("byte", "level"), [(0xAA, 0), (0xCC, 2), (0x55, 1)])
def test_the_protection_level_is_where_the_family_has_it(
    family: Family, byte: int, level: int, make: Make
) -> None:
    board = make(dev_id=family.dies[0].dev_id)
    assert family.protection
    board.registers.poke(family.protection.address, byte << family.protection_shift)
    assert board.romboot.info().rdp == level


AREAS = {0x000000FF: False, 0x00100010: True, 0x80200010: True, 0x800F0010: False, 0: True}
PCROP = {
    **{0x4002201C: {0x1AA: True, 0xAA: False}, 0x52002028: AREAS, 0x52002128: AREAS},
    0x40023C1C: {0x800000FF: True, 0x80: True, 0x80000000: False, 0: False},
}


@pytest.mark.parametrize("family", [l0.FAMILY, h7.FAMILY, h7a.FAMILY, f72.FAMILY], ids=str)
def test_pcrop_is_seen(family: Family, make: Make) -> None:
    """H7: bit 31 is DMEP; an area whose ends are the same is the whole bank."""
    board = make(dev_id=family.dies[0].dev_id)
    assert not board.romboot.info().pcrop
    assert family.pcrop
    for register in (*family.pcrop.registers, *(area.start for area in family.pcrop.areas)):
        for value, on in PCROP[register.address].items():
            board.registers.poke(register.address, value)
            info = board.romboot.info()
            assert info.pcrop == on
            assert (family.pcrop.about in info.table()) == on
            assert ("PCROP" in repr(board.romboot.plan())) == on
        board.registers.poke(register.address, AS_DELIVERED[family.name][register.address])


@pytest.mark.parametrize("call", ["enter_bootloader", "plan", "info"])
def test_an_stm32n6_is_refused_by_name_with_the_way_that_exists(call: str, make: Make) -> None:
    board = make()
    board.registers.poke(CPUID, 0x411FD221)
    words = r"STM32N6.*machine\.bootloader\(\).*BOOT0"
    with pytest.raises(board.romboot.RomBootError, match=words):
        getattr(board.romboot, call)()
    assert board.fake.written == []


def test_the_clock_of_dbgmcu_is_on_only_for_a_look(make: Make) -> None:
    board = make(dev_id=L073)
    board.registers.poke(APB2ENR, 0x4001)
    assert board.romboot.plan()
    assert [entry[:2] for entry in board.fake.written] == [
        (APB2ENR, 0x4001 | DBGEN),
        (APB2ENR, 0x4001),
    ]


def test_a_clock_that_was_on_stays_on_and_a_refusal_changes_nothing(make: Make) -> None:
    board = make(dev_id=0x499)
    board.registers.poke(CPUID, l0.FAMILY.core.partno << 4)
    board.registers.poke(APB2ENR, DBGEN)
    with pytest.raises(board.errors.UnknownChipError, match="core 0xC60"):
        board.romboot.enter_bootloader()
    assert board.registers.peek(APB2ENR) == DBGEN


@pytest.mark.parametrize(("rom", "closed"), [(0x40, False), (0x41, True)])
def test_a_rom_that_goes_back_to_the_application_is_refused(
    rom: int, closed: bool, make: Make
) -> None:
    """ROM 4.1 of the L073; force=True tries all the same."""
    board = make(dev_id=L073)
    board.registers.poke(0x1FF01FFE, rom, 1)
    if closed:
        with pytest.raises(board.errors.ClosedRomError, match="0x41"):
            board.romboot.enter_bootloader()
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(force=closed)


@pytest.mark.parametrize(
    ("stack", "ram"),
    [
        (0x24080000, (0x24000000, 0x24080000)),
        (0x20020000, (0x20000000, 0x20020000)),
        (0x20020004, (0x24000000, 0x24080000)),
        (0xD0200000, (0x24000000, 0x24080000)),
    ],
)
def test_the_last_steps_run_where_the_main_stack_is(
    stack: int, ram: tuple[int, int], make: Make
) -> None:
    """AXI SRAM or DTCM of an H743; where it is in neither, helper() will say so."""
    board = make(dev_id=H743)
    board.registers.poke(VTOR, STACKS)
    board.registers.poke(STACKS, stack)
    low, high = struct.unpack_from("<2I", board.romboot.plan().image, 4)
    assert (low, high) == ram


@pytest.mark.parametrize("stack", [0x20020000, 0x24080000])
def test_the_rom_may_have_its_stack_in_any_sram(stack: int, make: Make) -> None:
    board = make(dev_id=H743)
    board.registers.poke(h7.FAMILY.vectors, stack)
    assert board.romboot.plan()
    board.registers.poke(h7.FAMILY.vectors, stack + 4)
    (reason,) = board.romboot.plan().reasons
    assert f"0x{stack + 4:08X}" in str(reason)


def test_a_usart_of_later_families_is_drained_by_its_isr(make: Make) -> None:
    """USART2 of an L073: ISR.TC at 0x1C, CR1 at 0."""
    board = make(dev_id=L073)
    usart = 0x40004400
    board.registers.poke(0x40021038, 1 << 17)
    board.registers.poke(usart, 0x0009)
    clock = board.fake.clock
    start = clock.now
    clock.on_tick = lambda: board.registers.poke(usart + 0x1C, 0x40 * (clock.now - start > 20))
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()
    assert 20 <= clock.now - start <= 30


def test_a_full_speed_device_is_detached_by_its_pull_up(make: Make) -> None:
    """BCDR.DPPU of an L073."""
    board = make(dev_id=L073)
    bcdr = 0x40005C58
    board.registers.poke(0x40021038, 1 << 23)
    board.registers.poke(bcdr, 0x8000)
    board.fake.helper.blocked_to_go = 0x20000100
    with pytest.raises(board.errors.StackError):
        board.romboot.enter_bootloader()
    writes = [value for address, value, _ in board.fake.written if address == bcdr]
    assert writes == [0, 0x8000]


def test_a_module_that_is_not_installed_is_named(make: Make) -> None:
    import sys

    board = make(dev_id=H743)
    sys.modules["romboot.stm32h7"] = None  # type: ignore[assignment]
    with pytest.raises(
        board.errors.MissingModuleError, match=r"romboot\.stm32h7 is not installed"
    ):
        board.romboot.plan()
