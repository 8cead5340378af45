"""States that no jump clears: each row of the tables leads to a reset, or is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import GoneError
from tools.tables import FAMILIES, h7
from tools.tables.family import Family, State

Make = Callable[..., Board]
H743, H723, H7A3, L073, F429 = 0x450, 0x483, 0x480, 0x447, 0x419
LINE_ID, OPTSR_CUR = 0x1FF1E8C0, 0x5200201C
BCM4, AS_DELIVERED = 1 << 22, 0x1BC6AAF0
ROWS = [(f, s) for f in FAMILIES for s in f.states if not s.lasting]
LASTING = [(f, s) for f in FAMILIES for s in f.states if s.lasting]
HARMLESS = [(f, s) for f, s in ROWS if s.harmless]
GRAVE = [row for row in ROWS if row not in HARMLESS]


def each(rows: list[tuple[Family, State]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("family", "state"), rows, ids=[f"{f}: {s.about}" for f, s in rows]
    )


each_row = each(ROWS)


def with_state(family: Family, state: State, make: Make) -> Board:
    board = make(dev_id=family.dies[0].dev_id)
    for check in state.checks:
        board.registers.poke(check.address, check.value)
    return board


def with_hook(board: Board) -> list[int]:
    """A build that can go through a reset; what was reset."""
    gone: list[int] = []

    class Reset:
        missing = ""

        def __init__(self, *_: object) -> None:
            pass

        def go(self) -> None:
            gone.append(1)
            raise GoneError

    board.reset.hook = lambda family: (0x20000000, "")  # type: ignore[attr-defined]
    board.reset.Reset = Reset  # type: ignore[attr-defined]
    return gone


def test_without_one_the_jump_is_the_way(make: Make) -> None:
    for family in FAMILIES:
        entry = make(dev_id=family.dies[0].dev_id).entry.Entry()
        assert (entry.via, entry.reasons) == ("jump", [])


@each_row
def test_it_leads_to_a_reset(family: Family, state: State, make: Make) -> None:
    board = with_state(family, state, make)
    gone = with_hook(board)
    plan = board.romboot.plan()
    assert (plan.via, plan.reasons) == ("reset", [])
    assert state.about in repr(plan)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()
    assert gone


@each(HARMLESS)
def test_what_a_rom_can_live_with_stays_where_no_reset_leads_to_it(
    family: Family, state: State, make: Make
) -> None:
    board = with_state(family, state, make)
    plan = board.romboot.plan()
    assert (plan.via, plan.reasons) == ("jump", [])
    assert f"this stays: {state.about}, as the stack starts at" in repr(plan)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()


@each(GRAVE)
def test_it_is_refused_where_no_reset_leads_to_the_rom(
    family: Family, state: State, make: Make
) -> None:
    """The fake has no hook. What is written is only the clock of DBGMCU, and put back."""
    board = with_state(family, state, make)
    with pytest.raises(board.errors.StateError) as caught:
        board.romboot.enter_bootloader()
    for words in (state.about, "only a reset", "no room for boot state", "Press reset", "BOOT0"):
        assert words in str(caught.value)
    assert not board.romboot.plan()
    assert board.fake.events == []
    for check in state.checks:
        assert board.registers.peek(check.address) == check.value


@each(LASTING)
def test_what_no_reset_clears_is_refused_by_each_way(
    family: Family, state: State, make: Make
) -> None:
    """force=True enters all the same."""
    board = with_state(family, state, make)
    with_hook(board)
    for via in None, "jump", "reset":
        with pytest.raises(board.errors.LastingError) as caught:
            board.romboot.enter_bootloader(via=via)
        for words in (state.about, "BOOT0", "force=True"):
            assert words in str(caught.value)
    assert state.about in repr(board.romboot.plan())
    assert board.fake.events == []
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(force=True)


@each_row
def test_a_jump_as_asked_says_what_stays(family: Family, state: State, make: Make) -> None:
    board = with_state(family, state, make)
    plan = board.romboot.plan(via="jump")
    assert plan
    assert f"the caller chose it; this stays: {state.about}." in repr(plan)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="jump")


def test_all_that_is_set_is_named(make: Make) -> None:
    board = make(dev_id=H743)
    board.registers.poke(0x58024400, 1 << 19)
    board.registers.poke(0x580244A0, 9)
    said = repr(board.romboot.plan())
    assert all(word in said for word in ("CSSHSEON", "WW1RSC", "BOOT_C2"))


def line(text: str) -> int:
    return int.from_bytes(text.encode(), "big")


@pytest.mark.parametrize("name", ["H745", "H747", "H755", "H757"])
def test_a_second_core_that_starts_at_each_reset_is_refused(name: str, make: Make) -> None:
    board = make(dev_id=H743)
    board.registers.poke(LINE_ID, line(name))
    board.registers.poke(OPTSR_CUR, AS_DELIVERED)
    for via in None, "jump", "reset":
        with pytest.raises(board.errors.RomBootError, match=r"Cortex-M4|via='reset'"):
            board.romboot.enter_bootloader(via=via)
    (reason,) = board.romboot.plan().reasons
    assert isinstance(reason, board.errors.LastingError)
    assert all(word in str(reason) for word in ("FLASH_OPTSR.BCM4", "BOOT0", "force=True"))
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(force=True)
    board.registers.poke(OPTSR_CUR, AS_DELIVERED & ~BCM4)
    assert board.romboot.plan()


@pytest.mark.parametrize("word", [line(n) for n in ("H742", "H743", "H750", "H753")] + [0])
def test_that_option_byte_says_nothing_on_a_single_core(word: int, make: Make) -> None:
    """It is 1 there, too."""
    board = make(dev_id=H743)
    board.registers.poke(LINE_ID, word)
    board.registers.poke(OPTSR_CUR, AS_DELIVERED)
    assert board.romboot.plan()


@pytest.mark.parametrize(
    ("dev_id", "word", "dual", "words"),
    [
        (H743, line("H747"), True, ["two", "STM32H747"]),
        (H743, line("H755"), True, ["two", "STM32H755"]),
        (H743, line("H743"), False, ["one", "STM32H743"]),
        (H723, line("H725"), False, ["one", "STM32H725"]),
        (H743, 0xFFFFFFFF, None, ["one or two", "0xFFFFFFFF"]),
        (H7A3, 0, False, []),
        (L073, 0, False, []),
        (F429, 0, False, []),
    ],
)
def test_info_says_how_many_cores(
    dev_id: int, word: int, dual: bool | None, words: list[str], make: Make
) -> None:
    board = make(dev_id=dev_id)
    board.registers.poke(LINE_ID, word)
    info = board.romboot.info()
    assert info.dual_core is dual
    lines = [text for text in info.table().splitlines() if text.startswith("cores")]
    assert len(lines) == bool(words)
    assert all(word in lines[0] for word in words)


def test_line_identifiers() -> None:
    """Of all names that ST has given to chips with this DEV_ID, those with a Cortex-M4."""
    assert h7.FAMILY.dual_core
    check = h7.FAMILY.dual_core
    names = ("H742", "H743", "H745", "H747", "H750", "H753", "H755", "H757")
    others = ("H723", "H725", "H730", "H733", "H735")
    found = {name for name in names + others if line(name) & check.mask == check.value}
    assert found == {"H745", "H747", "H755", "H757"}
