"""Rules that hold in every family, where no source has the number itself.

The masks are those of ST's headers, as the project's collection of chip facts has them.
"""

from __future__ import annotations

import pytest

from host_tests.tables import replay
from host_tests.tables.sources import collected_masks
from tools.tables import dies
from tools.tables.family import Die, Family

pytestmark = pytest.mark.reference
EACH = [(family, die) for family, die in dies() if collected_masks(die.dev_id)]
each_die = pytest.mark.parametrize(
    ("family", "die"), EACH, ids=[f"{family}-{die}" for family, die in EACH]
)

PINS = 0xFFFF  # lines of EXTI


@each_die
def test_low_power_clocks_are_all_on(family: Family, die: Die) -> None:
    """LPENR and SMENR after a reset: every implemented bit."""
    masks = collected_masks(die.dev_id)
    for name, value in replay.values(family, die).items():
        if name.endswith(("LPENR", "SMENR")):
            assert value & masks.get(name, 0) == masks.get(name, 0), name


@each_die
def test_lines_that_come_from_a_peripheral_are_not_masked(family: Family, die: Die) -> None:
    """EXTI.IMR after a reset, where the table has it: 1 for lines without an edge detector, 0 for
    pins. (Of the others an STM32G0 has two unmasked: COMP3 and VDDIO2, by LL_EXTI_DeInit.)"""
    masks = collected_masks(die.dev_id)
    values = replay.values(family, die)
    for name, value in values.items():
        if name.startswith("EXTI.") and "IMR" in name:
            short = name.split(".")[1].removeprefix("CPU")
            edges = short.removeprefix("C2").replace("IMR", "RTSR")  # those of both cores
            direct = masks[f"EXTI.{short}"] & ~masks[f"EXTI.{edges}"]
            # LL_EXTI_DeInit of the WL and its SVD file have 0 in every one
            assert value & direct == (0 if family.name == "STM32WL" else direct), name
            assert short not in ("IMR", "IMR1") or not value & PINS, name
