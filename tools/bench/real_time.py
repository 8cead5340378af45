"""Keeps virtual time from passing faster than real time while the CPU sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable

NS_PER_S = 1_000_000_000
MAX_LAG_NS = 20_000_000
MAX_LEAP_S = 2  # longer than any wait of the server; a longer gap: the host was suspended


class RealTime:
    """Ties virtual time to real time.

    A busy CPU never has to wait. If it got ahead of real time, the two are set equal. If it fell
    behind, a sleep afterwards is shortened by at most `MAX_LAG_NS`, so that `time.sleep(1)` still
    takes about a second after a long computation.

    Args:
        now: virtual time, ns.
        speed: virtual seconds to a real second, above 0. More than 1 makes waiting shorter.
        clock: real time, ns.
    """

    def __init__(
        self, now: int, speed: float = 1.0, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._clock = clock
        if speed <= 0:
            raise ValueError(f"the speed must be above 0 virtual seconds a second, not {speed}")
        self._speed = speed
        self._set_equal(now)

    def _set_equal(self, virtual: int) -> None:
        self._virtual, self._real = virtual, self._clock()

    def set_speed(self, speed: float, now: int) -> None:
        """Change the speed; `now` is the present virtual time, ns."""
        if speed != self._speed:
            reached = self.limit(now)
            self._speed = speed
            self._set_equal(reached)

    def limit(self, now: int) -> int:
        """The virtual time up to which the board may run, ns; `now` is the present one."""
        limit = self._virtual + int((self._clock() - self._real) * self._speed)
        longest = now + int(MAX_LEAP_S * NS_PER_S * self._speed)
        if limit > longest:
            self._set_equal(longest)
        return min(limit, longest)

    def was_run(self, now: int) -> None:
        """The board was run until virtual time `now`, as fast as it can be."""
        if self.limit(now) < now:
            self._set_equal(now)

    def was_busy(self, now: int) -> None:
        """The CPU worked without a sleep until virtual time `now`."""
        self.was_run(now)
        if self.limit(now) - now > MAX_LAG_NS:
            self._set_equal(now + MAX_LAG_NS)

    def seconds_until(self, due: int, now: int) -> float:
        """Real seconds until the board may run to virtual time `due`, 0 or more."""
        return max(due - self.limit(now), 0) / self._speed / NS_PER_S
