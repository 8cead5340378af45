"""Where downloads and builds are kept, and how two processes share it."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths

Progress = Callable[[str], None]


def cache_dir() -> Path:
    """The folder `firmware` of `paths.cache()`; made if it is not there."""
    path = paths.cache() / "firmware"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str, progress: Progress) -> Iterator[None]:
    """Holds a lock of this cache, between processes too; says so if it has to wait."""
    with open(cache_dir() / f"{name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another process that prepares {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file releases the lock; the file stays, or two could hold it
