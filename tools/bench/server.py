"""Runs a virtual board in real time, with pseudo terminals on its wires.

Each turn of the loop runs a slice of the CPU, then moves bytes between wires and terminals. While
the CPU works, one turn follows the other. When it sleeps (WFI, or the ROM waits for the host) the
loop waits in `select` until a byte comes or the next virtual event is due in real time; where no
byte has come or gone for a while it lets some events come together, such as the ticks of a prompt.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from .clock import NS_PER_S, Clock
from .real_time import RealTime
from .wake_up import WakeUp
from .wires import PtyEnd, Wire

SLICE_S = 0.001  # real time that a slice of a busy CPU should take: the latency of a byte
FIRST_SLICE, MIN_SLICE, MAX_SLICE = 20_000, 1_000, 2_000_000  # CPU cycles
AHEAD_BUSY_NS = 500_000  # how far beyond real time a slice may go while the CPU works
AHEAD_IDLE_NS = 10_000  # the same while it sleeps: enough to notice what the host sent
UNLIMITED = 1 << 40  # CPU cycles
ASLEEP_NS = 1_000_000  # that a CPU which sleeps may be run at once, if real time has passed
QUIET_S, QUIET_WAIT_S = 0.02, 0.005  # after so long without a byte, the shortest wait
LONGEST_WAIT_S = 1.0
LOCKED_UP_WAIT_S = 0.05  # between turns while the CPU is locked up


class Named(Protocol):
    """A member of core.Stop."""

    @property
    def name(self) -> str: ...


class LiveBoard(Protocol):
    """What the server needs of a `VirtualBoard`."""

    @property
    def clock(self) -> Clock: ...

    @property
    def wires(self) -> Mapping[str, Wire]: ...

    def run(self, *, cycles: int | None = None, until_ns: int | None = None) -> Named: ...


B = TypeVar("B", bound=LiveBoard)


class Server(Generic[B]):
    """Runs one board, in the foreground (`run`) or in a thread (`start`).

    Args:
        board: nobody else may run it while the server does.
        link: a directory for symbolic links to the terminals, named as the wires; made if need be.
            A wire with two names has one terminal and two links.
        speed: virtual seconds to a real second while the CPU sleeps. More than 1 shortens flash
            erase times and `time.sleep` alike.
        fast_while: looks at the board and says whether `speed` applies now; None if always. Tests
            and the demo set `VirtualBoard.rom_listens`: erasing flash takes the ROM many seconds,
            but a program that waits a second for the host must wait a real second.
        wires: names of the wires that get a terminal; None for all. The caller may use the host
            end of the others.

    Attributes:
        ports: the path of each wire's terminal, by the name of the wire.
        on_lockup: called once each time the CPU locks up; only a reset of the board helps then.
        error: what ended the loop, if it was an error.
    """

    def __init__(
        self,
        board: B,
        link: Path | None = None,
        speed: float = 1.0,
        wires: Collection[str] | None = None,
        fast_while: Callable[[B], bool] | None = None,
    ) -> None:
        self.board = board
        self._speed, self._fast_while = speed, fast_while
        names = [name for name in board.wires if wires is None or name in wires]
        self._ends: list[PtyEnd] = []
        self.ports: dict[str, str] = {}
        self._link = link
        self._add(_terminals({name: board.wires[name] for name in names}, link))
        self.on_lockup: Callable[[], None] = _do_nothing
        self.error: BaseException | None = None
        self._locked_up = False
        self._real_time = RealTime(board.clock.now, 1.0 if fast_while else speed)
        self._wake_up = WakeUp()
        self._turn_may_start, self._turn_runs = threading.RLock(), threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop_thread = 0
        self._slice = FIRST_SLICE
        self._busy = True
        self._moved_at = 0.0  # when a byte last came or went
        for wire in board.wires.values():
            wire.on_host_data = self._host_sent

    # --- outside the loop ----------------------------------------------------------------------

    def start(self) -> None:
        """Serve in a thread, until `close`."""
        self._thread = threading.Thread(target=self._run_guarded, name="bench", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make `run` return soon. May be called from any thread and from signal handlers."""
        self._over.set()
        self._wake_up.set()

    def close(self) -> None:
        """Stop, and remove the terminals and links."""
        self.stop()
        if self._thread:
            self._thread.join()
        for wire in self.board.wires.values():
            wire.on_host_data = _do_nothing
        for end in self._ends:
            end.close()
        self._wake_up.close()

    @property
    def speed(self) -> float:
        """Virtual seconds to a real second while the CPU sleeps and `fast_while` holds."""
        return self._speed

    def open(self, name: str) -> str:
        """Give a wire that has none a terminal; its path. The board must stand still, or this be
        called by it."""
        self._add(_terminals({name: self.board.wires[name]}, self._link))
        return self.ports[name]

    def hang_up(self, name: str) -> None:
        """Close the terminal of a wire, as one of a USB device is when that goes: clients read
        the end of the file. The board must stand still, or this be called by it."""
        gone = [end for end in self._ends if end.wire is self.board.wires[name]]
        self._ends = [end for end in self._ends if end not in gone]
        for end in gone:
            end.close()
        paths = {end.path for end in self._ends}
        self.ports = {name: path for name, path in self.ports.items() if path in paths}

    def _add(self, ends: list[PtyEnd]) -> None:
        self._ends += ends
        for end in ends:
            names = [name for name, wire in self.board.wires.items() if wire is end.wire]
            self.ports |= dict.fromkeys(names, end.path)

    @contextlib.contextmanager
    def paused(self) -> Iterator[B]:
        """The board, stopped between two turns, to look at, to change or to run.

        Raises:
            RuntimeError: the loop ended by an error; it is the cause.
        """
        self._wake_up.set()
        try:
            with self._turn_may_start, self._turn_runs:
                if self.error:
                    raise RuntimeError(
                        f"the virtual board has stopped: {self.error}"
                    ) from self.error
                yield self.board
                self._real_time.was_run(self.board.clock.now)
        finally:
            self._wake_up.set()  # the next event may be earlier now

    # --- the loop ------------------------------------------------------------------------------

    def _run_guarded(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self.error = error

    def run(self) -> None:
        """Serve until `stop`."""
        self._loop_thread = threading.get_ident()
        while not self._over.is_set():
            with self._turn_may_start:  # `paused` holds it as soon as it waits for the turn's end
                pass
            with self._turn_runs:
                wait = self._turn()
            if wait > 0:
                self._wait(wait)

    def _turn(self) -> float:
        """One turn of the loop. Returns the seconds until the next one is needed.

        The CPU runs first: so virtual time has caught up with real time when bytes that the host
        sent during the wait are handed over.
        """
        clock = self.board.clock
        began, cycles, now = time.perf_counter(), clock.cycles, clock.now
        if self._fast_while:
            self._real_time.set_speed(self._speed if self._fast_while(self.board) else 1.0, now)
        ahead = AHEAD_BUSY_NS if self._busy else AHEAD_IDLE_NS
        until = max(self._real_time.limit(now), now + ahead)
        stop = self.board.run(cycles=self._asleep_for() + self._slice, until_ns=until)
        moved = self._pump()
        self._busy = stop.name == "BUDGET"
        self._note_lockup(stop.name == "LOCKUP")
        if self._busy:
            self._real_time.was_busy(clock.now)
            self._adapt(time.perf_counter() - began, clock.cycles - cycles)
            return 0
        if moved:
            self._moved_at = began
            return 0
        if self._locked_up:
            return LOCKED_UP_WAIT_S
        quiet = began - self._moved_at > QUIET_S
        return max(self._seconds_idle(), QUIET_WAIT_S if quiet else 0)

    def _note_lockup(self, locked_up: bool) -> None:
        if locked_up and not self._locked_up:
            self.on_lockup()
        self._locked_up = locked_up

    def _asleep_for(self) -> int:
        """Cycles until the next event, which may wake the CPU, or some more; 0 if it does not
        sleep."""
        if self._busy:
            return 0
        clock = self.board.clock
        cycles = clock.cycles_to_next()
        return UNLIMITED if cycles is None else max(cycles, clock.hclk * ASLEEP_NS // NS_PER_S)

    def _seconds_idle(self) -> float:
        clock = self.board.clock
        cycles = clock.cycles_to_next()
        if cycles is None:
            return LONGEST_WAIT_S
        due = clock.now + cycles * NS_PER_S // clock.hclk
        return min(self._real_time.seconds_until(due, clock.now), LONGEST_WAIT_S)

    def _adapt(self, seconds: float, cycles: int) -> None:
        """Choose the next slice so that it takes about `SLICE_S`."""
        if seconds > 0 and cycles >= self._slice // 2:
            wanted = int(cycles * SLICE_S / seconds)
            self._slice = max(MIN_SLICE, min(wanted, 2 * self._slice, MAX_SLICE))

    def _pump(self) -> bool:
        return any([end.pump() for end in self._ends])

    def _wait(self, seconds: float) -> None:
        full = [end for end in self._ends if end.backlogged]
        select.select([self._wake_up, *self._ends], full, [], seconds)
        self._wake_up.clear()

    def _host_sent(self) -> None:
        if threading.get_ident() != self._loop_thread:  # the loop does not wait in `select` then
            self._wake_up.set()


@contextlib.contextmanager
def running(
    board: B,
    link: Path | None = None,
    speed: float = 1.0,
    wires: Collection[str] | None = None,
    fast_while: Callable[[B], bool] | None = None,
) -> Iterator[Server[B]]:
    """Serve `board` in a thread for the length of a `with` block; see `Server`.

    Raises:
        Exception: whatever ended the loop, when the block is left without one of its own.
    """
    server = Server(board, link, speed, wires, fast_while)
    server.start()
    try:
        yield server
    finally:
        server.close()
    if server.error:
        raise server.error


def _terminals(wires: Mapping[str, Wire], link: Path | None) -> list[PtyEnd]:
    """One for each wire. A wire has two names where the prompt and the ROM share it."""
    if link:
        link.mkdir(parents=True, exist_ok=True)
    names: dict[int, list[str]] = {}
    for name, wire in wires.items():
        names.setdefault(id(wire), []).append(name)
    return [
        PtyEnd(wires[group[0]], *(link / name for name in group if link))
        for group in names.values()
    ]


def _do_nothing() -> None:
    pass
