"""Where downloads and builds are kept, and how two processes share it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

Progress = Callable[[str], None]


def cache_dir() -> Path:
    """`$ROMBOOT_CACHE`, or `.cache` of the repository; made if it is not there."""
    root = os.environ.get("ROMBOOT_CACHE")
    path = (Path(root).resolve() if root else REPOSITORY / ".cache") / "firmware"
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
