"""One thing that an application has done to the chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .application import Application


@dataclass(frozen=True)
class Action:
    """What it is in words, and how it is done."""

    words: str
    apply: Callable[[Application], None]
