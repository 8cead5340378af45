"""stm32loader on a pseudo terminal: `python -m tools.bench.loader --port PTY ...`.

The stm32loader command line wants even parity, and drives RESET and BOOT0 by DTR and RTS. A pseudo
terminal has none of these and answers with an error. So parity is off, and the two methods are
removed: stm32loader supports connections without them. All else is the client as installed.
"""

from __future__ import annotations

import sys

from stm32loader.main import main as stm32loader
from stm32loader.uart import SerialConnection


def main(arguments: list[str]) -> None:
    """Run stm32loader with these arguments. Ends by SystemExit as stm32loader does."""
    del SerialConnection.enable_reset, SerialConnection.enable_boot0
    stm32loader("--parity", "none", *arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
