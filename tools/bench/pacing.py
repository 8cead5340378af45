"""How far virtual time may go while the CPU sleeps: no further than real time."""

from __future__ import annotations

import time
from collections.abc import Callable

NS_PER_S = 1_000_000_000
MAX_LAG_NS = 20_000_000
MAX_LEAP_S = 2  # more than any wait of the server: the host itself was asleep


class Pacer:
    """Ties virtual time to real time.

    A busy CPU is never held up: if it got ahead of real time, real time starts anew from there. If
    it fell behind, a sleep afterwards makes up for at most `MAX_LAG_NS` of it, so that after a
    second of hard work `time.sleep(1)` still takes about a second.

    Args:
        now: virtual time, ns.
        speed: virtual seconds to a real second, above 0. More than 1 makes waiting shorter.
        clock: real time, ns.
    """

    def __init__(
        self, now: int, speed: float = 1.0, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._clock = clock
        self._set_speed(speed)
        self._restart(now)

    def _set_speed(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"the speed must be above 0 virtual seconds a second, not {speed}")
        self._speed = speed

    def _restart(self, virtual: int) -> None:
        self._virtual, self._real = virtual, self._clock()

    def go_at(self, speed: float, now: int) -> None:
        """From now on at this speed; `now` is the virtual time that has come."""
        if speed != self._speed:
            reached = self.limit(now)
            self._set_speed(speed)
            self._restart(reached)

    def limit(self, now: int) -> int:
        """The virtual time that may have come by now, ns; `now` is what has come."""
        limit = self._virtual + int((self._clock() - self._real) * self._speed)
        longest = now + int(MAX_LEAP_S * NS_PER_S * self._speed)
        if limit > longest:
            self._restart(longest)
        return min(limit, longest)

    def was_busy(self, now: int) -> None:
        """The CPU worked until virtual time `now`: tie that to the present."""
        lag = self.limit(now) - now
        if lag < 0:
            self._restart(now)
        elif lag > MAX_LAG_NS:
            self._restart(now + MAX_LAG_NS)

    def seconds_until(self, due: int, now: int) -> float:
        """Real seconds until virtual time `due` may come; 0 if it may now."""
        return max(due - self.limit(now), 0) / self._speed / NS_PER_S
