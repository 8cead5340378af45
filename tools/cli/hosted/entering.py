"""Sends a board into its ROM, and sees whether it went.

Nothing is sent to it from then on: one cable may serve both the prompt and the ROM, and the ROM
takes its baud rate from the first byte that it hears (AN3155 2).
"""

from __future__ import annotations

from ..errors import CliError, Code
from ..port.prompt import BoardError, Prompt

AFTER_MS = 50  # from GOING until the board goes: long enough to hear that
LONGEST_S = 3.0  # from the call until the board has gone; syncing a file system is most of it
QUIET_S = 0.5  # without a word from the board: it has gone
GOING = "romboot is going"
BANNERS = (b">>> ", b"MicroPython v")
END = b"\x04"  # ends each part of an answer at a raw prompt


class BackError(CliError):
    """The prompt is there again."""

    code = Code.NOT_ENTERED


# While the library waits to go the board says something every 50 ms, so that its silence means
# that it has gone.
BY_LIBRARY = f"""
import time, romboot
romboot.enter_bootloader(after_ms={2 * AFTER_MS}, force={{}}, via={{!r}})
print({GOING!r})
for _ in range({int(LONGEST_S / 0.05)}):
    time.sleep_ms(50)
    print('.', end='')
"""


def by_library(*, force: bool = False, via: str | None = None) -> str:
    """Code for enter(), if the library is on the board."""
    return BY_LIBRARY.format(force, via)


def enter(prompt: Prompt, code: str, back: Exception | None) -> None:
    """Run code that says GOING and then never ends; return when the board has gone.

    back: why the prompt is there after the code, if that is known.

    Raises:
        BoardError: the code ended with an exception before it said so.
        BackError: the application has started again.
        CliError, or back: nothing has happened.
    """
    prompt.start(code)
    going = f"{GOING}\r\n".encode()
    said = prompt.listen(LONGEST_S + 60, going, END)
    if prompt.gone:  # it went before this machine had read what it said
        prompt.left()
        return
    if not said.endswith(going):
        raise BoardError(prompt.listen(QUIET_S, END).rstrip(END).decode(errors="replace"))
    said = prompt.listen(QUIET_S, END)
    if END in said:
        prompt.listen(QUIET_S, END)
        raise back or CliError("the board said that it goes, but it is still at its prompt")
    prompt.left()
    if any(banner in said for banner in BANNERS):
        raise BackError("the prompt is back")
