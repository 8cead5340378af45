"""Exit codes of `romboot prove`: those of `romboot flash`, as far as they fit."""

from __future__ import annotations

EXIT_CODES = (
    "Exit codes: 0 each way that is not refused led into the ROM at least once, and each time "
    "back to the prompt; 1 anything else; 2 wrong command line; 3 no board; 4 several boards; 5 "
    "every way is refused; 6 the board did not stay in its ROM, however often; 7 it left, but its "
    "ROM was not found; 8 no permission to open it; 11 no prompt came, or by the reset button; "
    "12 another program holds the port; 130 Ctrl-C. With 0, 5, 6, 7 and 11 there is a report."
)
