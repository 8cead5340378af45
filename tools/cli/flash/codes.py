"""Exit codes of `romboot flash` and its neighbours, and the error that carries one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from ..errors import CliError, Next


class Code(IntEnum):
    """In the order in which things can go wrong."""

    DONE = 0
    OTHER = 1
    COMMAND_LINE = 2
    NO_BOARD = 3
    SEVERAL = 4
    REFUSED = 5
    NOT_ENTERED = 6
    NO_ROM = 7
    NO_RIGHT = 8
    BROKEN_OFF = 9
    NOT_THE_SAME = 10
    NOT_BACK = 11
    HELD = 12
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done; 1 anything else, such as a file that is no image; 2 wrong command line; "
    "3 no board; 4 several boards; 5 refused, nothing was touched; 6 the board did not leave its "
    "prompt; 7 it left, but its ROM was not found; 8 no permission to open it; 9 erasing, writing "
    "or reading broke off; 10 what was read back is not the file; 11 written, but the prompt did "
    "not come back; 12 another program holds the port; 130 Ctrl-C."
)

Way = tuple[Sequence[str], str]
"""Options to be added to the user's command line, and what it does then."""


class FlashError(CliError):
    """A sentence, and the exit code.

    ways: with which options the command goes on.
    next: commands that help; without them those are named that where.Where knows.
    """

    def __init__(
        self, code: Code, sentence: str, ways: Sequence[Way] = (), next: Sequence[Next] = ()
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.ways = ways
        self.next = next


class GoneError(FlashError):
    """The board has gone while the ROM was at work: nobody knows where it is now."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Code.BROKEN_OFF, sentence)
