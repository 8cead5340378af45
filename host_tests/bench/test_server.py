"""The live loop with a board of a few lines: what it echoes, when its ticks come."""

from __future__ import annotations

import enum
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from tools.bench.clock import Clock
from tools.bench.real_time import MAX_LAG_NS, RealTime
from tools.bench.server import Server, running
from tools.bench.wires import Wire

MS = 1_000_000


class Stop(enum.Enum):
    BUDGET = enum.auto()
    IDLE = enum.auto()


class EchoBoard:
    """Answers every byte in upper case, sleeps otherwise, and counts a tick every millisecond.

    `busy` makes a CPU that never sleeps and needs 1 µs of real time for 100 cycles.
    """

    def __init__(self, *, busy: bool = False) -> None:
        self.clock = Clock(100_000_000)
        self.wire = Wire("console", "PB10/PB11")
        self.wires = {"console": self.wire}
        self.busy = busy
        self.ticks = 0
        self.runs = 0
        self.fail = False
        self._tick()

    def _tick(self) -> None:
        self.ticks += 1
        self.clock.after(MS, self._tick)

    def run(self, *, cycles: int | None = None, until_ns: int | None = None) -> Stop:
        assert cycles is not None and until_ns is not None
        if self.fail:
            raise ZeroDivisionError("the virtual chip broke")
        self.runs += 1
        self.wire.to_host(self.wire.from_host().upper())
        allowed = self.clock.cycles_until(until_ns)
        if self.busy:
            allowed = min(allowed, cycles)
            time.sleep(allowed / 100e6)  # lets other threads run, as Unicorn does
        self.clock.advance(allowed)
        return Stop.BUDGET if self.busy else Stop.IDLE


@contextmanager
def connected(board: EchoBoard, speed: float = 1.0) -> Iterator[serial.Serial]:
    with (
        running(board, speed=speed) as server,
        serial.Serial(server.ports["console"], 115200, timeout=2) as client,
    ):
        yield client


