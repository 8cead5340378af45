"""A file that a command makes: it is there whole, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .errors import CliError, Code

PART = ".part"  # behind the name, while it is being written


def check(path: Path) -> None:
    """CliError if no such file can be made, before anything is done to the board."""
    with _sentences(path):
        path.open("xb").close()
        path.unlink()


def write(path: Path, data: bytes) -> None:
    """Make it. CliError if that cannot be, as when the disk is full."""
    part = path.with_name(path.name + PART)
    with _sentences(path):
        try:
            part.write_bytes(data)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """An OSError here is of the user's file: outside, it would be taken for one of the port."""
    try:
        yield
    except FileExistsError as error:
        raise CliError(f"{path} is there already: name another file", Code.OTHER) from error
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", Code.OTHER) from error
