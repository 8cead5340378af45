"""The last things done in Python: file systems, console, USB, the timer."""

from __future__ import annotations

import pytest

from host_tests.lib.conftest import Board
from host_tests.lib.fake_machine import GoneError

RCC = 0x40023800
AHB1ENR, AHB2ENR, APB1ENR, APB2ENR = RCC + 0x30, RCC + 0x34, RCC + 0x40, RCC + 0x44
OTG_FS_DCTL, OTG_HS_DCTL = 0x50000804, 0x40040804
USART1, USART3 = 0x40011000, 0x40004800
TC = 0x40
NOT_DONE = 0x03BF  # every flag of SR but TC
DCTL = 0x00000800  # other bits of it, which stay
DETACHED = 2


def leave(board: Board, **options: object) -> None:
    with pytest.raises(GoneError):
        board.romboot.enter_bootloader(**options)


def console(board: Board, base: int, *, busy: bool) -> None:
    """A USART that transmits."""
    enable = {USART1: (APB2ENR, 1 << 4), USART3: (APB1ENR, 1 << 18)}
    register, bit = enable[base]
    board.registers.poke(register, board.registers.peek(register) | bit)
    board.registers.poke(base + 12, 0x200C)
    board.registers.poke(base, NOT_DONE if busy else TC)


def usb(board: Board) -> None:
    board.registers.poke(AHB2ENR, 0x80)
    board.registers.poke(OTG_FS_DCTL, DCTL)


def test_file_systems_first_then_the_jump(board: Board) -> None:
    leave(board)
    assert board.fake.events == ["sync", "go"]


def test_a_build_without_sync(board: Board) -> None:
    del board.fake.os.sync
    leave(board)
    assert board.fake.events == ["go"]


def test_nothing_is_written_if_there_is_no_usb(board: Board) -> None:
    leave(board)
    assert board.fake.helper.log_when_gone == []
    assert board.fake.clock.slept == []


def test_the_jump_gets_the_image_of_the_chip(board: Board) -> None:
    leave(board)
    assert board.fake.helper.image == board.entry.Entry().image


@pytest.mark.parametrize("after", [1, 5, 90])
def test_it_waits_for_the_last_byte_of_the_console(after: int, board: Board) -> None:
    console(board, USART3, busy=True)
    clock = board.fake.clock
    start = clock.now

    def tick() -> None:
        if clock.now - start > after:
            board.registers.poke(USART3, TC)

    clock.on_tick = tick
    leave(board)
    assert after <= clock.now - start <= after + 3


def test_it_waits_for_every_console(board: Board) -> None:
    """The first is idle, the second busy."""
    console(board, USART3, busy=False)
    console(board, USART1, busy=True)
    clock = board.fake.clock
    start = clock.now
    clock.on_tick = lambda: board.registers.poke(
        USART1, TC if clock.now - start > 20 else NOT_DONE
    )
    leave(board)
    assert clock.now - start >= 20


def test_a_console_that_never_gets_done_is_left(board: Board) -> None:
    """Flow control may hold it for ever."""
    console(board, USART1, busy=True)
    start = board.fake.clock.now
    leave(board)
    assert 100 <= board.fake.clock.now - start <= 110


def test_an_idle_console_costs_no_time(board: Board) -> None:
    console(board, USART1, busy=False)
    start = board.fake.clock.now
    leave(board)
    assert board.fake.clock.now - start <= 2


def test_usb_is_detached_long_enough_for_a_host_to_see(board: Board) -> None:
    usb(board)
    leave(board)
    assert board.fake.helper.log_when_gone == [(OTG_FS_DCTL, DCTL | DETACHED, 4)]
    before, detached = board.fake.clock.slept
    assert before >= 1  # what the console has written is on its way
    assert detached >= 10


def test_both_usb_cores(board: Board) -> None:
    usb(board)
    board.registers.poke(AHB1ENR, 1 << 29)
    leave(board)
    assert [entry[0] for entry in board.fake.helper.log_when_gone] == [OTG_FS_DCTL, OTG_HS_DCTL]


def test_a_device_that_is_detached_already_stays_so(board: Board) -> None:
    usb(board)
    board.registers.poke(OTG_FS_DCTL, DCTL | DETACHED)
    leave(board)
    assert board.fake.written == []


def test_usb_comes_back_if_the_way_is_blocked_after_all(board: Board) -> None:
    """After an exception every register is as before."""
    usb(board)
    board.fake.helper.blocked_to_go = 0x20000100
    with pytest.raises(board.errors.StackError):
        board.romboot.enter_bootloader()
    assert board.registers.peek(OTG_FS_DCTL) == DCTL