def seconds_for_round_trips(client: serial.Serial, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        client.write(b"a")
        assert client.read(1) == b"A"
    return time.perf_counter() - began


@pytest.mark.parametrize("busy", [False, True])
def test_a_byte_goes_round_quickly(busy: bool) -> None:
    with connected(EchoBoard(busy=busy)) as client:
        seconds_for_round_trips(client, 10)
        best = min(seconds_for_round_trips(client, 20) / 20 for _ in range(5))
    # 0.05 ms idle, 1 ms busy on a quiet machine; CI machines are not quiet
    assert best < (0.02 if busy else 0.005)


def test_a_large_block_passes_unharmed() -> None:
    block = bytes(range(0x61, 0x7B)) * 400
    with connected(EchoBoard()) as client:
        client.write(block)
        assert client.read(len(block)) == block.upper()


@pytest.mark.parametrize("speed", [1.0, 5.0])  # a busy machine can do that
def test_a_sleeping_chip_keeps_real_time(speed: float) -> None:
    board = EchoBoard()
    with running(board, speed=speed) as server:
        with server.paused():
            began, ticks = time.monotonic(), board.ticks
        time.sleep(0.25)
        with server.paused():
            passed, ticks = time.monotonic() - began, board.ticks - ticks
    assert ticks <= passed * 1000 * speed * 1.02 + 5  # never ahead
    assert ticks >= passed * 1000 * speed * 0.5


def test_the_speed_applies_only_while_the_board_says_so() -> None:
    board, began = EchoBoard(), time.monotonic()
    with running(board, speed=5.0, fast_while=lambda board: board.ticks > 100) as server:
        while board.ticks <= 100:
            time.sleep(0.005)
        assert time.monotonic() - began >= 0.05  # at 5 times the speed it would be 0.02
        with server.paused():
            began, ticks = time.monotonic(), board.ticks
        time.sleep(0.25)
        with server.paused():
            passed, ticks = time.monotonic() - began, board.ticks - ticks
    assert ticks >= passed * 1000 * 5 * 0.5


def test_input_does_not_make_time_run_faster() -> None:
    board = EchoBoard()
    with connected(board) as client:
        began, ticks = time.monotonic(), board.ticks
        seconds_for_round_trips(client, 500)
        passed, ticks = time.monotonic() - began, board.ticks - ticks
    assert ticks <= passed * 1000 * 1.2 + 2


def test_a_sleeping_chip_leaves_the_host_in_peace() -> None:
    board = EchoBoard()
    with running(board):
        time.sleep(0.3)
    assert board.runs < 2 * 300 + 50  # about one for each tick


def test_a_busy_chip_is_not_held_up() -> None:
    board = EchoBoard(busy=True)
    began = time.monotonic()
    with running(board):
        while board.clock.now < 0.1e9:  # a loop that waited would be far slower
            assert time.monotonic() < began + 10
            time.sleep(0.01)


def test_bytes_put_on_the_wire_by_a_test_wake_the_loop() -> None:
    board = EchoBoard()
    with running(board, wires=()) as server:
        assert server.ports == {}
        time.sleep(0.02)
        board.wire.host.send(b"hello")
        deadline = time.monotonic() + 20
        answer = b""
        while not answer and time.monotonic() < deadline:
            answer = board.wire.host.read()
            time.sleep(0.001)
    assert answer == b"HELLO"


def test_paused_stands_still() -> None:
    board = EchoBoard(busy=True)
    now = 0
    with running(board) as server:
        for _ in range(20):
            with server.paused() as same:
                assert same is board
                now = board.clock.now
                time.sleep(0.002)
                assert board.clock.now == now
        time.sleep(0.02)
        assert board.clock.now > now


def test_a_board_that_was_run_in_a_pause_goes_on_at_once() -> None:
    """Real time need not catch up first."""
    board = EchoBoard()
    with running(board) as server:
        with server.paused():
            board.run(cycles=1 << 40, until_ns=board.clock.now + 5000 * MS)
            ticks = board.ticks
        time.sleep(0.25)
    assert board.ticks > ticks + 100


def test_an_error_in_the_board_reaches_the_test() -> None:
    board = EchoBoard()
    with pytest.raises(ZeroDivisionError, match="chip broke"), running(board) as server:
        board.fail = True
        time.sleep(0.05)
        with pytest.raises(RuntimeError, match="has stopped: the virtual chip broke"):
            server.paused().__enter__()


def test_links_and_terminals_are_gone_afterwards(tmp_path: Path) -> None:
    with running(EchoBoard(), link=tmp_path / "ports") as server:
        port = server.ports["console"]
        assert port == str(tmp_path / "ports" / "console")
        with serial.Serial(port, 115200, timeout=2) as client:
            assert seconds_for_round_trips(client, 1) < 2
    assert list((tmp_path / "ports").iterdir()) == []


def test_one_wire_of_two_names_is_one_terminal(tmp_path: Path) -> None:
    board = EchoBoard()
    board.wires["rom"] = board.wire
    with running(board, link=tmp_path) as server:
        assert server.ports["console"] == server.ports["rom"] == str(tmp_path / "console")
        with serial.Serial(str(tmp_path / "rom"), 115200, timeout=2) as client:
            assert seconds_for_round_trips(client, 1) < 2
    assert list(tmp_path.iterdir()) == []


def test_stop_ends_a_loop_in_the_foreground() -> None:
    board, began = EchoBoard(), time.monotonic()
    server = Server(board)
    board.clock.after(20 * MS, server.stop)
    server.run()
    server.close()
    assert 0.015 < time.monotonic() - began < 20


# --- RealTime alone, with a clock that the test sets -------------------------------------------


class ManualTime:
    def __init__(self) -> None:
        self.ns = 5_000

    def __call__(self) -> int:
        return self.ns


def test_virtual_time_follows_real_time_at_its_speed() -> None:
    real = ManualTime()
    virtual = RealTime(100, speed=3, clock=real)
    real.ns += 10 * MS
    assert virtual.limit(100) == 100 + 30 * MS
    assert virtual.seconds_until(100 + 60 * MS, 100) == pytest.approx(0.010)
    assert virtual.seconds_until(100, 100) == 0


def test_a_change_of_speed_starts_at_the_present() -> None:
    real = ManualTime()
    virtual = RealTime(0, clock=real)
    real.ns += 10 * MS
    virtual.set_speed(5, 10 * MS)
    assert virtual.limit(10 * MS) == 10 * MS
    real.ns += 10 * MS
    virtual.set_speed(5, 10 * MS)
    assert virtual.limit(10 * MS) == 60 * MS


def test_a_busy_cpu_may_get_ahead_of_real_time() -> None:
    real = ManualTime()
    virtual = RealTime(0, clock=real)
    virtual.was_busy(500 * MS)
    assert virtual.limit(500 * MS) == 500 * MS


def test_a_sleep_makes_up_for_a_little_lag_only() -> None:
    real = ManualTime()
    virtual = RealTime(0, clock=real)
    real.ns += 1000 * MS
    virtual.was_busy(10 * MS)
    assert virtual.limit(10 * MS) == 10 * MS + MAX_LAG_NS
    real.ns += 5 * MS
    virtual.was_busy(20 * MS)
    assert virtual.limit(20 * MS) == 10 * MS + MAX_LAG_NS + 5 * MS


def test_virtual_time_does_not_catch_up_with_a_suspended_host() -> None:
    real = ManualTime()
    virtual = RealTime(0, clock=real)
    real.ns += 3600 * 1000 * MS
    assert virtual.limit(0) == 2000 * MS
    real.ns += MS
    assert virtual.limit(2000 * MS) == 2001 * MS


def test_the_speed_must_be_above_0() -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        RealTime(0, speed=0)
