"""The `romboot` command. What it imports it imports when it runs, where Ctrl-C is expected."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    try:
        from . import commands

        return commands.main(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
