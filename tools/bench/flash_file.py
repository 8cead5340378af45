"""The file that keeps the flash of a virtual board: a line with the name of the chip,
then the flash.

It is written in place, so that a lock on the file stays valid.
"""

from __future__ import annotations

from pathlib import Path

HEADER = 64  # bytes


def read(path: Path, chip: str, size: int) -> bytes | None:
    """The flash in a file; None if the file is not there, or empty.

    Raises:
        ValueError: it is a file of something else, which is not to be overwritten.
        OSError: it cannot be read.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return None
    with path.open("rb") as file:
        head = file.read(HEADER)
        if head == _header(chip):
            data = file.read(size)
            if len(data) == size:
                return data
    if head.startswith(_header("")[:20]):
        other = head.split()[-1].decode(errors="replace")
        raise ValueError(
            f"{path} is not the whole flash of a {chip}, but of {other}: name another file"
        )
    raise ValueError(
        f"{path} keeps no flash of a virtual board, and would be overwritten: name another file"
    )


def write(path: Path, chip: str, flash: bytes | memoryview) -> None:
    """Keep the flash in a file, which is made if need be."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(_header(chip) + flash)


def _header(chip: str) -> bytes:
    return f"romboot flash file: {chip}".encode().ljust(HEADER - 1) + b"\n"
