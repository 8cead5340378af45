"""The errors that a user of `tools.firmware` can meet; each is a sentence."""


class FirmwareError(Exception):
    """The firmware cannot be built: what was seen, and what to do. Exit code 1."""


class MissingToolError(FirmwareError):
    """A program or package is not installed; the sentence says which. Exit code 3."""
