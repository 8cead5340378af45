"""The one error type of the command line."""

from __future__ import annotations

try:
    from termios import error as _termios_error
except ImportError:  # not on Windows
    PORT_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError)
else:
    PORT_ERRORS = (OSError, ValueError, _termios_error)  # it is no OSError


class CliError(Exception):
    """A sentence for the user: what was seen, what it means, what to do. `code`: the exit code."""

    code = 1
