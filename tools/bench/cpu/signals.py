"""Signals take effect behind Unicorn's code, not within it.

An exception such as KeyboardInterrupt would be lost in a callback, as Unicorn is between it and
the caller; and what Unicorn has begun to make would be left half made.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_TO_END = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def held_back() -> Iterator[None]:
    """Those that end a program wait until here is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TO_END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
