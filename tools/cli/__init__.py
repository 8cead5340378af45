"""The `romboot` command. What it imports it imports when it runs, where Ctrl-C is expected."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    import sys

    words = sys.argv[1:] if argv is None else list(argv)
    try:
        from . import commands

        return commands.main(words)
    except KeyboardInterrupt:
        from . import said

        return said.stopped(words)