@pytest.mark.parametrize("version", [(1, 20, 0), (1, 22, 2, "")])
def test_sync_of_an_old_build(version: tuple[int | str, ...], board: Board) -> None:
    """Its os.sync() crashes on a file system that is not on a block device."""
    board.fake.sys.implementation.version = version
    leave(board)
    assert board.fake.events == ["sync flash", "go"]


def test_an_old_build_without_storage(board: Board) -> None:
    board.fake.sys.implementation.version = (1, 20, 0)
    del board.fake.pyb.Flash
    leave(board)
    assert board.fake.events == ["go"]


def cannot_sync(board: Board) -> None:
    def sync() -> None:
        board.fake.events.append("sync")
        raise OSError(5)

    board.fake.os.sync = sync


@pytest.mark.parametrize("after_ms", [None, 10])
def test_what_cannot_be_synced_is_told_at_the_call(after_ms: int | None, board: Board) -> None:
    cannot_sync(board)
    usb(board)
    with pytest.raises(board.errors.SyncError, match=r"OSError\(5\).*force=True"):
        board.romboot.enter_bootloader(after_ms=after_ms)
    assert board.fake.events == ["sync"]
    assert board.fake.written == []
    assert board.fake.timers == []


def test_force_goes_without(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    cannot_sync(board)
    leave(board, force=True)
    assert board.fake.events == ["sync", "go"]
    assert "not synced" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("after_ms", "period", "periods"),
    [(0, 6, 1), (5, 6, 1), (250, 251, 1), (1000, 501, 2), (1001, 501, 2), (3600000, 1000, 3600)],
)
def test_a_delay_arms_a_timer_and_returns(
    after_ms: int, period: int, periods: int, board: Board
) -> None:
    """Its period is a second at most, as the scheduler may drop a callback; and the answer of the
    prompt takes its time."""
    usb(board)
    assert board.romboot.enter_bootloader(after_ms=after_ms) is None
    (timer,) = board.fake.timers
    assert (timer.number, timer.mode, timer.period) == (-1, timer.PERIODIC, period)
    assert board.fake.events == ["sync"]
    assert board.fake.written == []
    armed = board.fake.clock.now
    for number in range(1, periods):
        board.fake.clock.now = armed + number * period
        timer.fire()
    assert board.fake.events == ["sync"]
    board.fake.clock.now = armed + periods * period
    with pytest.raises(GoneError):
        timer.fire()
    assert board.fake.events == ["sync", "sync", "go"]
    assert board.fake.helper.log_when_gone == [(OTG_FS_DCTL, DCTL | DETACHED, 4)]
    assert board.fake.timers == []


def test_sync_that_fails_when_the_time_is_over(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = iter([None, OSError(5)])

    def sync() -> None:
        if error := next(errors):
            raise error

    board.fake.os.sync = sync
    board.romboot.enter_bootloader(after_ms=10)
    board.fake.clock.now += 10
    with pytest.raises(GoneError):
        board.fake.timers[0].fire()
    assert "not synced" in capsys.readouterr().out


def test_the_timer_is_kept_alive(board: Board) -> None:
    """The garbage collector would otherwise take it before it fires."""
    board.romboot.enter_bootloader(after_ms=10)
    assert board.chip._timer is board.fake.timers[0]


def test_a_callback_that_was_queued_before_cancel_does_nothing(board: Board) -> None:
    board.romboot.enter_bootloader(after_ms=10)
    (timer,) = board.fake.timers
    board.romboot.cancel()
    assert board.fake.timers == []
    board.fake.clock.now += 100
    timer.fire()
    board.romboot.cancel()
    assert board.fake.events == ["sync"]


def test_another_call_takes_the_place_of_the_first(board: Board) -> None:
    board.romboot.enter_bootloader(after_ms=10)
    (first,) = board.fake.timers
    board.romboot.enter_bootloader(after_ms=90)
    (second,) = board.fake.timers
    board.fake.clock.now += 20
    first.fire()
    second.fire()
    board.fake.clock.now += 80
    with pytest.raises(GoneError):
        second.fire()


def test_a_call_that_is_refused_leaves_the_first(board: Board) -> None:
    board.romboot.enter_bootloader(after_ms=10)
    before = list(board.fake.timers)
    with pytest.raises(board.errors.ArgumentError):
        board.romboot.enter_bootloader(after_ms=-1)
    assert board.fake.timers == before


def test_go_of_a_plan_is_just_the_jump(board: Board) -> None:
    """From an interrupt there is no time for a console."""
    usb(board)
    plan = board.romboot.plan()
    with pytest.raises(GoneError):
        plan.go()
    assert board.fake.events == ["go"]
    assert board.fake.helper.log_when_gone == []
    with pytest.raises(GoneError):
        plan.go("as a callback has an argument")


def test_importing_does_no_work(board: Board) -> None:
    """The fixture has imported every module by now."""
    assert board.fake.written == []
    assert board.fake.events == []
