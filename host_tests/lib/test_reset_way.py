"""via="reset": when it is chosen, when it is refused, and what it leaves for the hook to find."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import FLASH_SIZE, SRAM, GoneError

VTOR, AIRCR, CCR, DCCMVAC = 0xE000ED08, 0xE000ED0C, 0xE000ED14, 0xE000EF68
RCC_CSR = 0x40023874
APPLICATION = 0x08000000
STATE = SRAM + 192 * 1024 - 8  # _estack of a build with room for the boot state
KEY = 0x5A5

# powerctrl.o of the official v1.25.0 NUCLEO_F429ZI, as objdump shows it: branch_to_bootloader, and
# 0x7A bytes further, behind powerctrl_check_enter_bootloader, the address of the state.
HOOK_AT, STATE_AT = 0x50EA4, 0x50F28
BRANCH = bytes.fromhex("0a68 82f3 0888 4a68 1047")


def firmware(branch: int | None = HOOK_AT, state: int | None = STATE_AT) -> bytes:
    """512 KiB of flash with a hook in it. The bootloader in front of it has the branch, too."""
    flash = bytearray(b"\xff" * 512 * 1024)
    flash[0x1000 : 0x1000 + len(BRANCH)] = BRANCH
    struct.pack_into("<I", flash, 0x20000, STATE)  # its vector table
    if branch is not None:
        flash[branch : branch + len(BRANCH)] = BRANCH
    if state is not None:
        struct.pack_into("<I", flash, state, STATE)
    return bytes(flash)


FIRMWARE = firmware()
# Of the official v1.25.0 NUCLEO_G0B1RE, whose hook is inlined: where its literals are.
BRANCH_AT, LITERALS_AT = 0x26300, 0x2CC60


@pytest.fixture(autouse=True)
def application(board: Board) -> None:
    """A build that has the hook. A reset is an end, too."""
    board.registers.poke(VTOR, APPLICATION)
    board.registers.poke(APPLICATION, STATE)
    board.registers.poke(FLASH_SIZE, len(FIRMWARE) // 1024, 2)
    board.fake.heap.flash = FIRMWARE

    def react(address: int, before: int, value: int) -> None:
        if address == AIRCR and value == 0x05FA0004:
            board.fake.events.append("reset")
            raise GoneError

    board.registers.react = react


def watchdog(board: Board) -> None:
    board.registers.poke(RCC_CSR, 2)


def no_room(board: Board) -> None:
    board.registers.poke(APPLICATION, SRAM + 192 * 1024)


def not_cleared(board: Board) -> None:
    board.registers.poke(STATE + 4, 0x08001234)


def too_old(board: Board) -> None:
    board.fake.sys.implementation.version = (1, 18, 0)


def no_code(board: Board) -> None:
    board.fake.heap.flash = firmware(state=None)


def not_the_hook(board: Board) -> None:
    board.fake.heap.flash = firmware(branch=None)


def heap_in_sdram(board: Board) -> None:
    board.fake.heap.next = 0xD0004A30


def heap_in_pieces(board: Board, *starts: int) -> None:
    """Of 2,100 bytes each, at these addresses."""
    pieces = iter(starts)

    def new(size: int) -> bytearray:
        start = next(pieces, 0) if size <= 2100 else 0
        if not start:
            raise MemoryError(size)
        board.fake.heap.next = start
        return bytearray(size)

    board.reset.bytearray = new  # type: ignore[attr-defined]


HOOKLESS: dict[str, tuple[Callable[[Board], None], str]] = {
    "no room": (no_room, "0x20030000"),
    "not cleared": (not_cleared, "0x2002FFF8"),
    "too old": (too_old, "1.19"),
    "heap full": (heap_in_pieces, "at a multiple of 4096"),
    "no code": (no_code, "0x2002FFF8"),
    "code of something else": (not_the_hook, "0x2002FFF8"),
    "heap in SDRAM": (heap_in_sdram, "0xD000"),
}
without_hook = pytest.mark.parametrize(("spoil", "word"), HOOKLESS.values(), ids=HOOKLESS)


def test_the_jump_is_the_way_unless_there_is_a_watchdog(board: Board) -> None:
    assert board.romboot.plan().via == "jump"
    watchdog(board)
    plan = board.romboot.plan()
    assert plan.via == "reset"
    assert "watchdog" in plan.why


def test_what_is_asked_for_is_done(board: Board) -> None:
    watchdog(board)
    assert board.entry.Entry(via="jump").via == "jump"
    board.registers.poke(RCC_CSR, 0)
    assert board.entry.Entry(via="reset").via == "reset"
    assert board.fake.written == []


@pytest.mark.parametrize(("key", "via"), [(KEY, "reset"), (KEY + 1, "jump")])
def test_a_hook_that_is_inlined_is_found(key: int, via: str, board: Board) -> None:
    flash = bytearray(firmware(BRANCH_AT, LITERALS_AT))
    struct.pack_into("<I", flash, LITERALS_AT + 4, key)
    board.fake.heap.flash = bytes(flash)
    watchdog(board)
    assert board.entry.Entry().via == via


@without_hook
def test_no_hook_no_reset(spoil: Callable[[Board], None], word: str, board: Board) -> None:
    spoil(board)
    with pytest.raises(board.errors.HookError) as caught:
        board.romboot.enter_bootloader(via="reset")
    assert word in str(caught.value)
    assert "via='jump'" in str(caught.value)
    assert board.fake.written == []
    assert board.fake.events == []


@without_hook
def test_without_a_hook_the_jump_is_good_enough(
    spoil: Callable[[Board], None], word: str, board: Board
) -> None:
    """The watchdog then goes on; the ROM refreshes it."""
    spoil(board)
    watchdog(board)
    plan = board.romboot.plan()
    assert plan.via == "jump"
    assert word in plan.why
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader()
    assert board.fake.events[1:] == ["go"]


def test_the_first_release_with_this_hook(board: Board) -> None:
    board.fake.sys.implementation.version = (1, 19, 0)
    assert board.entry.Entry(via="reset").reasons == []


@pytest.mark.parametrize("at", [0x3F8, 0x3FE, 0x400, 0x7F6, 0x50EA6])
def test_the_hook_is_found_wherever_it_lies(board: Board, at: int) -> None:
    """The search goes by strides; the branch may lie across two."""
    board.fake.heap.flash = firmware(at, (at + 0x84) & ~3)
    assert board.entry.Entry(via="reset").reasons == []


def test_a_stack_elsewhere_does_not_hinder_a_reset(board: Board) -> None:
    board.fake.helper.blocked_to_look = 0xD01FFFF8
    assert board.entry.Entry(via="reset").reasons == []
    (reason,) = board.entry.Entry(via="jump").reasons
    assert isinstance(reason, board.errors.StackError)


def test_the_hook_finds_its_key_and_a_vector_table(board: Board) -> None:
    """Page-aligned, MSP below the boot state, PC odd and on the same page, the code behind."""
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="reset")
    assert board.fake.events == ["sync", "disable_irq", "reset"]
    (low, zero, _), (high, armed, _), (last, _, _) = board.fake.written
    assert (low, zero, high, last) == (STATE, 0, STATE + 4, AIRCR)
    assert armed & 0xFFF == KEY
    page = armed & ~0xFFF
    assert SRAM < page < STATE

    stack, start, *code, resident = struct.unpack("<5I", board.fake.heap.bytearray_at(page, 20))
    assert SRAM < stack <= STATE
    assert start & 1
    assert page + 8 <= start < page + 20
    assert struct.pack("<2I", *code)[:2] == bytes.fromhex("0f46")  # mov r7, r1: the hook's page
    assert resident & 1
    carried = board.fake.heap.bytearray_at(resident - 1, len(board.fake.helper.CODE))
    assert bytes(carried) == board.fake.helper.CODE


def test_of_a_heap_in_pieces_one_where_a_page_begins_is_enough(board: Board) -> None:
    """As old firmware has it that has loaded modules byte by byte."""
    heap_in_pieces(board, 0x20006010, 0x20008010, 0x20009E00)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="reset")
    assert board.registers.peek(STATE + 4) == 0x2000A000 | KEY


def test_the_script_lies_behind_the_header_in_the_cores_order(board: Board) -> None:
    plain = board.entry.Entry()
    (words,) = struct.unpack_from("<I", plain.image)
    script = struct.unpack_from(f"<{words - 5}I", plain.image, 20)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="reset")
    page = board.registers.peek(STATE + 4) & ~0xFFF
    assert (
        struct.unpack(f"<{words - 5}I", board.fake.heap.bytearray_at(page + 20, 4 * words - 20))
        == script
    )


def test_what_is_to_outlive_the_reset_leaves_the_data_cache(board: Board) -> None:
    """A reset of a Cortex-M7 forgets what is only there."""
    board.registers.poke(CCR, 3 << 16)
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(via="reset")
    written = [(address, value) for address, value, _ in board.fake.written]
    page = dict(written)[STATE + 4] & ~0xFFF
    (words,) = struct.unpack_from("<I", board.entry.Entry().image)
    needed = {at & ~31 for at in range(page, page + 4 * words + len(board.fake.helper.CODE))}
    armed = written.index((STATE + 4, page | KEY))
    cleaned = [value for address, value in written[armed:] if address == DCCMVAC]
    assert needed | {STATE & ~31} <= set(cleaned)
    assert written[-1][0] == AIRCR
