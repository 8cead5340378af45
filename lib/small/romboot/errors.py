"""The errors of the small edition: their names as the text, followed by the values. The errors.py
of the whole library has a sentence for each."""

from . import RomBootError


def __getattr__(name):
    return lambda *values: RomBootError(name, *values)
