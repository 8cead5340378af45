"""Sends a board into its ROM, and sees whether it went.

On the way out the board says something every 50 ms, so that its silence means that it has gone.
Nothing is sent to it from then on: one cable may serve both the prompt and the ROM, and the ROM
takes its baud rate from the first byte that it hears (AN3155 2).
"""

from __future__ import annotations

from .arriving import BANNERS, BackError
from .errors import CliError
from .prompt import MOUNT, BoardError, Prompt

AFTER_MS = 100  # until the board goes: long enough to hear how the call ended
LONGEST_S = 3.0  # from the call until the board has gone; syncing a file system is most of it
QUIET_S = 0.5  # without a word from the board: it has gone
GOING = b"romboot is going\r\n"
END = b"\x04"  # ends each part of an answer at a raw prompt

# The mounted file system goes before the board does: os.sync() would ask this machine for it.
CODE = """
import os, time, romboot
romboot.enter_bootloader(after_ms={after_ms}, force={force}, via={via!r})
try:
    os.chdir('/')
    os.umount({mount!r})
except OSError:
    pass
print('romboot is going')
for _ in range({beats}):
    time.sleep_ms(50)
    print('.', end='')
"""


def leave(prompt: Prompt, *, force: bool, via: str | None) -> None:
    """Enter the bootloader, and return when the board has gone.

    Raises:
        BoardError: the library refused; the board is as it was.
        BackError: its prompt is back already.
        CliError: the call succeeded, but the board is still there.
    """
    beats = int(LONGEST_S / 0.05)
    code = CODE.format(after_ms=AFTER_MS, force=force, via=via, mount=MOUNT, beats=beats)
    prompt.start(code)
    said = prompt.listen(LONGEST_S + 60, GOING, END)
    if not said.endswith(GOING):
        raise BoardError(prompt.listen(QUIET_S, END).rstrip(END).decode(errors="replace"))
    prompt.left()
    _judge(prompt.listen(QUIET_S, END))


def _judge(said: bytes) -> None:
    if any(banner in said for banner in BANNERS):
        raise BackError("the prompt is back")
    if END in said:
        raise CliError(
            f"the library said that it goes, but {LONGEST_S:.0f} s later the board is still at "
            "its prompt"
        )
