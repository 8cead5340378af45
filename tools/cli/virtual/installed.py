"""The library on a virtual board: frozen into its firmware, or put into its file system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...bench.board import VirtualBoard
from ...bench.prompt import Prompt, PromptError
from ..device import library
from ..errors import CliError
from . import firmware

FROZEN = """
try:
    import romboot
    print('yes')
except ImportError:
    print('no')
"""


MAKE_FOLDER = """
import errno, os
try:
    os.mkdir('romboot')
    print('yes')
except OSError as e:
    if e.errno != errno.ENODEV: raise
    print('no')
except AttributeError:
    print('no')
"""


@dataclass(frozen=True)
class Library:
    """Where the library is on a board, in words, and the flash that has it there, if a file."""

    where: str
    flash_file: Path | None = None


NOWHERE = Library("not on the board, which has no file system")


def install(name: str, image: Path, flash_file: Path) -> Library:
    """See to it that a board with this image has the library.

    If it is not frozen in, boot once with an empty file system, copy the library into it as
    `romboot install` would, and keep the flash in `flash_file`, which must not exist.
    NOWHERE if there is no file system.
    """
    board = VirtualBoard.load(name, image, flash_file)
    prompt = _prompt(board, name)
    if prompt.run(FROZEN).strip() == "yes":
        return Library("frozen into the image")
    files = library.for_board(int(prompt.run(library.MPY_OF_THE_BOARD)), *firmware.die(name))
    if prompt.run(MAKE_FOLDER).strip() == "no":
        return NOWHERE
    try:
        for file in files:
            copy(prompt, file.read_bytes(), f"romboot/{file.name}")
    except PromptError as error:
        size = sum(file.stat().st_size for file in files) // 1024
        reason = str(error).strip().splitlines()[-1]
        raise CliError(
            f"the library ({size} KiB as {files[0].suffix} files) could not be put into the file "
            f"system of {name}: {reason} (28 is a full disk)"
        ) from error
    prompt.run("os.sync()")
    board.close()
    return Library(f"as {files[0].suffix} files in the board's file system", flash_file)


def _prompt(board: VirtualBoard, name: str) -> Prompt:
    try:
        return Prompt(board)
    except PromptError as error:
        pins = board.board.console
        raise CliError(
            f"no prompt on {pins.usart} {pins.tx}/{pins.rx}, where boards/{name}.toml has it: "
            f"{error}. Has this image its prompt on USB only? The bench has no USB"
        ) from error


def copy(prompt: Prompt, data: bytes, path: str) -> None:
    """A file for the board, through a buffer in its RAM, as the wire is slow."""
    address = int(
        prompt.run(f"import uctypes\nb = bytearray({len(data)})\nprint(uctypes.addressof(b))")
    )
    prompt.board.soc.map.write(address, data)
    prompt.run(f"with open({path!r}, 'wb') as f:\n    f.write(b)")
