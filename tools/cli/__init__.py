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
        _end_as_by_ctrl_c()
        from . import commands

        return commands.main(words)
    except KeyboardInterrupt:
        from . import said

        return said.stopped(words)


def _end_as_by_ctrl_c() -> None:
    """Whoever ends the program, it says where the board is, and leaves no child at work."""
    import signal

    from . import said

    def end(number: int, _frame: object) -> None:
        said.ended_by.append(signal.Signals(number).name)
        signal.raise_signal(signal.SIGINT)

    for name in "SIGTERM", "SIGHUP":
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, end)
