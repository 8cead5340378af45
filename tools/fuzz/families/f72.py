"""STM32F72x and F73x: as the other F7."""

from __future__ import annotations

from . import f7

FAMILY = f7.FAMILY
