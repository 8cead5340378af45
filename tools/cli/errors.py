"""The one error type of the command line."""

from __future__ import annotations


class CliError(Exception):
    """A sentence for the user: what was seen, what it means, what to do."""
