"""What chip.image() needs of a chip."""

from __future__ import annotations

from types import SimpleNamespace


def chip(
    before: bytes, own: bytes, after: bytes, ram: tuple[int, int], mpu: tuple[int, int]
) -> SimpleNamespace:
    """A chip with a script of these three chunks, with this SRAM, and RBAR and RASR for it."""
    family = SimpleNamespace(SCRIPT=(before, after), DIES=((0, own),), REGION=mpu[0])
    return SimpleNamespace(family=family, number=0, ram=ram)
