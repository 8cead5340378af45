"""Two ways to deal with a thread that runs all the time: wake it, and make it stand still."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator


class Bell:
    """Wakes a `select`, from any thread."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)

    def fileno(self) -> int:
        return self._out

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it rings already
            os.write(self._in, b"!")

    def silence(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._out, 4096)

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)


class Gate:
    """Lets one thread pass again and again until another closes it. Unlike with a lock, the one
    that passes all the time cannot starve the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closers = 0
        self._inside = False

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        with self._changed:
            while self._closers:
                self._changed.wait()
            self._inside = True
        try:
            yield
        finally:
            with self._changed:
                self._inside = False
                self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self, hurry: Callable[[], None]) -> Iterator[None]:
        with self._changed:
            self._closers += 1
            hurry()
            while self._inside:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._closers -= 1
                self._changed.notify_all()
