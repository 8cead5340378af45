"""Ends the wait of a thread in `select`."""

from __future__ import annotations

import contextlib
import os


class WakeUp:
    """A file descriptor that is readable from `set` to `clear`. Any thread may call these."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)

    def fileno(self) -> int:
        return self._out

    def set(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it is set
            os.write(self._in, b"!")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._out, 4096)

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
