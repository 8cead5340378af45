"""Each reason not to go: the right exception, what was read in its text, and nothing written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import CPUID, IDCODE, OPTCR, SRAM, VECTORS, GoneError

ICSR = 0xE000ED04
L073, F429 = 0x447, 0x419

Spoil = Callable[[Board], None]


def poke(address: int, value: int) -> Spoil:
    return lambda board: board.registers.poke(address, value)


def not_a_pyboard(board: Board) -> None:
    board.fake.sys.platform = "rp2"


def unprivileged(board: Board) -> None:
    board.fake.helper.control = 3  # nPRIV and SPSEL


def stack_elsewhere(board: Board) -> None:
    board.fake.helper.blocked_to_look = 0xD01FFFF8  # in SDRAM


def code_in_sdram(board: Board) -> None:
    board.fake.helper.code_address = 0xD0012340


RAM_END = SRAM + 192 * 1024


def no_memory_there(*_: object) -> int:
    raise OSError("EACCES on /dev/mem")


@pytest.mark.parametrize("call", ["enter_bootloader", "plan", "info"])
def test_another_port_is_told_before_anything_is_read(
    call: str, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unix port's mem32 is /dev/mem, and machine code is elsewhere in its objects."""
    not_a_pyboard(board)
    monkeypatch.setattr(board.registers, "peek", no_memory_there)
    monkeypatch.setattr(board.entry.jump, "code_address", no_memory_there)
    monkeypatch.setattr(board.entry.jump, "helper", no_memory_there)
    with pytest.raises(board.errors.NotSTM32Error):
        getattr(board.romboot, call)()


def test_an_f7_is_not_read_where_an_h7_has_its_idcode(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That would be a BusFault: the core is the same, the number of MPU regions is not. The
    DEV_ID here is of no F7."""
    board.registers.poke(CPUID, 0x411FC270)
    peek = board.registers.peek

    def read(address: int, size: int = 4) -> int:
        assert address >> 28 == 0xE, f"0x{address:08X} was read"
        return peek(address, size)

    monkeypatch.setattr(board.registers, "peek", read)
    with pytest.raises(board.errors.UnknownChipError, match="core 0xC27, DEV_ID 0x419"):
        board.romboot.plan()


NONE = "0: none could be read"

# What is wrong, the exception, and words that its text must have.
REASONS = {
    "another port": (not_a_pyboard, "NotSTM32Error", ["rp2", "pyboard"]),
    "another core": (poke(CPUID, 0x411FD232), "UnknownChipError", ["0xD23", NONE, "BOOT0"]),
    "another die": (
        poke(IDCODE, 0x10000422),
        "UnknownChipError",
        ["0xC24", "DEV_ID 0x422", "BOOT0"],
    ),
    "no die": (poke(IDCODE, 0), "UnknownChipError", [NONE]),
    "erased ROM": (poke(VECTORS, 0xFFFFFFFF), "BadRomError", ["0xFFFFFFFF", "0x1FFF0000"]),
    "blank ROM": (poke(VECTORS, 0), "BadRomError", ["0x00000000", "SWD"]),
    "stack at the start of SRAM": (poke(VECTORS, SRAM), "BadRomError", ["0x20000000"]),
    "stack above SRAM": (poke(VECTORS, RAM_END + 4), "BadRomError", ["0x20030004", "0x20030000"]),
    "stack not aligned": (poke(VECTORS, SRAM + 0x1002), "BadRomError", ["0x20001002"]),
    "stack odd": (poke(VECTORS, SRAM + 0x1001), "BadRomError", ["0x20001001"]),
    "start even": (poke(VECTORS + 4, 0x1FFF3DA0), "BadRomError", ["0x1FFF3DA0", "Thumb"]),
    "start in flash": (poke(VECTORS + 4, 0x08000189), "BadRomError", ["0x08000189"]),
    "start behind the ROM": (poke(VECTORS + 4, 0x1FFF7801), "BadRomError", ["0x1FFF7801"]),
    "start erased": (poke(VECTORS + 4, 0xFFFFFFFF), "BadRomError", ["0xFFFFFFFF"]),
    "RDP level 2": (poke(OPTCR, 0x0FFFCCED), "ProtectedError", ["level 2", "force=True"]),
    "unprivileged": (unprivileged, "PrivilegeError", ["nPRIV", "privileged code"]),
    "code in SDRAM": (code_in_sdram, "CodeError", ["0xD0012340", "`romboot enter`", "freeze"]),
    "main stack elsewhere": (stack_elsewhere, "StackError", ["0xD01FFFF8", "0x20030000"]),
}

PLANLESS = ("NotSTM32Error", "UnknownChipError", "PrivilegeError", "CodeError")
each_reason = pytest.mark.parametrize(("spoil", "kind", "words"), REASONS.values(), ids=REASONS)


def test_there_is_none_on_a_good_chip(board: Board) -> None:
    """What the others change is what makes the difference."""
    assert board.entry.Entry().reasons == []
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()


@each_reason
@pytest.mark.parametrize("after_ms", [None, 100])
def test_enter_raises_it(
    spoil: Spoil, kind: str, words: list[str], after_ms: int | None, board: Board
) -> None:
    spoil(board)
    with pytest.raises(getattr(board.errors, kind)) as caught:
        board.romboot.enter_bootloader(after_ms=after_ms)
    assert type(caught.value).__name__ == kind
    assert isinstance(caught.value, board.romboot.RomBootError)
    for word in words:
        assert word in str(caught.value)
    untouched(board)


def untouched(board: Board) -> None:
    """As if the call had not been made."""
    assert board.fake.written == []
    assert board.fake.events == []
    assert board.fake.timers == []
    assert board.fake.clock.slept == []


@each_reason
def test_a_plan_says_it(spoil: Spoil, kind: str, words: list[str], board: Board) -> None:
    """A plan needs a chip, privilege and code that runs; whatever else is wrong, it is a plan."""
    spoil(board)
    error = getattr(board.errors, kind)
    if kind in PLANLESS:
        with pytest.raises(error):
            board.romboot.plan()
    else:
        plan = board.romboot.plan()
        assert not plan
        assert [type(reason) for reason in plan.reasons] == [error]
        verdict = repr(plan).splitlines()[-1]
        assert verdict.startswith("NO: ")
        assert all(word in verdict for word in words)
    untouched(board)


def test_the_edges_of_a_good_vector_table(board: Board) -> None:
    """The last word of SRAM for a stack, the last odd address of the ROM for a start."""
    board.registers.poke(VECTORS, RAM_END)
    board.registers.poke(VECTORS + 4, 0x1FFF77FF)
    assert board.entry.Entry().reasons == []


def test_sram_ends_where_the_die_says(make: Callable[..., Board]) -> None:
    """The same stack pointer is good on an F413 and bad on an F401."""
    for dev_id, reasons in ((0x463, 0), (0x423, 1)):
        board = make(dev_id=dev_id)
        board.registers.poke(VECTORS, SRAM + 0x50000)
        assert len(board.romboot.plan().reasons) == reasons


def test_every_reason_is_told_at_once(board: Board) -> None:
    """In a plan; enter_bootloader() raises the first."""
    for spoil in (poke(VECTORS, 0), stack_elsewhere, poke(OPTCR, 0xCC00)):
        spoil(board)
    kinds = [type(reason).__name__ for reason in board.romboot.plan().reasons]
    assert kinds == ["BadRomError", "StackError", "ProtectedError"]
    with pytest.raises(board.errors.BadRomError):
        board.romboot.enter_bootloader()


def test_force_enters_a_chip_at_level_2(board: Board) -> None:
    board.registers.poke(OPTCR, 0xCC << 8)
    assert board.romboot.plan(force=True)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(force=True)


@each_reason
def test_force_does_not_help_against_anything_else(
    spoil: Spoil, kind: str, words: list[str], board: Board
) -> None:
    """At level 2 a try is harmless: the next reset ends it. Nothing else is."""
    if kind == "ProtectedError":
        return
    spoil(board)
    with pytest.raises(getattr(board.errors, kind)) as caught:
        board.romboot.enter_bootloader(force=True)
    assert all(word in str(caught.value) for word in words)
    untouched(board)


@pytest.mark.parametrize("optcr", [0x0FFF55ED, 0x0FFF00ED, 0x8FFFFFED])
def test_level_1_is_no_reason(optcr: int, board: Board) -> None:
    """The ROM answers, and says what it needs; SPRMOD (bit 31) makes the word negative."""
    board.registers.poke(OPTCR, optcr)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()


@pytest.mark.parametrize("after_ms", [-1, 3600001, 1.5, "100", [1]])
def test_a_bad_delay(after_ms: object, board: Board) -> None:
    with pytest.raises(board.errors.ArgumentError, match="after_ms") as caught:
        board.romboot.enter_bootloader(after_ms=after_ms)
    assert repr(after_ms) in str(caught.value)
    assert "3600000" in str(caught.value)
    untouched(board)


@pytest.mark.parametrize("force", ["no", None, 1, 0, []])
def test_force_is_true_or_false(force: object, board: Board) -> None:
    for call in (board.romboot.enter_bootloader, board.romboot.plan):
        with pytest.raises(board.errors.ArgumentError, match="force") as caught:
            call(force=force)
        assert repr(force) in str(caught.value)
    untouched(board)


def test_arguments_have_names(board: Board) -> None:
    with pytest.raises(TypeError):
        board.romboot.enter_bootloader(100)
    untouched(board)


def no_memory(*_: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("call", ["enter_bootloader", "plan"])
@pytest.mark.parametrize("active", [0, 37])
def test_a_lack_of_memory_has_a_sentence(
    call: str, active: int, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.registers.poke(ICSR, active)
    monkeypatch.setattr(board.chip, "image", no_memory)
    with pytest.raises(board.romboot.RomBootError) as caught:
        getattr(board.romboot, call)()
    assert caught.value is (board.entry.IN_HANDLER if active else board.romboot.NO_MEMORY)
    untouched(board)


def test_an_exception_of_go_that_cannot_be_made(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an interrupt handler, where nothing may be allocated."""
    plan = board.romboot.plan()
    board.fake.helper.blocked_to_go = 0x20000100
    monkeypatch.setattr(board.errors, "StackError", no_memory)
    with pytest.raises(board.romboot.RomBootError) as caught:
        plan.go()
    assert caught.value is board.entry.IN_HANDLER
    untouched(board)


@pytest.mark.parametrize("via", ["", 0, "JUMP", "boot0"])
def test_a_way_that_does_not_exist(via: object, board: Board) -> None:
    for call in (board.romboot.enter_bootloader, board.romboot.plan):
        with pytest.raises(board.errors.ArgumentError, match="via") as caught:
            call(via=via)
        assert repr(via) in str(caught.value)
    untouched(board)


def test_via_jump_is_the_way(board: Board) -> None:
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="jump")


def test_a_stack_that_has_grown_too_deep_meanwhile(board: Board) -> None:
    """helper() looks once more before it goes; the host gets its device back."""
    board.fake.helper.blocked_to_go = 0x20000100
    with pytest.raises(board.errors.StackError, match="0x20000100"):
        board.romboot.enter_bootloader()
    assert board.fake.written == []


@pytest.mark.parametrize(
    ("dev_id", "active", "refuses"),
    [(L073, 16, True), (L073, 0, False), (F429, 16, False)],
)
def test_an_interrupt_handler_of_armv6m_is_not_left(
    dev_id: int, active: int, refuses: bool, make: Callable[..., Board]
) -> None:
    """It does not tell which handlers it has interrupted (DDI 0419E: no IABR, no RETTOBASE)."""
    board = make(dev_id=dev_id)
    entry = board.entry.Entry()
    board.registers.poke(ICSR, active)
    with pytest.raises(board.errors.HandlerError if refuses else GoneError):
        entry.go()
    assert board.fake.events == ([] if refuses else ["go"])
